"""What workers share: ports, the bounds on what they may use at once, and how images are made.

CPU work runs in threads under the CPU limiter, disk work under the I/O limiter, so that encoding
and writing overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import TypeVar

import anyio
import msgspec
from anyio import CapacityLimiter, from_thread, to_thread

from engine.budget import PixelBudget
from engine.clock import Clock
from engine.files import ImageFiles, ImageFolder, LibraryFiles, ModelFiles
from engine.journal import CarriedImage, Footing, Reader
from engine.locks import HashLocks
from engine.previews import PreviewCodec, UnusableImage
from engine.source import Warning

T = TypeVar("T")


class HashMeter:
    """Bytes hashed in files that are not finished; a thread adds, the status reads."""

    def __init__(self) -> None:
        self.under_way = 0


class Workshop(msgspec.Struct, frozen=True):
    """What all workers of a service share."""

    journal: Reader
    codec: PreviewCodec
    images: ImageFiles
    models: ModelFiles
    library: LibraryFiles
    cpu: CapacityLimiter
    io: CapacityLimiter
    pixels: PixelBudget
    clock: Clock
    meter: HashMeter
    locks: HashLocks


def image_digest(data: bytes) -> bytes:
    """Names an image by its content, in 16 bytes. Takes about 1 ms for each MB: for a thread."""
    # Processors have instructions for this one: it takes a third of the time of blake2b.
    return sha256(data).digest()[:16]


async def encode_image(shop: Workshop, data: bytes) -> tuple[bytes, ...]:
    """The tiers of an image, within the budget of pixels. Raises `UnusableImage`."""
    pixels = await to_thread.run_sync(shop.codec.pixels, data, limiter=shop.io)
    async with shop.pixels.hold(pixels):
        return await to_thread.run_sync(
            shop.codec.encode, data, from_thread.check_cancelled, limiter=shop.cpu
        )


class ImageOutcome(msgspec.Struct):
    """What became of the images of one item; `refused` are the names that could not be carried."""

    carried: list[CarriedImage] = []
    refused: list[str] = []
    warnings: list[Warning] = []
    bytes_read: int = 0

    def refuse(self, name: str, reason: UnusableImage) -> None:
        """Note an image that could not be carried: a warning, never a failure of its model."""
        self.refused.append(name)
        self.warnings.append(Warning(reason.code, f"{name}: {reason.detail}"))


class ImageBench:
    """Makes previews of the images in one folder, or keeps them as they are."""

    def __init__(self, workshop: Workshop, folder: ImageFolder) -> None:
        self._shop = workshop
        self._folder = folder

    async def encode(self, sha256: str, names: tuple[str, ...], footing: Footing) -> ImageOutcome:
        """Put the tiers of each usable image on disk, numbered on from the footing."""
        outcome = ImageOutcome()
        for name in names:
            try:
                data, digest = await self._read(name)
                outcome.bytes_read += len(data)
                image = CarriedImage(name, digest)
                if image in footing.carried or image in outcome.carried:
                    continue
                tiers = await encode_image(self._shop, data)
            except UnusableImage as reason:
                outcome.refuse(name, reason)
                continue
            seq = footing.images_count + len(outcome.carried)
            await self._write(self._shop.library.write_tiers, sha256, seq, tiers)
            outcome.carried.append(image)
        return outcome

    async def trim(self, sha256: str, count: int) -> None:
        """Remove sets that an interrupted attempt left beyond `count`."""
        await self._write(self._shop.library.trim_tiers, sha256, count)

    async def adopt(self, names: tuple[str, ...]) -> tuple[list[str], ImageOutcome]:
        """Put a copy of each original on disk; returns the names there."""
        outcome = ImageOutcome()
        kept: list[str] = []
        for name in names:
            try:
                adopted, size = await self._write(
                    self._shop.library.adopt_original, self._folder, name
                )
            except UnusableImage as reason:
                outcome.refuse(name, reason)
                continue
            outcome.bytes_read += size
            if adopted not in kept:
                kept.append(adopted)
        return kept, outcome

    async def _read(self, name: str) -> tuple[bytes, bytes]:
        return await to_thread.run_sync(self._read_and_digest, name, limiter=self._shop.io)

    def _read_and_digest(self, name: str) -> tuple[bytes, bytes]:
        data = self._shop.images.read(self._folder, name)
        return data, image_digest(data)

    async def _write(self, write: Callable[..., T], *arguments: object) -> T:
        # A write in hand is finished: half a set on disk would be told from a whole one only by
        # the journal, and cancelling between files gains nothing.
        with anyio.CancelScope(shield=True):
            result = await to_thread.run_sync(write, *arguments, limiter=self._shop.io)
        return result
