"""How the database is reached: by functions, each run whole on its connection's own thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

import aiosqlite

from engine.errors import ReshelveError

T = TypeVar("T")


class Connection(aiosqlite.Connection):
    """An aiosqlite connection that is given a function, and not one statement after another.

    What a function does cannot interleave with another's, and takes one way to the thread and
    back, however many statements it has. aiosqlite documents no such call: `_execute` is the one
    that all of its own are made of, and `_conn` what they are given. A test tells what is relied
    on.
    """

    async def perform(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function on the connection's thread. Raises what it raises."""
        result: T = await self._execute(function, self._conn)  # type: ignore[no-untyped-call]
        return result


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
