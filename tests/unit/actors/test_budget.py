"""The pixel budget: never exceeded, fair, and given back whatever happens."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.actors.budget import PixelBudget
from tests.unit.turns import others_wait

pytestmark = pytest.mark.anyio

CAPACITY = 10


class Holders:
    """Tasks that hold pixels until they are told to let go."""

    def __init__(self) -> None:
        self.budget = PixelBudget(CAPACITY)
        self.granted: list[str] = []
        self.holding: dict[str, int] = {}
        self._leave: dict[str, anyio.Event] = {}

    async def hold(self, name: str, pixels: int) -> None:
        self._leave[name] = anyio.Event()
        async with self.budget.hold(pixels):
            self.granted.append(name)
            self.holding[name] = pixels
            await self._leave[name].wait()
            del self.holding[name]

    def release(self, name: str) -> None:
        self._leave[name].set()

    async def is_whole(self) -> bool:
        """Whether all of the budget can be had at once."""
        with anyio.move_on_after(1) as scope:
            async with self.budget.hold(CAPACITY):
                pass
        return not scope.cancelled_caught


@settings(max_examples=40)
@given(amounts=st.lists(st.integers(0, 14), max_size=12))
async def test_the_budget_is_never_exceeded(amounts: list[int]) -> None:
    holders = Holders()
    async with anyio.create_task_group() as tasks:
        for place, pixels in enumerate(amounts):
            tasks.start_soon(holders.hold, str(place), pixels)
        await others_wait()
        while holders.holding:
            assert sum(min(held, CAPACITY) for held in holders.holding.values()) <= CAPACITY
            holders.release(next(iter(holders.holding)))
            await others_wait()
    assert len(holders.granted) == len(amounts)


@settings(max_examples=40)
@given(amounts=st.lists(st.integers(1, 14), max_size=12))
async def test_whoever_came_first_is_granted_first(amounts: list[int]) -> None:
    holders = Holders()
    async with anyio.create_task_group() as tasks:
        for place, pixels in enumerate(amounts):
            tasks.start_soon(holders.hold, str(place), pixels)
            await others_wait()
        while holders.holding:
            holders.release(next(iter(holders.holding)))
            await others_wait()
            # Those granted at one moment may begin in any order.
            first = [str(place) for place in range(len(holders.granted))]
            assert set(holders.granted) == set(first)


async def test_a_small_request_does_not_overtake_a_large_one() -> None:
    holders = Holders()
    async with anyio.create_task_group() as tasks:
        for name, pixels in [("first", 6), ("large", 8), ("small", 1)]:
            tasks.start_soon(holders.hold, name, pixels)
            await others_wait()
        assert holders.granted == ["first"]
        tasks.cancel_scope.cancel()


async def test_requests_that_fit_hold_at_the_same_time() -> None:
    holders = Holders()
    async with anyio.create_task_group() as tasks:
        for name, pixels in [("a", 4), ("b", 6)]:
            tasks.start_soon(holders.hold, name, pixels)
        await others_wait()
        assert set(holders.holding) == {"a", "b"}
        tasks.cancel_scope.cancel()


async def test_a_request_larger_than_the_budget_is_granted_when_it_is_alone() -> None:
    holders = Holders()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(holders.hold, "huge", 1_000)
        await others_wait()
        assert holders.granted == ["huge"]
        tasks.cancel_scope.cancel()


async def test_a_request_larger_than_the_budget_lets_nothing_run_beside_it() -> None:
    holders = Holders()
    async with anyio.create_task_group() as tasks:
        for name, pixels in [("huge", 1_000), ("tiny", 1)]:
            tasks.start_soon(holders.hold, name, pixels)
            await others_wait()
        assert set(holders.holding) == {"huge"}
        tasks.cancel_scope.cancel()


async def test_a_request_larger_than_the_budget_waits_for_whatever_is_held() -> None:
    holders = Holders()
    async with anyio.create_task_group() as tasks:
        for name, pixels in [("tiny", 1), ("huge", 1_000)]:
            tasks.start_soon(holders.hold, name, pixels)
            await others_wait()
        assert set(holders.holding) == {"tiny"}
        tasks.cancel_scope.cancel()


async def test_an_error_gives_the_pixels_back() -> None:
    holders = Holders()
    with pytest.raises(ValueError, match="spoiled"):
        async with holders.budget.hold(7):
            raise ValueError("spoiled")
    assert await holders.is_whole()


async def test_cancelling_a_holder_gives_the_pixels_back() -> None:
    holders = Holders()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(holders.hold, "held", 7)
        await others_wait()
        tasks.cancel_scope.cancel()
    assert await holders.is_whole()


async def test_cancelling_a_waiter_takes_nothing() -> None:
    holders = Holders()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(holders.hold, "held", 7)
        await others_wait()
        with anyio.move_on_after(0):
            await holders.hold("waiting", 7)
        holders.release("held")
    assert await holders.is_whole()


async def test_cancelling_a_waiter_lets_those_behind_it_go_on() -> None:
    holders, leaving = Holders(), anyio.CancelScope()

    async def leave() -> None:
        with leaving:
            await holders.hold("large", 8)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(holders.hold, "held", 6)
        await others_wait()
        tasks.start_soon(leave)
        await others_wait()
        tasks.start_soon(holders.hold, "small", 4)
        await others_wait()
        leaving.cancel()
        await others_wait()
        assert holders.granted == ["held", "small"]
        tasks.cancel_scope.cancel()


async def test_cancelling_a_waiter_at_the_moment_of_its_grant_gives_the_pixels_back() -> None:
    holders = Holders()
    async with anyio.create_task_group() as waiting:
        async with holders.budget.hold(7):
            waiting.start_soon(holders.hold, "waiting", 7)
            await others_wait()
        waiting.cancel_scope.cancel()
    assert await holders.is_whole()
