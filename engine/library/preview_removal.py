"""How preview sets are removed, step by step, so that a failing disk or a kill loses no other.

What is under way is noted first. Whoever edits a model's images next, or the next start, finishes
it; callers hold the lock of the model's hash.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import anyio
from anyio import CapacityLimiter, to_thread

from engine.actors.writer import Commits
from engine.errors import StorageFailed
from engine.facts.removal import Removal
from engine.ports.changes import AdvanceRemoval, ConfirmRemoval, CountRemoval, EndRemoval
from engine.ports.journal import Reader
from engine.ports.queries import OpenRemovals
from engine.ports.removal import RemovalFiles

log = logging.getLogger("reshelve.removing")


class Removals:
    """Carries removals out, and finishes those that were interrupted."""

    def __init__(
        self, reader: Reader, writer: Commits, files: RemovalFiles, io: CapacityLimiter
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._files = files
        self._io = io

    async def carry_out(self, removal: Removal) -> None:
        """A removal to its end, whatever becomes of the caller. Raises `StorageFailed`."""
        with anyio.CancelScope(shield=True):
            removal = await self._move_down(removal)
            try:
                await self._clear(removal)
            except StorageFailed as error:
                # The image is gone for everybody; the next edit or start clears its files.
                log.warning("%s", error)

    async def finish(self, sha256: str) -> bool:
        """Finish what was interrupted for this model; whether an image was removed."""
        interrupted = [r for r in await self._reader.ask(OpenRemovals()) if r.sha256 == sha256]
        with anyio.CancelScope(shield=True):
            for removal in interrupted:
                confirmed = await self._writer.commit(ConfirmRemoval(removal))
                await self._clear(await self._move_down(confirmed))
        return any(not removal.counted for removal in interrupted)

    async def recover(self) -> None:
        """Finish what was interrupted for any model."""
        for removal in await self._reader.ask(OpenRemovals()):
            await self._clear(await self._move_down(removal))

    async def _move_down(self, removal: Removal) -> Removal:
        """Each step can be repeated: a set is copied over the one before, and only then is that
        noted, while the set it came from is still whole."""
        while removal.count is not None and not removal.counted:
            seq = removal.next_seq
            if seq < removal.count - 1:
                await self._thread(self._files.copy_tiers, removal.sha256, seq + 1, seq)
                removal = await self._writer.commit(AdvanceRemoval(removal))
            else:
                removal = await self._writer.commit(CountRemoval(removal))
        return removal

    async def _clear(self, removal: Removal) -> None:
        """Remove the files that are left over beyond the count."""
        if removal.count is not None:
            await self._thread(self._files.trim_tiers, removal.sha256, removal.count)
        await self._writer.commit(EndRemoval(removal))

    async def _thread(self, function: Callable[..., None], *arguments: object) -> None:
        await to_thread.run_sync(function, *arguments, limiter=self._io)
