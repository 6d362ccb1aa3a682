"""How preview sets are removed, step by step, so that a failing disk or a kill loses no other.

What is under way is noted first. Whoever edits a model's images next, or the next start, finishes
it; callers hold the lock of the model's hash.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

import anyio
import msgspec
from anyio import CapacityLimiter, to_thread

from engine.errors import StorageFailed
from engine.journal import Change
from engine.writer import Commits

log = logging.getLogger("reshelve.removing")


class BeginRemoval(Change["Removal | None"], frozen=True):
    """Note that a set is to be removed, before files move. None where there is no such set."""

    sha256: str
    seq: int


class Removal(msgspec.Struct, frozen=True):
    """Sets to be removed from a model that counts `count` of them now, None where it is gone.

    Until `counted`, the set `next_seq` takes the content of the one after it, and so on to the
    last; then the count is lowered, and only files beyond it are left over.
    """

    sha256: str
    next_seq: int
    count: int | None
    counted: bool


class ConfirmRemoval(Change[Removal], frozen=True):
    """Commit what is under way once more, as it is.

    A commit that the disk refused may lie whole in the database's log, and be found there by the
    next start. The next commit that succeeds takes its place: only then may files be removed.
    """

    removal: Removal


class AdvanceRemoval(Change[Removal], frozen=True):
    """One set has taken the content of the one after it."""

    removal: Removal


class CountRemoval(Change[Removal], frozen=True):
    """All sets have moved down: `images_count` follows. Not yet, where another was added."""

    removal: Removal


class EndRemoval(Change[None], frozen=True):
    """No files are left over."""

    removal: Removal


class RemovalReader(Protocol):
    """Reads what is under way."""

    async def removals(self) -> list[Removal]:
        """Removals, and sets to be written, that were interrupted."""
        ...


class RemovalFiles(Protocol):
    """Moves and removes preview files. Methods block; call them in a thread."""

    def copy_tiers(self, sha256: str, source: int, target: int) -> None:
        """Give a set the content of another, durably."""
        ...

    def trim_tiers(self, sha256: str, count: int) -> None:
        """Remove sets numbered `count` and up."""
        ...


class Removals:
    """Carries removals out, and finishes those that were interrupted."""

    def __init__(
        self, reader: RemovalReader, writer: Commits, files: RemovalFiles, io: CapacityLimiter
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
        interrupted = [r for r in await self._reader.removals() if r.sha256 == sha256]
        with anyio.CancelScope(shield=True):
            for removal in interrupted:
                confirmed = await self._writer.commit(ConfirmRemoval(removal))
                await self._clear(await self._move_down(confirmed))
        return any(not removal.counted for removal in interrupted)

    async def recover(self) -> None:
        """Finish what was interrupted for any model."""
        for removal in await self._reader.removals():
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
