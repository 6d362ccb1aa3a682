"""How images that could not be carried are offered again, once their files are there or others.

Told by how the files look, not by reading them: a source of which nothing has changed costs a look
at each refused image.
"""

from __future__ import annotations

from collections.abc import Mapping

from anyio import CapacityLimiter, to_thread

from engine.actors.writer import Commits
from engine.facts.refusals import BEFORE_FIRST, KeptRefusal
from engine.facts.work import Run
from engine.ports.changes import OfferAgain
from engine.ports.clock import Clock
from engine.ports.journal import Reader
from engine.ports.queries import RefusedImages
from engine.ports.source import SourceKind, kind_of

PAGE = 1000
"""Refused images that are looked at together."""


class Offering:
    """Refused images of sources, and what has become of them."""

    def __init__(
        self,
        reader: Reader,
        writer: Commits,
        sources: Mapping[str, SourceKind],
        io: CapacityLimiter,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._sources = sources
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
        if run.source is None:
            return [], None
        page = await self._reader.ask(RefusedImages(run.source, after, PAGE))
        if not page:
            return [], None
        images = kind_of(self._sources, run.source).images(run.source)
        refs = [refused.image for refused in page]
        stamps = await to_thread.run_sync(images.stamps, refs, limiter=self._io)
        looks = zip(page, stamps, strict=True)
        return [refused for refused, stamp in looks if stamp != refused.stamp], page[-1]
