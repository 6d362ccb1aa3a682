"""The one writer: commits in groups, acknowledges after the commit, loses nothing it accepted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import TaskGroup

from engine.actors.pulse import Pulse
from engine.actors.writer import GROUP_SIZE, Writer
from engine.errors import DatabaseBusy, UnknownRun
from engine.ports.changes import Change, FinishIntake
from engine.ports.journal import Store
from tests.unit.turns import others_wait

pytestmark = pytest.mark.anyio

BAD = 13


def change(number: int) -> FinishIntake:
    return FinishIntake(run_id=number, at=0)


class GatedStore:
    """Applies a batch when its gate is open: all of it, or nothing where one change is bad."""

    def __init__(self) -> None:
        self.gate = anyio.Event()
        self.attempts: list[list[int]] = []
        self.committed: list[list[int]] = []

    async def apply(self, changes: Sequence[Change[Any]]) -> list[int]:
        numbers = [cast(FinishIntake, found).run_id for found in changes]
        self.attempts.append(numbers)
        await self.gate.wait()
        if BAD in numbers:
            raise UnknownRun(BAD)
        self.committed.append(numbers)
        return [number * 10 for number in numbers]


class Bench:
    """A running writer, and tasks that commit through it."""

    def __init__(self) -> None:
        self.store = GatedStore()
        self.pulse = Pulse()
        self.writer = Writer(cast(Store, self.store), self.pulse)
        self.outcomes: dict[int, object] = {}

    async def commit(self, number: int) -> None:
        try:
            outcome: object = await self.writer.commit(cast(Change[object], change(number)))
            self.outcomes[number] = outcome
        except UnknownRun as error:
            self.outcomes[number] = error.code

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[TaskGroup]:
        """A group for committing tasks, while the writer is held up by change 0.

        At the end the gate is opened; on exit the writer has ended.
        """
        with anyio.fail_after(10):
            async with anyio.create_task_group() as actor:
                actor.start_soon(self.writer.run)
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self.commit, 0)
                    await others_wait()
                    yield tasks
                    await others_wait()
                    self.store.gate.set()
                self.writer.close()


async def test_changes_that_arrive_together_take_one_transaction() -> None:
    bench = Bench()
    async with bench.busy() as tasks:
        for number in range(1, 11):
            tasks.start_soon(bench.commit, number)
    assert [sorted(group) for group in bench.store.committed] == [[0], list(range(1, 11))]


async def test_a_group_is_bounded() -> None:
    bench = Bench()
    async with bench.busy() as tasks:
        for number in range(100, 100 + 3 * GROUP_SIZE):
            tasks.start_soon(bench.commit, number)
    assert max(len(group) for group in bench.store.committed) == GROUP_SIZE


async def test_every_change_gets_its_own_outcome() -> None:
    bench = Bench()
    async with bench.busy() as tasks:
        for number in range(100, 100 + 2 * GROUP_SIZE):
            tasks.start_soon(bench.commit, number)
    assert all(outcome == number * 10 for number, outcome in bench.outcomes.items())


async def test_nothing_is_acknowledged_before_its_commit() -> None:
    bench = Bench()
    async with bench.busy() as tasks:
        tasks.start_soon(bench.commit, 1)
        await others_wait()
        assert bench.outcomes == {}


async def test_a_failing_change_does_not_fail_the_others_of_its_group() -> None:
    bench = Bench()
    async with bench.busy() as tasks:
        for number in (12, BAD, 14):
            tasks.start_soon(bench.commit, number)
    assert bench.outcomes == {0: 0, 12: 120, BAD: "unknown_run", 14: 140}


async def test_the_others_of_a_failing_group_are_committed_once_each() -> None:
    bench = Bench()
    async with bench.busy() as tasks:
        for number in (12, BAD, 14):
            tasks.start_soon(bench.commit, number)
    committed = [number for group in bench.store.committed for number in group]
    assert sorted(committed) == [0, 12, 14]


async def test_a_change_that_fails_alone_is_tried_once() -> None:
    bench = Bench()
    async with bench.busy() as tasks:
        tasks.start_soon(bench.commit, BAD)
    assert bench.store.attempts == [[0], [BAD]]


async def test_a_change_whose_asker_was_cancelled_is_still_committed() -> None:
    bench = Bench()
    async with bench.busy(), anyio.create_task_group() as impatient:
        impatient.start_soon(bench.commit, 1)
        await others_wait()
        impatient.cancel_scope.cancel()
    assert bench.store.committed == [[0], [1]]


async def test_a_cancelled_asker_learns_no_outcome() -> None:
    bench = Bench()
    async with bench.busy(), anyio.create_task_group() as impatient:
        impatient.start_soon(bench.commit, 1)
        await others_wait()
        impatient.cancel_scope.cancel()
    assert bench.outcomes == {0: 0}


async def test_what_was_accepted_before_closing_is_committed() -> None:
    bench = Bench()
    async with bench.busy() as tasks:
        tasks.start_soon(bench.commit, 1)
        await others_wait()
        bench.writer.close()
    assert bench.outcomes == {0: 0, 1: 10}


async def test_a_closed_writer_takes_no_change() -> None:
    bench = Bench()
    async with bench.busy():
        pass
    with pytest.raises(anyio.ClosedResourceError):
        await bench.writer.commit(change(1))


async def test_cancelling_the_writer_does_not_lose_what_it_accepted() -> None:
    bench = Bench()
    with anyio.fail_after(10):
        async with anyio.create_task_group() as askers, anyio.create_task_group() as actor:
            actor.start_soon(bench.writer.run)
            for number in (0, 1):
                askers.start_soon(bench.commit, number)
                await others_wait()
            actor.cancel_scope.cancel()
            bench.store.gate.set()
            bench.writer.close()
    assert bench.store.committed == [[0], [1]]


async def test_every_group_beats_the_pulse_once() -> None:
    bench = Bench()
    async with bench.busy() as tasks:
        for number in range(1, 11):
            tasks.start_soon(bench.commit, number)
    assert bench.pulse.count == len(bench.store.committed) == 2


async def test_an_outcome_is_known_by_the_time_the_pulse_beats() -> None:
    bench = Bench()
    async with bench.busy() as tasks:

        async def look() -> None:
            await bench.pulse.after(0)
            assert bench.store.committed[0] == [0]

        tasks.start_soon(look)


class LockedStore(GatedStore):
    """Another program has it locked for so many attempts."""

    def __init__(self, attempts: int) -> None:
        super().__init__()
        self.gate.set()
        self.locked = attempts

    async def apply(self, changes: Sequence[Change[Any]]) -> list[int]:
        if len(self.attempts) < self.locked:
            self.attempts.append([cast(FinishIntake, found).run_id for found in changes])
            raise DatabaseBusy
        return await super().apply(changes)


@asynccontextmanager
async def writing(store: GatedStore, told: list[bool]) -> AsyncIterator[tuple[Writer, TaskGroup]]:
    """A running writer, which has ended on exit."""
    writer = Writer(cast(Store, store), Pulse(), lambda: told.append(True))
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(writer.run)
            yield writer, tasks
            writer.close()


async def test_a_lock_is_waited_for_and_every_change_is_committed_once() -> None:
    store, outcomes = LockedStore(3), list[int]()
    async with writing(store, []) as (writer, _), anyio.create_task_group() as askers:

        async def commit(number: int) -> None:
            outcomes.append(await writer.commit(cast(Change[int], change(number))))

        for number in (1, 2):
            askers.start_soon(commit, number)
    assert sorted(number for group in store.committed for number in group) == [1, 2]
    assert sorted(outcomes) == [10, 20]


async def test_a_wait_is_told_of_once_when_it_is_long_and_is_over_with_the_lock() -> None:
    store, told = LockedStore(10_000), list[bool]()
    async with writing(store, told) as (writer, tasks):
        tasks.start_soon(writer.commit, change(1))
        while not told:
            assert not writer.is_waiting
            await anyio.lowlevel.checkpoint()
        assert writer.is_waiting
        store.locked = 0
        await writer.commit(change(2))
        assert not writer.is_waiting
    assert told == [True]


async def test_who_is_in_a_hurry_is_told_that_the_database_is_locked() -> None:
    store = LockedStore(10_000)
    async with writing(store, []) as (writer, _):
        refused = list[int]()

        async def commit(number: int) -> None:
            with pytest.raises(DatabaseBusy):
                await writer.commit(change(number))
            refused.append(number)

        async with anyio.create_task_group() as askers:
            for number in (1, 2):
                askers.start_soon(commit, number)
            await others_wait()
            assert refused == []
            writer.hurry(0)
        assert sorted(refused) == [1, 2]
        store.locked = 0
        assert await writer.commit(cast(Change[object], change(3))) == 30
    assert store.committed == [[3]]
