"""What the store does for callers that are cancelled."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from adapters.sqlite.thread import database_thread
from engine.library.reports import PAGE, Reports
from engine.ports.queries import StatusOf
from tests.contract.bench import Bench, names_in, opened
from tests.unit.rows import row

pytestmark = pytest.mark.anyio


async def test_a_cancelled_caller_begins_no_further_read(bench: Bench) -> None:
    read = 0
    with anyio.CancelScope() as scope:
        for _ in range(3):
            await bench.store.ask(StatusOf())
            read += 1
            scope.cancel()
    assert read == 1


async def test_a_report_that_nobody_reads_any_more_ends(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, *(row(key) for key in range(1, 2 * PAGE + 1)))
    report = await Reports(bench.store).run(run.id)
    read = 0
    with anyio.CancelScope() as scope:
        async for _ in report.pages:
            read += 1
            scope.cancel()
    assert read == 1


async def test_a_call_that_has_begun_is_answered_to_a_caller_cancelled_meanwhile() -> None:
    begun, released = threading.Event(), threading.Event()
    answers = []

    async def work() -> str:
        begun.set()
        await asyncio.to_thread(released.wait)
        return "done"

    async with database_thread() as thread:

        async def ask() -> None:
            answers.append(await thread.call(work))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await to_thread.run_sync(begun.wait)
            tasks.cancel_scope.cancel()
            released.set()
    assert answers == ["done"]


async def test_a_shielded_change_is_committed_in_a_cancelled_scope(bench: Bench) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        with anyio.CancelScope(shield=True):
            await bench.open_run()
    assert bench.sql("SELECT count(*) FROM migration_runs") == [(1,)]


async def test_a_store_in_a_cancelled_scope_is_closed(library: Path) -> None:
    with anyio.CancelScope() as scope:
        async with opened(library) as bench:
            await bench.open_run()
            scope.cancel()
    assert names_in(library) == ["hikaze_model_manager.db"]
