"""Where database coroutines run: an asyncio loop in a thread of its own, on every backend.

aiosqlite awaits asyncio futures, so on trio it needs such a loop; using one on asyncio as well
keeps one code path, and keeps the work of a large transaction off the caller's loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar, TypeVarTuple, Unpack

import anyio
from anyio import CapacityLimiter, to_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

READERS = 8
"""How many calls may be under way at once; further ones wait their turn."""


class DatabaseThread:
    """Runs coroutines to their end, whatever happens to the task that asked."""

    def __init__(self, portal: BlockingPortal) -> None:
        self._portal = portal
        self._limiter = CapacityLimiter(READERS)

    async def call(self, function: Callable[[Unpack[Ts]], Awaitable[T]], *arguments: *Ts) -> T:
        """Run `function(*arguments)` in the thread; a cancelled caller waits for its end.

        A transaction is never torn: a cancelled `await` would leave its SQL running.
        """
        with anyio.CancelScope(shield=True):
            result = await to_thread.run_sync(
                self._portal.call, function, *arguments, limiter=self._limiter
            )
        return result


@asynccontextmanager
async def database_thread() -> AsyncIterator[DatabaseThread]:
    """A running `DatabaseThread`, ended on exit."""
    opening = start_blocking_portal(backend="asyncio", name="reshelve-database")
    portal = await to_thread.run_sync(opening.__enter__)
    try:
        yield DatabaseThread(portal)
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(opening.__exit__, None, None, None)
