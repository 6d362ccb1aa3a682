"""Who works on what: in order, one of a hash at a time, and a bounded number."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from engine.actors.dispatcher import WINDOW, Dispatcher, News
from engine.errors import StorageFailed
from engine.facts.states import ModelState
from engine.facts.work import BEFORE_FIRST, Work, WorkItem, candidate
from tests.unit.rows import model, sha
from tests.unit.turns import others_wait

pytestmark = pytest.mark.anyio


def item(key: int, content: object = None) -> WorkItem:
    """An item whose hash is its own, unless it shares a content."""
    sha256 = sha(key if content is None else content)
    return WorkItem(
        id=key,
        place=key,
        state=ModelState.IMPORTED,
        work=Work.PREVIEWS,
        sha256=sha256,
        candidate=candidate(model(key)),
        attempts=0,
    )


def unhashed(key: int) -> WorkItem:
    return WorkItem(key, key, ModelState.PENDING, Work.ORIGINALS, "", candidate(model(key)), 0)


class ListedWork:
    """Reads work from a list, as a store does from its table."""

    def __init__(self, items: list[WorkItem]) -> None:
        self.items = items
        self.given = 0
        self.gate = anyio.Event()
        self.gate.set()

    async def queue(self, after: int, limit: int) -> list[WorkItem]:
        await self.gate.wait()
        behind = (found for found in self.items if found.place > after)
        batch = sorted(behind, key=lambda found: found.place)[:limit]
        self.given += len(batch)
        return batch


class GatedWorker:
    """Works on an item until it is let go; with `hurried`, lets all go at once."""

    def __init__(self, listed: ListedWork, hurried: bool) -> None:
        self._listed = listed
        self._hurried = hurried
        self._gates: dict[int, anyio.Event] = {}
        self.started: list[int] = []
        self.ended: list[int] = []
        self.company: dict[int, set[int]] = {}
        self.error: Exception | None = None

    @property
    def in_hand(self) -> set[int]:
        return set(self.started) - set(self.ended)

    async def process(self, found: WorkItem) -> None:
        self._gates[found.id] = anyio.Event()
        self.company[found.id] = self.in_hand
        self.started.append(found.id)
        if not self._hurried:
            await self._gates[found.id].wait()
        if self.error is not None:
            raise self.error
        listed = self._listed.items
        listed[:] = [other for other in listed if other.id != found.id]
        self.ended.append(found.id)

    def let_go(self, item_id: int) -> None:
        self._gates[item_id].set()


class Bench:
    """A dispatcher with its work and its worker."""

    def __init__(
        self,
        *items: WorkItem,
        workers: int = 2,
        hurried: bool = False,
    ) -> None:
        self.listed = ListedWork(list(items))
        self.worker = GatedWorker(self.listed, hurried)
        self.dispatcher = Dispatcher(self.listed.queue, workers)

    async def run(self) -> None:
        await self.dispatcher.run(self.worker)

    async def finish(self) -> None:
        """End the intake, and let every item go."""
        await self.dispatcher.tell(News.NO_MORE_WORK)
        await self.empty()

    async def empty(self) -> None:
        await others_wait()
        while self.worker.in_hand:
            self.worker.let_go(min(self.worker.in_hand))
            await others_wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The dispatcher at work, waiting for what the test does; on exit it has ended."""
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.run)
                await others_wait()
                yield


async def test_items_are_handed_out_in_the_order_of_their_keys() -> None:
    bench = Bench(item(3), item(1), item(2), workers=1)
    async with bench.running():
        await bench.finish()
    assert bench.worker.started == [1, 2, 3]


async def test_more_items_than_are_read_at_once_are_all_handed_out_once() -> None:
    bench = Bench(*[item(key) for key in range(3 * WINDOW)], hurried=True)
    async with bench.running():
        await bench.finish()
    assert sorted(bench.worker.started) == list(range(3 * WINDOW))


async def test_no_more_items_are_in_hand_than_there_are_workers() -> None:
    bench = Bench(*[item(key) for key in range(9)], workers=3)
    async with bench.running():
        assert bench.worker.in_hand == {0, 1, 2}
        await bench.finish()


async def test_an_idle_worker_gets_the_next_item_at_once() -> None:
    bench = Bench(item(1), item(2), item(3))
    async with bench.running():
        bench.worker.let_go(2)
        await others_wait()
        assert bench.worker.in_hand == {1, 3}
        await bench.finish()


async def test_two_items_of_one_hash_are_never_in_hand_together() -> None:
    bench = Bench(item(1, "same"), item(2, "same"))
    async with bench.running():
        assert bench.worker.in_hand == {1}
        await bench.finish()


