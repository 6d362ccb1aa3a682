"""How much may be decoded at once: a budget of pixels that workers share."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio


class PixelBudget:
    """A fair, weighted semaphore; a request larger than the whole budget runs alone.

    First come, first served: a large image is not starved by small ones behind it.
    """

    def __init__(self, pixels: int) -> None:
        self._capacity = pixels
        self._free = pixels
        self._queue: deque[tuple[int, anyio.Event]] = deque()

    @asynccontextmanager
    async def hold(self, pixels: int) -> AsyncIterator[None]:
        """Hold `pixels` of the budget for the length of the block."""
        amount = min(pixels, self._capacity)
        await self._acquire(amount)
        try:
            yield
        finally:
            self._free += amount
            self._grant()

    async def _acquire(self, amount: int) -> None:
        granted = anyio.Event()
        self._queue.append((amount, granted))
        self._grant()
        try:
            await granted.wait()
        except BaseException:
            if granted.is_set():
                self._free += amount
            else:
                self._queue.remove((amount, granted))
            self._grant()
            raise

    def _grant(self) -> None:
        while self._queue and self._queue[0][0] <= self._free:
            amount, granted = self._queue.popleft()
            self._free -= amount
            granted.set()
