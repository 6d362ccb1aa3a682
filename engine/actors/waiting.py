"""How a lock of another program is waited for: without end, until somebody is in a hurry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from engine.errors import DatabaseBusy
from engine.ports.bundle import nobody

T = TypeVar("T")

LONG_SECONDS = 1.0
"""A wait of less than this is the daily give and take of two programs, and told to nobody."""

AGAIN_SECONDS = 0.05
"""Between two attempts; each of them waits a while for the lock itself."""


class Waiting:
    """Since when the database is locked, and for how long it may be.

    `tell` is called once in each wait, as soon as it is long.
    """

    def __init__(self, tell: Callable[[], None] = nobody) -> None:
        self._tell = tell
        self._since: float | None = None
        self._until: float | None = None
        self.is_long = False

    async def go_on(self) -> bool:
        """It is locked still: wait a little; False where there is no time left."""
        now = anyio.current_time()
        if self._until is not None and now >= self._until:
            return False
        if self._since is None:
            self._since = now
        if not self.is_long and now - self._since >= LONG_SECONDS:
            self.is_long = True
            self._tell()
        await anyio.sleep(AGAIN_SECONDS)
        return True

    def over(self) -> None:
        """It is not locked any more."""
        self._since, self.is_long = None, False

    def hurry(self, seconds: float) -> None:
        """From now on wait for `seconds` more in all."""
        until = anyio.current_time() + seconds
        self._until = until if self._until is None else min(self._until, until)


async def once_unlocked(attempt: Callable[[], Awaitable[T]], tell: Callable[[], None]) -> T:
    """What an attempt brings as soon as no other program has locked the database."""
    waiting = Waiting(tell)
    while True:
        try:
            return await attempt()
        except DatabaseBusy:
            await waiting.go_on()