async def test_an_item_of_another_hash_overtakes_one_that_is_held_back() -> None:
    bench = Bench(item(1, "same"), item(2, "same"), item(3))
    async with bench.running():
        assert bench.worker.in_hand == {1, 3}
        await bench.finish()


async def test_items_of_one_hash_keep_their_order() -> None:
    bench = Bench(*[item(key, "same") for key in range(8)], workers=4)
    async with bench.running():
        await bench.finish()
    assert bench.worker.started == list(range(8))


async def test_an_item_that_is_held_back_goes_first_when_its_hash_is_free() -> None:
    bench = Bench(item(1, "same"), item(2, "same"), item(3), item(4))
    async with bench.running():
        bench.worker.let_go(1)
        await others_wait()
        assert bench.worker.in_hand == {2, 3}
        await bench.finish()


async def test_items_without_a_hash_do_not_hold_each_other_back() -> None:
    bench = Bench(unhashed(1), unhashed(2))
    async with bench.running():
        assert bench.worker.in_hand == {1, 2}
        await bench.finish()


async def test_reading_ahead_is_bounded_while_one_hash_holds_all_others_back() -> None:
    bench = Bench(*[item(key, "same") for key in range(10 * WINDOW)])
    async with bench.running():
        assert bench.listed.given <= 2 * WINDOW
        await bench.dispatcher.drain()
        await bench.empty()


async def test_work_that_is_recorded_later_is_handed_out() -> None:
    bench = Bench()
    async with bench.running():
        bench.listed.items.append(item(1))
        await bench.dispatcher.tell(News.MORE_WORK)
        await others_wait()
        assert bench.worker.in_hand == {1}
        await bench.finish()


async def test_it_waits_while_the_intake_is_open() -> None:
    bench = Bench(item(1))
    async with bench.running():
        await bench.empty()
        bench.listed.items.append(item(2))
        await bench.finish()
    assert bench.worker.started == [1, 2]


async def test_it_ends_when_the_intake_has_ended_and_there_is_no_work() -> None:
    bench = Bench()
    async with bench.running():
        await bench.dispatcher.tell(News.NO_MORE_WORK)


async def test_work_that_was_recorded_last_is_found_without_being_told_of() -> None:
    bench = Bench()
    async with bench.running():
        bench.listed.items.append(item(1))
        await bench.finish()
    assert bench.worker.started == [1]


async def test_draining_finishes_what_is_in_hand() -> None:
    bench = Bench(*[item(key) for key in range(6)])
    async with bench.running():
        await bench.dispatcher.drain()
        await bench.empty()
    assert bench.worker.ended == [0, 1]


async def test_draining_an_idle_dispatcher_ends_it() -> None:
    bench = Bench()
    async with bench.running():
        await bench.dispatcher.drain()


async def test_draining_twice_is_draining() -> None:
    bench = Bench(item(1))
    async with bench.running():
        await bench.dispatcher.drain()
        await bench.dispatcher.drain()
        await bench.empty()
    assert bench.worker.ended == [1]


async def test_draining_before_it_runs_hands_out_nothing() -> None:
    bench = Bench(item(1))
    await bench.dispatcher.drain()
    async with bench.running():
        pass
    assert bench.worker.started == []


async def test_draining_after_its_end_does_nothing() -> None:
    bench = Bench()
    async with bench.running():
        await bench.dispatcher.tell(News.NO_MORE_WORK)
    await bench.dispatcher.drain()


async def test_draining_while_the_inbox_is_full_does_not_fail() -> None:
    bench = Bench(workers=1)
    bench.listed.gate = anyio.Event()
    async with bench.running(), anyio.create_task_group() as tasks:
        for _ in range(3):
            await bench.dispatcher.tell(News.MORE_WORK)
        tasks.start_soon(bench.dispatcher.drain)
        await others_wait()
        bench.listed.gate.set()


async def test_news_is_refused_without_waiting_once_it_drains() -> None:
    bench = Bench(item(1))
    async with bench.running():
        await bench.dispatcher.drain()
        for _ in range(100):
            await bench.dispatcher.tell(News.MORE_WORK)
        await bench.empty()


async def test_an_error_of_a_worker_ends_the_run() -> None:
    bench = Bench(item(1), item(2))
    bench.worker.error = StorageFailed("/library", "disk full")
    with pytest.RaisesGroup(pytest.RaisesGroup(StorageFailed)):
        async with bench.running():
            bench.worker.let_go(1)


async def test_reading_begins_below_every_place() -> None:
    bench = Bench(item(BEFORE_FIRST + 1), item(0))
    async with bench.running():
        await bench.finish()
    assert sorted(bench.worker.started) == [BEFORE_FIRST + 1, 0]
