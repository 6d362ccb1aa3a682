"""What reshelve relies on in aiosqlite beyond what that documents, and what it does with it.

`aiosqlite.Connection._tx` is a queue of (future, function): each function is run on the thread of
the connection, after those that were put there before it, and the future is told what it returned
or raised by `future.get_loop().call_soon_threadsafe`; `_conn` is the `sqlite3.Connection` that the
connector made there.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import AsyncIterator

import pytest

from adapters.sqlite.connection import Connection, connect
from adapters.sqlite.thread import DatabaseThread, database_thread
from engine.facts.status import RunState
from engine.ports.changes import SetRunState
from engine.ports.queries import ItemsOf
from tests.contract.bench import AT, Bench
from tests.unit.rows import row

pytestmark = pytest.mark.anyio


@pytest.fixture
async def thread(anyio_backend: str) -> AsyncIterator[DatabaseThread]:
    async with database_thread() as thread:
        yield thread


@pytest.fixture
async def connection(thread: DatabaseThread) -> AsyncIterator[Connection]:
    connection = await thread.call(connect, memory)
    yield connection
    await thread.call(connection.close)


def memory() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)


def thread_of(connection: sqlite3.Connection) -> int:
    connection.execute("SELECT 1")  # refused on any thread but its own
    return threading.get_ident()


async def test_a_function_is_given_the_connection_that_was_made(thread: DatabaseThread) -> None:
    made: list[sqlite3.Connection] = []

    def make() -> sqlite3.Connection:
        made.append(memory())
        return made[0]

    connection = await thread.call(connect, make)
    given = await thread.perform(connection, lambda given: given)
    await thread.call(connection.close)
    assert [given] == made


async def test_every_function_runs_on_the_thread_of_the_connection(
    thread: DatabaseThread, connection: Connection
) -> None:
    ran = {await thread.perform(connection, thread_of) for _ in range(3)}
    assert len(ran) == 1
    assert ran.isdisjoint({threading.get_ident()})


async def test_a_function_raises_to_whoever_asked(
    thread: DatabaseThread, connection: Connection
) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await thread.perform(connection, lambda sql: sql.execute("SELECT * FROM absent"))


async def test_a_connection_goes_on_after_an_error(
    thread: DatabaseThread, connection: Connection
) -> None:
    with pytest.raises(ZeroDivisionError):
        await thread.perform(connection, lambda _: 1 // 0)
    assert await thread.perform(connection, lambda _: "goes on") == "goes on"


async def test_a_closed_connection_says_so(thread: DatabaseThread) -> None:
    connection = await thread.call(connect, memory)
    await thread.call(connection.close)
    with pytest.raises(ValueError, match="no active connection"):
        await thread.perform(connection, thread_of)


async def test_what_cannot_be_opened_raises_why(thread: DatabaseThread) -> None:
    def refused() -> sqlite3.Connection:
        raise sqlite3.OperationalError("unable to open")

    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        await thread.call(connect, refused)


def ways_to_a_thread(caplog: pytest.LogCaptureFixture) -> int:
    """How many functions aiosqlite has run: it logs each."""
    return sum(record.getMessage().startswith("executing") for record in caplog.records)


async def test_a_batch_of_changes_takes_one_way_to_the_thread(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    run = await bench.open_run()
    with caplog.at_level(logging.DEBUG, "aiosqlite"):
        await bench.store.apply(
            [SetRunState(run.id, state, AT) for state in (RunState.RUNNING, RunState.COMPLETED)]
        )
    assert ways_to_a_thread(caplog) == 1


async def test_a_question_of_several_queries_takes_one_way_to_the_thread(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    run = await bench.open_run()
    await bench.record(run, row(1), row(2))
    with caplog.at_level(logging.DEBUG, "aiosqlite"):
        page = await bench.store.ask(ItemsOf(run.id, None, 0, 10))
    assert len(page.items) == 2
    assert ways_to_a_thread(caplog) == 1
