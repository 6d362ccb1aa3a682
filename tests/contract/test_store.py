"""The store as a whole: how it opens, what runs it keeps, and what can be asked of it."""

from __future__ import annotations

import inspect
from pathlib import Path

import anyio
import msgspec
import pytest

from adapters.sqlite.store import ANSWER, APPLY, sqlite_reader
from engine.errors import LibraryMissing, RunActive, UnknownRun
from engine.facts.source import Defect, Notice, SourceTag
from engine.facts.states import ModelState
from engine.facts.status import ItemPage, RunState, RunStatus
from engine.ports import changes, queries
from engine.ports.changes import Change, ExpectRows, FinishIntake, RecordRows, SetRunState
from engine.ports.queries import (
    ItemsOf,
    LastRunOf,
    Query,
    RunById,
    StatusOf,
    UnfinishedRun,
    WarningsOf,
)
from tests.contract.bench import (
    AT,
    BROKE,
    LOCATION,
    Bench,
    names_in,
    opened,
)
from tests.sources import hikaze1
from tests.unit.rows import BROKEN, FOLDER, row, sha

pytestmark = pytest.mark.anyio

ACTIVE = row(1, sha256=sha(1), tags=("style",))
PREVIEWS = row(2, sha256=sha(2), images=("a.png", "b.png"), tags=("style",))
WAITING = row(3, tags=("style",))
ORIGINALS = row(4, images=("c.png",), tags=("style",))
FAILED = row(5, defect=BROKEN)
NOTE = Notice("rows_unreadable", "rows 6 to 9 lie on a damaged page")


def test_every_change_can_be_applied() -> None:
    known = {
        found
        for found in vars(changes).values()
        if isinstance(found, type) and issubclass(found, Change)
    }
    assert known - {Change} == set(APPLY)


def test_every_query_has_whoever_answers_it_with_its_fields() -> None:
    known = {value for value in vars(queries).values() if is_query(value)}
    assert known == set(ANSWER)
    for query, answer in ANSWER.items():
        _, *arguments = inspect.signature(answer).parameters
        assert arguments == list(query.__struct_fields__), query


def is_query(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Query) and value is not Query


async def test_a_library_is_made_in_a_folder_of_any_name(bench: Bench) -> None:
    await bench.open_run()
    assert sorted(path.suffix for path in bench.library.iterdir()) == [".db", ".db-shm", ".db-wal"]


async def test_nothing_is_left_beside_the_database_when_it_is_closed(library: Path) -> None:
    async with opened(library) as bench:
        await bench.open_run()
    assert names_in(library) == ["hikaze_model_manager.db"]


async def test_an_empty_batch_is_applied(bench: Bench) -> None:
    assert await bench.store.apply([]) == []


async def test_a_library_without_runs_has_an_empty_status(bench: Bench) -> None:
    assert await bench.store.ask(StatusOf()) == RunStatus()


async def test_a_new_run_begins_before_every_row(bench: Bench) -> None:
    run = await bench.open_run()
    assert (run.cursor, run.intake_done, run.source) == ("", False, hikaze1(LOCATION, FOLDER))


async def test_a_new_run_can_be_resumed_before_it_ran(bench: Bench) -> None:
    run = await bench.open_run()
    assert await bench.store.ask(UnfinishedRun()) == run


async def test_the_same_source_gets_its_unfinished_run(bench: Bench) -> None:
    assert await bench.open_run() == await bench.open_run()


@pytest.mark.parametrize("state", [state for state in RunState if state.unfinished])
async def test_another_source_has_to_wait_for_an_unfinished_run(
    bench: Bench, state: RunState
) -> None:
    run = await bench.open_run()
    await bench.store.apply([SetRunState(run.id, state, AT)])
    with pytest.raises(RunActive):
        await bench.open_run("/another/legacy.db")


@pytest.mark.parametrize("state", [state for state in RunState if not state.unfinished])
async def test_a_run_that_has_ended_makes_way_for_another(bench: Bench, state: RunState) -> None:
    run = await bench.open_run()
    await bench.store.apply([SetRunState(run.id, state, AT)])
    assert (await bench.open_run()).id > run.id


