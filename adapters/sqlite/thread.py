"""Where database coroutines run: an asyncio loop in a thread of its own, on every backend.

aiosqlite awaits asyncio futures, so on trio it needs such a loop; using one on asyncio as well
keeps one code path, and keeps the work of a large transaction off the caller's loop.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import TypeVar, TypeVarTuple, Unpack

import anyio
import anyio.lowlevel
from anyio import to_thread
from anyio.from_thread import start_blocking_portal

from adapters.sqlite.connection import Connection

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

READERS = 8
"""How many calls may be under way at once; further ones wait their turn."""


class DatabaseThread:
    """Runs coroutines to their end once begun, whatever happens to the task that asked."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots = anyio.Semaphore(READERS, fast_acquire=True)

    async def call(self, function: Callable[[Unpack[Ts]], Awaitable[T]], *arguments: *Ts) -> T:
        """Run `function(*arguments)` in the thread; a caller cancelled meanwhile waits for its end,
        and one that was cancelled before does not begin.

        A transaction is never torn: a cancelled `await` would leave its SQL running. No thread
        stands between the two loops: while images are encoded, each that has to be woken may
        wait some milliseconds for a processor.
        """
        return await self._ended(
            lambda: asyncio.run_coroutine_threadsafe(_run(function, *arguments), self._loop)
        )

    async def perform(
        self, connection: Connection, function: Callable[[sqlite3.Connection], T]
    ) -> T:
        """Run a function on a connection's own thread, as `call` does: not even this loop stands
        between. Raises what it raises."""
        return await self._ended(lambda: connection.begin(function))

    async def _ended(self, begin: Callable[[], Future[T]]) -> T:
        await anyio.lowlevel.checkpoint_if_cancelled()
        ended = anyio.Event()
        wake = _waker()
        with anyio.CancelScope(shield=True):
            async with self._slots:
                running = begin()
                running.add_done_callback(lambda _: wake(ended.set))
                await ended.wait()
        return running.result()


async def _run(function: Callable[[Unpack[Ts]], Awaitable[T]], *arguments: *Ts) -> T:
    return await function(*arguments)


def _waker() -> Callable[[Callable[[], object]], object]:
    """Has a function called by the running loop, from any thread."""
    try:
        return asyncio.get_running_loop().call_soon_threadsafe
    except RuntimeError:
        import trio  # only where it runs already

        return trio.lowlevel.current_trio_token().run_sync_soon


@asynccontextmanager
async def database_thread() -> AsyncIterator[DatabaseThread]:
    """A running `DatabaseThread`, ended on exit."""
    opening = start_blocking_portal(backend="asyncio", name="reshelve-database")
    portal = await to_thread.run_sync(opening.__enter__)
    try:
        yield DatabaseThread(await to_thread.run_sync(portal.call, asyncio.get_running_loop))
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(opening.__exit__, None, None, None)
