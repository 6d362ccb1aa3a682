"""What a start finds after a crash: suspects, whom nobody blames."""

from __future__ import annotations

import msgspec
import pytest

from engine.facts.files import FileFacts
from engine.facts.source import Notice
from engine.facts.status import RunState
from engine.facts.work import Run, Work
from engine.ports.changes import NoteHash, OpenPromotion, Release, RetryFailed, SetRunState
from engine.ports.queries import EnlistedItems, FailuresOf, RunById
from tests.contract.bench import (
    AT,
    Bench,
    parked,
)
from tests.unit.rows import BROKEN, row, sha

pytestmark = pytest.mark.anyio

ACTIVE = row(1, sha256=sha(1), tags=("style",))
PREVIEWS = row(2, sha256=sha(2), images=("a.png", "b.png"), tags=("style",))
WAITING = row(3, tags=("style",))
ORIGINALS = row(4, images=("c.png",), tags=("style",))
FAILED = row(5, defect=BROKEN)
NOTE = Notice("rows_unreadable", "rows 6 to 9 lie on a damaged page")


async def test_a_running_run_is_interrupted_by_a_crash(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.store.apply([SetRunState(run.id, RunState.RUNNING, AT)])
    await bench.crash()
    found = await bench.store.ask(RunById(run.id))
    assert found is not None
    assert found.status is RunState.INTERRUPTED


async def test_a_completed_run_is_not_touched_by_a_crash(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.end_run(run)
    await bench.crash()
    found = await bench.store.ask(RunById(run.id))
    assert found is not None
    assert found.status is RunState.COMPLETED


async def test_an_item_in_hand_in_a_crash_becomes_a_suspect(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS, ORIGINALS)
    first, second = await bench.work(run)
    await bench.take(first)
    await bench.crash()
    found = await bench.work(run)
    assert [(i.id, i.suspect) for i in found] == [(first.id, True), (second.id, False)]


async def test_an_item_that_was_laid_down_on_purpose_is_no_suspect(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS)
    item = await bench.only_work(run)
    await bench.take(item)
    await bench.store.apply([Release(item)])
    await bench.crash()
    assert not (await bench.only_work(run)).suspect


async def test_an_item_that_was_not_in_hand_is_no_suspect(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS)
    await bench.crash()
    assert not (await bench.only_work(run)).suspect


async def test_however_many_crashes_fail_nothing(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS)
    for _ in range(6):
        await bench.take(await bench.only_work(run))
        await bench.crash()
    assert (await bench.only_work(run)).suspect
    assert await bench.store.ask(FailuresOf(run.id, 0, 10)) == []


async def test_a_suspect_that_failed_and_is_tried_again_is_one_still(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS)
    await bench.take(await bench.only_work(run))
    await bench.crash()
    await bench.fail(await bench.only_work(run))
    await bench.store.apply([RetryFailed(run.id, AT)])
    assert (await bench.only_work(run)).suspect


async def test_what_was_worked_on_to_its_end_is_no_suspect_in_the_next_step(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, ORIGINALS)
    item = await bench.only_work(run)
    await bench.take(item)
    await bench.crash()
    await bench.store.apply([parked(item, "c.png")])
    await bench.end_run(run)
    change = OpenPromotion([4], None, {4: 10}, AT)
    (promotion,) = await bench.store.apply([change])
    assert isinstance(promotion, Run)
    (again,) = await bench.store.ask(EnlistedItems(promotion.id, Work.HASH, -1, 2**31, 10))
    assert not again.suspect


async def test_a_model_that_was_being_hashed_is_a_suspect_until_it_is(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, row(1))
    await bench.end_run(run)
    (promotion,) = await bench.store.apply([OpenPromotion([1], None, {1: 10}, AT)])
    assert isinstance(promotion, Run)
    wanted = EnlistedItems(promotion.id, Work.HASH, -1, 2**31, 10)
    await bench.take(*await bench.store.ask(wanted))
    await bench.crash()
    (suspect,) = await bench.store.ask(wanted)
    await bench.store.apply([NoteHash(suspect, sha(1), FileFacts(10, 1, 1), True, AT)])
    wanted = msgspec.structs.replace(wanted, work=Work.PROMOTION)
    (hashed,) = await bench.store.ask(wanted)
    assert (suspect.suspect, hashed.suspect) == (True, False)
