"""How the images of one item are carried: made into previews, or kept as they are."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import anyio
import msgspec
from anyio import to_thread

from engine.actors.writer import Commits
from engine.facts.files import ImageFolder
from engine.facts.previews import UnusableImage
from engine.facts.source import Notice
from engine.facts.work import CarriedImage, ExistingPreviews
from engine.ports.compute import Compute
from engine.runs.preview_sets import PreviewSets, Tiers, clear_away
from engine.runs.resources import WorkerResources

T = TypeVar("T")

BYTES_AT_ONCE = 2 * 1024 * 1024
"""Previews of one item that are written together once they come to so much: each time costs a
commit and a sync of the folder."""


class ImageOutcome(msgspec.Struct):
    """What became of the images of one item; `refused` are the names that could not be carried."""

    carried: list[CarriedImage] = []
    refused: list[str] = []
    warnings: list[Notice] = []
    bytes_read: int = 0
    images_count: int | None = None

    def refuse(self, name: str, reason: UnusableImage) -> None:
        """Note an image that could not be carried: a warning, never a failure of its model."""
        self.refused.append(name)
        self.warnings.append(Notice(reason.code, f"{name}: {reason.detail}"))


class ImageCarrier:
    """Makes previews of the images in one folder, or keeps them as they are."""

    def __init__(self, resources: WorkerResources, writer: Commits, folder: ImageFolder) -> None:
        self._resources = resources
        self._writer = writer
        self._folder = folder

    async def encode(
        self, compute: Compute, sha256: str, names: tuple[str, ...], previews: ExistingPreviews
    ) -> ImageOutcome:
        """Put the tiers of each usable image on disk, numbered on from those that are there.

        Raises `UnusableFile` where an image ends whatever process decodes it.
        """
        await clear_away(self._resources, self._writer, previews.unfinished)
        outcome = ImageOutcome()
        sets = PreviewSets(self._resources, self._writer, sha256, previews.images_count)
        made: list[Tiers] = []
        for name in names:
            known = {image for image in previews.carried if image.name == name}
            known.update(image for image in outcome.carried if image.name == name)
            digests = frozenset(image.digest for image in known)
            try:
                encoded = await compute.encode(self._folder, name, digests)
            except UnusableImage as reason:
                outcome.refuse(name, reason)
                continue
            outcome.bytes_read += encoded.size
            if encoded.tiers is None:
                continue
            made.append(encoded.tiers)
            outcome.carried.append(CarriedImage(name, encoded.digest))
            if sum(len(tier) for tiers in made for tier in tiers) >= BYTES_AT_ONCE:
                await sets.add(made)
                made = []
        if made:
            await sets.add(made)
        outcome.images_count = await sets.counted()
        outcome.warnings += sets.notices
        return outcome

    async def look(self, compute: Compute, names: tuple[str, ...]) -> None:
        """Read the originals where they take nothing down; those that cannot be are met later.

        Raises `UnusableFile` where one ends whatever process reads it.
        """
        for name in names:
            with suppress(UnusableImage):
                await compute.read(self._folder, name)

    async def adopt(self, names: tuple[str, ...]) -> tuple[list[str], ImageOutcome]:
        """Put a copy of each original on disk; returns the names there."""
        outcome = ImageOutcome()
        kept: list[str] = []
        for name in names:
            try:
                adopted, size = await self._finished(
                    self._resources.library.adopt_original, self._folder, name
                )
            except UnusableImage as reason:
                outcome.refuse(name, reason)
                continue
            outcome.bytes_read += size
            if adopted not in kept:
                kept.append(adopted)
        return kept, outcome

    async def _finished(self, write: Callable[..., T], *arguments: object) -> T:
        # A write in hand is finished: cancelling between files gains nothing.
        with anyio.CancelScope(shield=True):
            result = await to_thread.run_sync(write, *arguments, limiter=self._resources.io)
        return result