async def test_the_last_run_of_a_source_is_found_by_its_location(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.end_run(run)
    await bench.open_run("/another/legacy.db")
    found = await bench.store.ask(LastRunOf(hikaze1(LOCATION)))
    assert found is not None
    assert found.id == run.id


async def test_a_source_that_was_never_seen_has_no_run(bench: Bench) -> None:
    await bench.open_run()
    assert await bench.store.ask(LastRunOf(hikaze1("/never/seen.db"))) is None


async def test_a_run_that_does_not_exist_has_no_status(bench: Bench) -> None:
    with pytest.raises(UnknownRun):
        await bench.store.ask(StatusOf(7))


async def test_a_run_that_does_not_exist_has_no_items(bench: Bench) -> None:
    assert await bench.store.ask(ItemsOf(None, None, 0, 9)) == ItemPage([], None)
    with pytest.raises(UnknownRun):
        await bench.store.ask(ItemsOf(7, None, 0, 9))


@pytest.mark.parametrize("state", list(RunState))
async def test_the_status_tells_the_state_of_the_run(bench: Bench, state: RunState) -> None:
    run = await bench.open_run()
    await bench.store.apply([SetRunState(run.id, state, AT + 5)])
    summary = (await bench.store.ask(StatusOf())).run
    assert summary is not None
    assert (summary.status, summary.resumable, summary.updated_at) == (
        state,
        state in {RunState.INTERRUPTED, RunState.CANCELLED},
        AT + 5,
    )


@pytest.mark.parametrize("state", list(RunState))
async def test_only_a_run_that_has_ended_has_an_end(bench: Bench, state: RunState) -> None:
    run = await bench.open_run()
    await bench.store.apply([SetRunState(run.id, state, AT + 5)])
    summary = (await bench.store.ask(StatusOf())).run
    assert summary is not None
    assert summary.finished_at == (None if state.unfinished else AT + 5)


async def test_the_status_tells_why_a_run_failed(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.store.apply([SetRunState(run.id, RunState.FAILED, AT, BROKE)])
    summary = (await bench.store.ask(StatusOf())).run
    assert summary is not None
    assert summary.error == BROKE


async def test_a_run_that_goes_on_forgets_why_it_failed(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.store.apply([SetRunState(run.id, RunState.INTERRUPTED, AT, BROKE)])
    await bench.store.apply([SetRunState(run.id, RunState.RUNNING, AT)])
    summary = (await bench.store.ask(StatusOf())).run
    assert summary is not None
    assert summary.error is None


async def test_the_size_of_the_source_is_expected(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.store.apply([ExpectRows(run.id, 60, [], [])])
    assert (await bench.store.ask(StatusOf())).expected == 60


async def test_expecting_rows_again_repeats_no_warning(bench: Bench) -> None:
    run = await bench.open_run()
    expectation = ExpectRows(run.id, 60, [SourceTag(1, "style")], [Notice("tag_unreadable", "2")])
    await bench.store.apply([expectation])
    await bench.store.apply([expectation])
    assert (await bench.store.ask(StatusOf())).warnings == 1


async def test_finishing_the_intake_is_kept(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.store.apply([FinishIntake(run.id, AT)])
    found = await bench.store.ask(RunById(run.id))
    assert found is not None
    assert found.intake_done


async def test_items_are_listed_page_by_page(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, *[row(key) for key in range(1, 8)])
    after, pages = 0, []
    while True:
        page = await bench.store.ask(ItemsOf(run.id, None, after, 3))
        pages.append([view.source_id for view in page.items])
        if page.next is None:
            break
        after = page.next
    assert pages == [[1, 2, 3], [4, 5, 6], [7]]


async def test_items_are_listed_by_state(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, ACTIVE, PREVIEWS, WAITING, FAILED)
    page = await bench.store.ask(ItemsOf(None, ModelState.FAILED, 0, 10))
    assert [(view.source_id, view.error) for view in page.items] == [
        (5, Defect(BROKEN.code, BROKEN.message))
    ]


async def test_items_are_listed_with_their_warnings(bench: Bench) -> None:
    run = await bench.open_run()
    warned = msgspec.structs.replace(ACTIVE, warnings=(Notice("file_missing", "gone"),))
    await bench.record(run, warned, WAITING)
    page = await bench.store.ask(ItemsOf(run.id, None, 0, 10))
    assert [[w.code for w in view.warnings] for view in page.items] == [["file_missing"], []]


async def test_warnings_are_listed_page_by_page(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, notes=[Notice("note", str(n)) for n in range(5)])
    first = await bench.store.ask(WarningsOf(run.id, 0, 3))
    second = await bench.store.ask(WarningsOf(run.id, first[-1][0], 3))
    assert [warning.detail for _, warning in first + second] == ["0", "1", "2", "3", "4"]


async def test_what_was_acknowledged_is_there_after_reopening(library: Path) -> None:
    async with opened(library) as bench:
        run = await bench.open_run()
        await bench.record(run, ACTIVE, PREVIEWS)
        before = await bench.store.ask(StatusOf())
    async with opened(library) as bench:
        assert await bench.store.ask(StatusOf()) == before


async def test_another_process_reads_what_is_committed(bench: Bench) -> None:
    await bench.record(await bench.open_run(), ACTIVE)
    async with sqlite_reader(bench.library) as reader:
        assert await reader.ask(StatusOf()) == await bench.store.ask(StatusOf())


async def test_a_folder_without_a_database_is_no_library(tmp_path: Path) -> None:
    with pytest.raises(LibraryMissing):
        async with sqlite_reader(tmp_path):
            pass


async def test_reading_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(LibraryMissing):
        async with sqlite_reader(tmp_path):
            pass
    assert names_in(tmp_path) == []


async def test_a_cancelled_commit_is_whole(bench: Bench) -> None:
    run = await bench.open_run()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await bench.store.apply([RecordRows(run.id, run.cursor, "2", [ACTIVE, WAITING], [], AT)])
    assert (await bench.store.ask(StatusOf())).counts.total in {0, 2}


async def test_many_callers_read_while_one_writes(bench: Bench) -> None:
    run = await bench.open_run()
    totals: list[int] = []

    async def read() -> None:
        totals.append((await bench.store.ask(StatusOf())).counts.total)

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(read)
        tasks.start_soon(bench.record, run, ACTIVE, WAITING)
    assert set(totals) <= {0, 2}
