"""How preview sets are removed, step by step, so that a failing disk or a kill loses no other.

What is under way is noted first. Whoever edits a model's images next, or the next start, finishes
it; callers hold the lock of the model's hash. Each step can be repeated, and ends whatever others
have done to the files meanwhile: it removes only what it was to remove, and replaces nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import anyio
import msgspec
from anyio import to_thread

from engine.actors.writer import Commits
from engine.errors import StorageFailed, UnknownImage
from engine.facts.preview_sets import PlannedSet, SetsOnDisk, told_of_sets
from engine.facts.removal import Removal
from engine.ports.changes import (
    AdvanceRemoval,
    BeginRemoval,
    ConfirmPlans,
    ConfirmRemoval,
    EndRemoval,
)
from engine.ports.journal import Reader
from engine.ports.queries import OpenPlans, OpenRemovals
from engine.ports.removal import RemovalFiles
from engine.runs.preview_sets import clear_away
from engine.runs.resources import WorkerResources

T = TypeVar("T")

log = logging.getLogger("reshelve.removing")


class Removals:
    """Carries removals out, and finishes what was interrupted of them and of uploads."""

    def __init__(
        self, resources: WorkerResources, reader: Reader, writer: Commits, files: RemovalFiles
    ) -> None:
        self._resources = resources
        self._reader = reader
        self._writer = writer
        self._files = files

    async def remove(self, sha256: str, seq: int, count: int) -> None:
        """Remove a set of a model that counts so many, to the end, whatever becomes of the caller.

        Raises `UnknownImage`, `StorageFailed`.
        """
        with anyio.CancelScope(shield=True):
            found = await self._look(sha256, count)
            if not 0 <= seq < max(found.free, count):
                raise UnknownImage
            for notice in told_of_sets(count, found):
                log.warning("%s: %s", sha256, notice.detail)
            digests = await self._thread(self._files.set_digests, sha256, seq)
            removal = Removal(sha256, seq, digests, found.count)
            await self._writer.commit(BeginRemoval(removal))
            await self._carry_out(removal)

    async def finish(self, sha256: str) -> bool:
        """Finish what was interrupted for this model; whether an image was removed."""
        interrupted = await self._reader.ask(OpenRemovals(sha256))
        with anyio.CancelScope(shield=True):
            if plans := await self._reader.ask(OpenPlans(sha256)):
                await self._writer.commit(ConfirmPlans(sha256))
                await clear_away(self._resources, self._writer, plans)
            for removal in interrupted:
                await self._writer.commit(ConfirmRemoval(sha256))
                await self._carry_out(removal)
        return bool(interrupted)

    async def recover(self) -> None:
        """Finish what was interrupted for any model, and let go on who waits for it.

        What the disk does not let be finished is told, and tried again when the model is edited
        and at the next start.
        """
        plans: dict[str, list[PlannedSet]] = {}
        for planned in await self._reader.ask(OpenPlans()):
            plans.setdefault(planned.sha256, []).append(planned)
        for sets in plans.values():
            try:
                await clear_away(self._resources, self._writer, sets)
            except StorageFailed as error:
                log.warning("What an interruption left of previews stays: %s", error)
        for removal in await self._reader.ask(OpenRemovals()):
            try:
                await self._carry_out(removal)
            except StorageFailed as error:
                log.warning("The removal of a preview stays unfinished: %s", error)

    async def _carry_out(self, removal: Removal) -> None:
        sha256 = removal.sha256
        if not removal.digests:
            found = await self._thread(self._files.set_digests, sha256, removal.next_seq)
            removal = await self._advance(removal, removal.next_seq, found)
        end = (await self._look(sha256, max(removal.count or 0, removal.next_seq + 1))).free
        while (source := removal.next_seq + 1) < end:
            target, replaced = removal.next_seq, removal.digests
            taken = await self._thread(self._files.take_over, sha256, source, target, replaced)
            if taken is None:
                log.warning("%s: preview %s was written anew; it stays", sha256, target)
                await self._end(removal, None)
                return
            removal = await self._advance(removal, source, taken)
        await self._end(removal, PlannedSet(sha256, removal.next_seq, removal.digests))

    async def _end(self, removal: Removal, left: PlannedSet | None) -> None:
        count = (await self._look(removal.sha256, removal.next_seq)).count
        if left is not None:
            count = min(count, left.seq)
        await self._writer.commit(EndRemoval(removal.sha256, count, left))
        if left is not None:
            try:
                await clear_away(self._resources, self._writer, [left])
            except StorageFailed as error:
                # The image is gone for everybody; the next edit or start clears its files.
                log.warning("%s", error)

    async def _advance(self, removal: Removal, seq: int, digests: tuple[bytes, ...]) -> Removal:
        advanced = msgspec.structs.replace(removal, next_seq=seq, digests=digests)
        await self._writer.commit(AdvanceRemoval(advanced))
        return advanced

    async def _look(self, sha256: str, count: int) -> SetsOnDisk:
        return await self._thread(self._files.preview_sets, sha256, count)

    async def _thread(self, function: Callable[..., T], *arguments: object) -> T:
        return await to_thread.run_sync(function, *arguments, limiter=self._resources.io)
