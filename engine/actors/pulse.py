"""When something has changed: a signal that never queues, so a slow reader costs nothing."""

from __future__ import annotations

import anyio


class Pulse:
    """Wakes whoever waits; beats that nobody waited for collapse into one."""

    def __init__(self) -> None:
        self._count = 0
        self._next = anyio.Event()

    @property
    def count(self) -> int:
        """How many beats there have been."""
        return self._count

    def beat(self) -> None:
        """Wake all who wait."""
        self._count += 1
        self._next.set()
        self._next = anyio.Event()

    async def after(self, count: int) -> int:
        """Wait until there have been more than `count` beats; returns how many there were."""
        while self._count <= count:
            await self._next.wait()
        return self._count
