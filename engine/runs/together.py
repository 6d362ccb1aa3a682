"""How small items are worked many at once: their hashes in one go, their changes in few commits.

Whatever is not as small as it looked, or fails in company, is done by itself, as all others are.
"""

from __future__ import annotations

from contextlib import suppress

import anyio
import msgspec

from engine.actors.dispatcher import Processes
from engine.actors.writer import Commits
from engine.errors import ReshelveError
from engine.facts.files import UnusableFile
from engine.facts.source import Defect
from engine.facts.states import ModelState
from engine.facts.work import Work, WorkItem
from engine.ports.changes import Change, Decide, Fail, NoteHash, Release, TakeInHand
from engine.runs.hashing import SMALL_BYTES, FileHash, hash_small_files
from engine.runs.resources import WorkerResources
from engine.runs.worker import LAY_DOWN_SECONDS


class TogetherWorker:
    """Takes small items of stage 2 through a step, many at once."""

    def __init__(self, resources: WorkerResources, writer: Commits, single: Processes) -> None:
        self._resources = resources
        self._writer = writer
        self._single = single

    def takes(self, item: WorkItem) -> bool:
        """Whether an item is small: a short file to hash, or a record that needs no previews."""
        if item.candidate.defect is not None:
            return False
        if item.work is Work.HASH:
            return (item.candidate.size_bytes or 0) <= SMALL_BYTES
        return item.work is Work.PROMOTION and not item.candidate.images

    async def process_all(self, items: list[WorkItem]) -> None:
        """Take items, all with the same work, a step further; raises only what ends the run."""
        try:
            if items[0].work is Work.HASH:
                left = await self._hash(items)
            else:
                left = await self._decide(items)
        except Exception:
            # One of them is at fault, and nothing was done: alone, each tells for itself.
            left = items
        for item in left:
            await self._single.process(item)

    async def _decide(self, items: list[WorkItem]) -> list[WorkItem]:
        """Settle conflicts and make active; returns those whose files are to be looked at."""
        begun = await self._writer.commit_all([Decide(item, self._now()) for item in items])
        return [
            msgspec.structs.replace(item, state=ModelState.IMPORTED)
            for item, previews in zip(items, begun, strict=True)
            if previews is not None
        ]

    async def _hash(self, items: list[WorkItem]) -> list[WorkItem]:
        """Hash and note; returns those that are to be hashed alone."""
        try:
            await self._writer.commit_all([TakeInHand(item, self._now()) for item in items])
            compute = self._resources.computing(items)
            paths = [item.candidate.path for item in items]
            hashes = await hash_small_files(self._resources, compute, paths)
            found = list(zip(items, hashes, strict=True))
            await self._writer.commit_all(
                [self._told(item, outcome) for item, outcome in found if outcome is not None]
            )
        except (ReshelveError, anyio.get_cancelled_exc_class()):
            await self._lay_down(items)
            raise
        return [item for item, outcome in found if outcome is None]

    def _told(self, item: WorkItem, outcome: FileHash | UnusableFile) -> Change[None]:
        if isinstance(outcome, UnusableFile):
            return Fail(item, Defect(outcome.code, outcome.message), self._now())
        return NoteHash(item, outcome.sha256, outcome.facts, outcome.read, self._now())

    async def _lay_down(self, items: list[WorkItem]) -> None:
        # Laid down on purpose, as a single item is.
        with anyio.move_on_after(LAY_DOWN_SECONDS, shield=True), suppress(ReshelveError):
            await self._writer.commit_all([Release(item) for item in items])

    def _now(self) -> int:
        return self._resources.clock.now()
