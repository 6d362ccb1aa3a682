"""How the database is reached: by functions, each run whole on its connection's own thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

import aiosqlite

from engine.errors import ReshelveError

T = TypeVar("T")


class Connection(aiosqlite.Connection):
    """An aiosqlite connection that is given a function, and not one statement after another.

    What a function does cannot interleave with another's, and takes one way to the thread and
    back, however many statements it has. aiosqlite documents no such call, and its own are answered
    in an asyncio loop: `_tx` is the queue that all of them go through, with a future each, and
    `_conn` what they are given. A test tells what is relied on.
    """

    def begin(self, function: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Have a function run on the connection's thread, after those that were given before.

        The future is done there, whatever loop is waited in. Raises ValueError where the connection
        is closed.
        """
        running = _Running[T]()
        self._tx.put_nowait((running, partial(function, self._conn)))  # type: ignore[arg-type]
        return running


class _Running(Future[T]):
    """A future as aiosqlite knows them, of no loop: it is done where it is told of its result."""

    def get_loop(self) -> _Running[T]:
        """Who is asked to tell it."""
        return self

    def call_soon_threadsafe(self, tell: Callable[..., object], *arguments: object) -> None:
        """Tell it at once."""
        tell(*arguments)


async def connect(opened: Callable[[], sqlite3.Connection]) -> Connection:
    """A connection that `opened` made on the thread it will have. Raises what `opened` does."""
    refused: list[sqlite3.Error | ReshelveError] = []

    def connector() -> sqlite3.Connection:
        try:
            return opened()
        except (sqlite3.Error, ReshelveError) as error:
            refused.append(error)
            return sqlite3.connect(":memory:")

    # aiosqlite closes a connection that failed to open behind our back, after the loop has
    # ended; one that did open is closed here, and awaited.
    connection = Connection(connector, iter_chunk_size=64)
    await connection
    if refused:
        await connection.close()
        raise refused[0]
    return connection
