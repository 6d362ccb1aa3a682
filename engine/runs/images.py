"""How the images of one item are carried: made into previews, or kept as they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import anyio
import msgspec
from anyio import to_thread

from engine.actors.writer import Commits
from engine.facts.previews import UnusableImage
from engine.facts.refusals import NO_FILE, RefusedImage
from engine.facts.source import ImageRef, Notice
from engine.facts.work import CarriedImage, ExistingPreviews
from engine.ports.compute import Compute
from engine.ports.queries import OpenPlans
from engine.ports.source import Images
from engine.runs.preview_sets import PreviewSets, Tiers, clear_away
from engine.runs.resources import WorkerResources

T = TypeVar("T")

BYTES_AT_ONCE = 2 * 1024 * 1024
"""Previews of one item that are written together once they come to so much: each time costs a
commit and a sync of the folder."""


class ImageOutcome(msgspec.Struct):
    """What became of the images of one item; `refused` are those that could not be carried, and
    `originals_kept` the names of originals of a model that waited which could not."""

    carried: list[CarriedImage] = []
    refused: list[RefusedImage] = []
    warnings: list[Notice] = []
    bytes_read: int = 0
    images_count: int | None = None
    originals_kept: list[str] = []

    def refuse(self, image: ImageRef, reason: UnusableImage, stamp: str) -> None:
        """Note an image that could not be carried: a warning, never a failure of its model."""
        self.bytes_read += reason.read
        self.refused.append(RefusedImage(image, stamp))
        self.warnings.append(Notice(reason.code, f"{image.name}: {reason.detail}"))

    def keep(self, original: ImageRef, reason: UnusableImage) -> None:
        """Note an original that stays where it is."""
        self.bytes_read += reason.read
        self.originals_kept.append(original.name)
        self.warnings.append(Notice(reason.code, f"{original.name}: {reason.detail}"))


class ImageCarrier:
    """Makes previews of images, or keeps them as they are."""

    def __init__(self, resources: WorkerResources, writer: Commits, images: Images) -> None:
        self._resources = resources
        self._writer = writer
        self._images = images

    async def encode(
        self,
        compute: Compute,
        sha256: str,
        refs: tuple[ImageRef, ...],
        previews: ExistingPreviews,
    ) -> ImageOutcome:
        """Put the tiers of each usable image on disk, numbered on from those that are there.

        So is each original of a model that waited, unless it is the copy of one of them. Raises
        `UnusableFile` where an image ends whatever process decodes it.
        """
        await clear_away(self._resources, self._writer, previews.unfinished)
        outcome = ImageOutcome()
        sets = PreviewSets(self._resources, self._writer, sha256, previews.images_count)
        made: list[Tiers] = []
        known: defaultdict[str, set[bytes]] = defaultdict(set)
        if not (previews.gone and await sets.are_none()):  # removed with their model, if they were
            for image in previews.carried:
                known[image.name].add(image.digest)
        seen: set[bytes] = set()
        originals = self._resources.library.originals
        images = [(self._images, ref) for ref in refs]
        images += [(originals, ImageRef(name)) for name in previews.originals]
        for source, ref in images:
            there = frozenset(known[ref.name] | seen if source is originals else known[ref.name])
            try:
                encoded = await compute.encode(source, ref, there)
            except UnusableImage as reason:
                if source is originals:
                    outcome.keep(ref, reason)
                else:
                    outcome.refuse(ref, reason, await self._stamp(ref, reason))
                continue
            outcome.bytes_read += encoded.size
            seen.add(encoded.digest)
            if encoded.tiers is None:
                continue
            made.append(encoded.tiers)
            outcome.carried.append(CarriedImage(ref.name, encoded.digest, ref.place))
            known[ref.name].add(encoded.digest)
            if sum(len(tier) for tiers in made for tier in tiers) >= BYTES_AT_ONCE:
                await sets.add(made)
                made = []
        if made:
            await sets.add(made)
        outcome.images_count = sets.counted
        outcome.warnings += sets.notices
        return outcome

    async def look(self, compute: Compute, refs: tuple[ImageRef, ...]) -> None:
        """Read the originals where they take nothing down; those that cannot be are met later.

        Raises `UnusableFile` where one ends whatever process reads it.
        """
        for ref in refs:
            with suppress(UnusableImage):
                await compute.read(self._images, ref)

    async def adopt(self, refs: tuple[ImageRef, ...]) -> tuple[list[str], ImageOutcome]:
        """Put a copy of each original on disk; returns the names there."""
        outcome = ImageOutcome()
        kept: list[str] = []
        for ref in refs:
            try:
                data = await to_thread.run_sync(self._images.read, ref, limiter=self._resources.io)
                adopted = await self._finished(
                    self._resources.library.adopt_original, ref.name, data
                )
            except UnusableImage as reason:
                outcome.refuse(ref, reason, await self._stamp(ref, reason))
                continue
            outcome.bytes_read += len(data)
            if adopted not in kept:
                kept.append(adopted)
        return kept, outcome

    async def take_back(self, sha256: str) -> None:
        """Remove what was made for a model that is gone."""
        plans = await self._resources.journal.ask(OpenPlans(sha256))
        await clear_away(self._resources, self._writer, plans)

    async def _stamp(self, ref: ImageRef, reason: UnusableImage) -> str:
        """How a refused image's file looks; one that was missing may be there by now."""
        if reason.code == "image_missing":
            return NO_FILE
        stamps = self._images.stamps
        (found,) = await to_thread.run_sync(stamps, [ref], limiter=self._resources.io)
        return found

    async def _finished(self, write: Callable[..., T], *arguments: object) -> T:
        # A write in hand is finished: cancelling between files gains nothing.
        with anyio.CancelScope(shield=True):
            result = await to_thread.run_sync(write, *arguments, limiter=self._resources.io)
        return result
