"""How the images of one item are carried: made into previews, or kept as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
import msgspec
from anyio import to_thread

from engine.facts.files import ImageFolder
from engine.facts.previews import UnusableImage
from engine.facts.source import Notice
from engine.facts.work import CarriedImage, ExistingPreviews
from engine.runs.resources import WorkerResources, encode_image, image_digest

T = TypeVar("T")


class ImageOutcome(msgspec.Struct):
    """What became of the images of one item; `refused` are the names that could not be carried."""

    carried: list[CarriedImage] = []
    refused: list[str] = []
    warnings: list[Notice] = []
    bytes_read: int = 0

    def refuse(self, name: str, reason: UnusableImage) -> None:
        """Note an image that could not be carried: a warning, never a failure of its model."""
        self.refused.append(name)
        self.warnings.append(Notice(reason.code, f"{name}: {reason.detail}"))


class ImageCarrier:
    """Makes previews of the images in one folder, or keeps them as they are."""

    def __init__(self, resources: WorkerResources, folder: ImageFolder) -> None:
        self._resources = resources
        self._folder = folder

    async def encode(
        self, sha256: str, names: tuple[str, ...], previews: ExistingPreviews
    ) -> ImageOutcome:
        """Put the tiers of each usable image on disk, numbered on from those that exist."""
        outcome = ImageOutcome()
        for name in names:
            try:
                data, digest = await self._read(name)
                outcome.bytes_read += len(data)
                image = CarriedImage(name, digest)
                if image in previews.carried or image in outcome.carried:
                    continue
                tiers = await encode_image(self._resources, data)
            except UnusableImage as reason:
                outcome.refuse(name, reason)
                continue
            seq = previews.images_count + len(outcome.carried)
            await self._write(self._resources.library.write_tiers, sha256, seq, tiers)
            outcome.carried.append(image)
        return outcome

    async def trim(self, sha256: str, count: int) -> None:
        """Remove sets that an interrupted attempt left beyond `count`."""
        await self._write(self._resources.library.trim_tiers, sha256, count)

    async def adopt(self, names: tuple[str, ...]) -> tuple[list[str], ImageOutcome]:
        """Put a copy of each original on disk; returns the names there."""
        outcome = ImageOutcome()
        kept: list[str] = []
        for name in names:
            try:
                adopted, size = await self._write(
                    self._resources.library.adopt_original, self._folder, name
                )
            except UnusableImage as reason:
                outcome.refuse(name, reason)
                continue
            outcome.bytes_read += size
            if adopted not in kept:
                kept.append(adopted)
        return kept, outcome

    async def _read(self, name: str) -> tuple[bytes, bytes]:
        return await to_thread.run_sync(self._read_and_digest, name, limiter=self._resources.io)

    def _read_and_digest(self, name: str) -> tuple[bytes, bytes]:
        data = self._resources.images.read(self._folder, name)
        return data, image_digest(data)

    async def _write(self, write: Callable[..., T], *arguments: object) -> T:
        # A write in hand is finished: half a set on disk would be told from a whole one only by
        # the journal, and cancelling between files gains nothing.
        with anyio.CancelScope(shield=True):
            result = await to_thread.run_sync(write, *arguments, limiter=self._resources.io)
        return result
