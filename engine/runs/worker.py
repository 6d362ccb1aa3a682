"""What a worker does with one item, whatever its lane, and what its failures mean.

A bad image is a warning; only the item's own defect fails it, and only the library's disk ends
the run.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import anyio
import msgspec

from engine.actors.writer import Commits
from engine.errors import ReshelveError
from engine.facts.files import UnusableFile
from engine.facts.source import Defect
from engine.facts.states import ModelState
from engine.facts.work import ExistingPreviews, Work, WorkItem
from engine.ports.changes import Activate, Decide, Fail, KeepPending, NoteHash, Release, TakeInHand
from engine.ports.source import Images
from engine.runs.hashing import hash_file
from engine.runs.images import ImageCarrier
from engine.runs.resources import WorkerResources

LAY_DOWN_SECONDS = 2
"""How long a cancelled worker may take to say that it stopped."""

MODEL_GONE = Defect(
    "model_gone", "The model has left the library while images of it were carried again."
)

log = logging.getLogger("reshelve.worker")


class Worker:
    """Takes items through the rest of their lane, one at a time."""

    def __init__(self, resources: WorkerResources, writer: Commits, images: Images) -> None:
        self._resources = resources
        self._writer = writer
        self._carrier = ImageCarrier(resources, writer, images)

    async def process(self, item: WorkItem) -> None:
        """Finish the item's work, or fail the item; raises only what ends the run."""
        if not item.sha256 or item.work is Work.HASH:
            await self._process(item)
            return
        # Nobody else numbers this model's previews between the look at its previews and the commit.
        async with self._resources.locks.hold(item.sha256):
            await self._process(item)

    async def _process(self, item: WorkItem) -> None:
        begun: list[tuple[WorkItem, ExistingPreviews]] = []

        async def begin() -> None:
            begun.extend(await self._begin(item))

        await self._bounded(item, begin)
        for taken, previews in begun:
            # What was begun may have moved on: its failure is that of the state it is in now.
            await self._bounded(taken, partial(self._finish, taken, previews))

    async def _bounded(self, item: WorkItem, step: Callable[[], Awaitable[None]]) -> None:
        """The one failure boundary: a defect of one item, or of ours, does not stop the others."""
        try:
            await step()
        except UnusableFile as reason:
            await self._fail(item, Defect(reason.code, reason.message))
        except (ReshelveError, anyio.get_cancelled_exc_class()):
            await self._lay_down(item)
            raise
        except Exception as error:
            log.exception("item %s (%s) stopped", item.id, item.candidate.path)
            await self._fail(item, Defect("unexpected_error", f"{type(error).__name__}: {error}"))

    async def _begin(self, item: WorkItem) -> list[tuple[WorkItem, ExistingPreviews]]:
        """Take the item in hand, with its conflict settled; empty where it goes no further."""
        if item.candidate.defect is not None:
            await self._fail(item, item.candidate.defect)
            return []
        if item.work is not Work.PROMOTION:
            return [(item, await self._writer.commit(TakeInHand(item, self._now())))]
        previews = await self._writer.commit(Decide(item, self._now()))
        if previews is None:
            return []
        return [(msgspec.structs.replace(item, state=ModelState.IMPORTED), previews)]

    async def _finish(self, item: WorkItem, previews: ExistingPreviews) -> None:
        if item.work is Work.HASH:
            await self._hash(item)
        elif item.work is Work.ORIGINALS:
            await self._keep_originals(item)
        else:
            await self._make_previews(item, previews)

    async def _hash(self, item: WorkItem) -> None:
        compute = self._resources.computing([item])
        found = await hash_file(self._resources, compute, item.candidate.path)
        await self._writer.commit(
            NoteHash(item, found.sha256, found.facts, found.read, self._now())
        )

    async def _make_previews(self, item: WorkItem, previews: ExistingPreviews) -> None:
        compute = self._resources.computing([item])
        outcome = await self._carrier.encode(compute, item.sha256, item.candidate.images, previews)
        activated = await self._writer.commit(
            Activate(
                item=item,
                images_count=outcome.images_count,
                images=outcome.carried,
                refused=outcome.refused,
                image_bytes=outcome.bytes_read,
                warnings=outcome.warnings,
                at=self._now(),
                originals_kept=outcome.originals_kept,
            )
        )

        if not activated:
            await self._carrier.take_back(item.sha256)
            await self._fail(item, MODEL_GONE)

    async def _keep_originals(self, item: WorkItem) -> None:
        if item.suspect:
            await self._carrier.look(self._resources.isolated, item.candidate.images)
        kept, outcome = await self._carrier.adopt(item.candidate.images)
        still_waits = await self._writer.commit(
            KeepPending(
                item=item,
                images=kept,
                refused=outcome.refused,
                image_bytes=outcome.bytes_read,
                warnings=outcome.warnings,
                at=self._now(),
            )
        )

        if not still_waits:
            await self._fail(item, MODEL_GONE)

    async def _fail(self, item: WorkItem, defect: Defect) -> None:
        await self._writer.commit(Fail(item, defect, self._now()))

    async def _lay_down(self, item: WorkItem) -> None:
        # Laid down on purpose: not doing so would count as a crash at the next start. Where the
        # disk refuses even this, the first error is the one to tell.
        with anyio.move_on_after(LAY_DOWN_SECONDS, shield=True), suppress(ReshelveError):
            await self._writer.commit(Release(item))

    def _now(self) -> int:
        return self._resources.clock.now()
