"""How images that could not be carried are offered again, once their files are there or others.

Told by how the files look, not by reading them: a source of which nothing has changed costs a look
at each refused image.
"""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread

from engine.actors.writer import Commits
from engine.facts.files import source_images
from engine.facts.refusals import BEFORE_FIRST, KeptRefusal
from engine.facts.work import Run
from engine.ports.changes import OfferAgain
from engine.ports.clock import Clock
from engine.ports.files import ImageFiles
from engine.ports.journal import Reader
from engine.ports.queries import RefusedImages

PAGE = 1000
"""Refused images that are looked at together."""


class Offering:
    """Refused images of sources, and what has become of them."""

    def __init__(
        self,
        reader: Reader,
        writer: Commits,
        images: ImageFiles,
        io: CapacityLimiter,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._images = images
        self._io = io
        self._clock = clock

    async def has_any(self, run: Run) -> bool:
        """Whether an image that the source of this run names can be offered again."""
        after: KeptRefusal | None = BEFORE_FIRST
        while after is not None:
            changed, after = await self._look(run, after)
            if changed:
                return True
        return False

    async def offer(self, run: Run) -> None:
        """Make work of all of them for this run, before anybody works in it."""
        after: KeptRefusal | None = BEFORE_FIRST
        while after is not None:
            changed, after = await self._look(run, after)
            if changed:
                await self._writer.commit(OfferAgain(run.id, changed, self._clock.now()))

    async def _look(
        self, run: Run, after: KeptRefusal
    ) -> tuple[list[KeptRefusal], KeptRefusal | None]:
        """Those of a page whose files have changed, and the last of the page if there is more."""
        page = await self._reader.ask(RefusedImages(run.location, run.images_folder, after, PAGE))
        if not page:
            return [], None
        folder = source_images(run.location, run.images_folder)
        names = [image.name for image in page]
        stamps = await to_thread.run_sync(self._images.stamps, folder, names, limiter=self._io)
        looks = zip(page, stamps, strict=True)
        return [image for image, stamp in looks if stamp != image.stamp], page[-1]
