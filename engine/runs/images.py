"""How the images of one item are carried: made into previews, or kept as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
import msgspec
from anyio import to_thread

from engine.actors.writer import Commits
from engine.facts.files import ImageFolder
from engine.facts.previews import UnusableImage, image_digest
from engine.facts.refusals import NO_FILE, RefusedImage
from engine.facts.source import Notice
from engine.facts.work import CarriedImage, ExistingPreviews
from engine.ports.queries import OpenPlans
from engine.runs.preview_sets import PreviewSets, Tiers, clear_away
from engine.runs.resources import WorkerResources, encode_image

T = TypeVar("T")

BYTES_AT_ONCE = 2 * 1024 * 1024
"""Previews of one item that are written together once they come to so much: each time costs a
commit and a sync of the folder."""


class ImageOutcome(msgspec.Struct):
    """What became of the images of one item; `refused` are the names that could not be carried."""

    carried: list[CarriedImage] = []
    refused: list[RefusedImage] = []
    warnings: list[Notice] = []
    bytes_read: int = 0
    images_count: int | None = None

    def refuse(self, name: str, reason: UnusableImage, stamp: str) -> None:
        """Note an image that could not be carried: a warning, never a failure of its model."""
        self.refused.append(RefusedImage(name, stamp))
        self.warnings.append(Notice(reason.code, f"{name}: {reason.detail}"))


class ImageCarrier:
    """Makes previews of the images in one folder, or keeps them as they are."""

    def __init__(self, resources: WorkerResources, writer: Commits, folder: ImageFolder) -> None:
        self._resources = resources
        self._writer = writer
        self._folder = folder

    async def encode(
        self, sha256: str, names: tuple[str, ...], previews: ExistingPreviews
    ) -> ImageOutcome:
        """Put the tiers of each usable image on disk, numbered on from those that are there."""
        await clear_away(self._resources, self._writer, previews.unfinished)
        outcome = ImageOutcome()
        sets = PreviewSets(self._resources, self._writer, sha256, previews.images_count)
        made: list[Tiers] = []
        for name in names:
            try:
                data, digest = await self._read(name)
                outcome.bytes_read += len(data)
                image = CarriedImage(name, digest)
                if image in previews.carried or image in outcome.carried:
                    continue
                made.append(await encode_image(self._resources, data))
            except UnusableImage as reason:
                outcome.refuse(name, reason, await self._stamp(name, reason))
                continue
            outcome.carried.append(image)
            if sum(len(tier) for tiers in made for tier in tiers) >= BYTES_AT_ONCE:
                await sets.add(made)
                made = []
        if made:
            await sets.add(made)
        outcome.images_count = await sets.counted()
        outcome.warnings += sets.notices
        return outcome

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
                outcome.refuse(name, reason, await self._stamp(name, reason))
                continue
            outcome.bytes_read += size
            if adopted not in kept:
                kept.append(adopted)
        return kept, outcome

    async def take_back(self, sha256: str) -> None:
        """Remove what was made for a model that is gone."""
        plans = await self._resources.journal.ask(OpenPlans(sha256))
        await clear_away(self._resources, self._writer, plans)

    async def _stamp(self, name: str, reason: UnusableImage) -> str:
        """How a refused image's file looks; one that was missing may be there by now."""
        if reason.code == "image_missing":
            return NO_FILE
        stamps = self._resources.images.stamps
        (found,) = await to_thread.run_sync(
            stamps, self._folder, [name], limiter=self._resources.io
        )
        return found

    async def _read(self, name: str) -> tuple[bytes, bytes]:
        return await to_thread.run_sync(self._read_and_digest, name, limiter=self._resources.io)

    def _read_and_digest(self, name: str) -> tuple[bytes, bytes]:
        data = self._resources.images.read(self._folder, name)
        return data, image_digest(data)

    async def _finished(self, write: Callable[..., T], *arguments: object) -> T:
        # A write in hand is finished: cancelling between files gains nothing.
        with anyio.CancelScope(shield=True):
            result = await to_thread.run_sync(write, *arguments, limiter=self._resources.io)
        return result
