"""Work in threads of this process: as many at once as there are slots, within a budget of pixels.

Reading goes under a limiter of its own, so that it overlaps with encoding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from anyio import CapacityLimiter, from_thread, to_thread

from engine.actors.budget import PixelBudget
from engine.facts.files import UnusableFile
from engine.facts.previews import MAX_DECODED_PIXELS, UnusableImage, image_digest
from engine.facts.source import ImageRef
from engine.ports.compute import Encoded, Hashed
from engine.ports.files import ModelFiles
from engine.ports.previews import PreviewCodec
from engine.ports.source import Images

READERS_PER_SLOT = 3
"""While one image is encoded, the next ones are read."""


class _Loaded(msgspec.Struct, frozen=True):
    """An image that was read; `pixels` are as many as decoding it holds, or why it cannot be."""

    data: bytes
    digest: bytes
    pixels: int | UnusableImage

    def size(self) -> int:
        """Its pixels. Raises `UnusableImage`."""
        if isinstance(self.pixels, UnusableImage):
            raise self.pixels
        return self.pixels


class ThreadCompute:
    """Implements `engine.ports.compute.Compute` and `Encoder`."""

    def __init__(self, models: ModelFiles, codec: PreviewCodec, *, slots: int) -> None:
        self._models = models
        self._codec = codec
        self._slots = slots
        self._cpu = CapacityLimiter(slots)
        self._io = CapacityLimiter(READERS_PER_SLOT * slots)
        self._pixels = PixelBudget(MAX_DECODED_PIXELS)

    @property
    def slots(self) -> int:
        """How many tasks compute at once."""
        return self._slots

    async def hash(self, path: str, advance: Callable[[int], None]) -> Hashed:
        """Hash a file. Raises `UnusableFile`."""

        def step(amount: int) -> None:
            advance(amount)
            from_thread.check_cancelled()

        sha256, facts = await to_thread.run_sync(self._models.sha256, path, step, limiter=self._cpu)
        return Hashed(sha256, facts)

    async def hash_all(self, paths: Sequence[str]) -> list[Hashed | UnusableFile]:
        """Hash small files in one go of a thread."""
        return await to_thread.run_sync(self._hash_all, paths, limiter=self._cpu)

    async def encode(self, images: Images, ref: ImageRef, known: frozenset[bytes]) -> Encoded:
        """Make the tiers of an image, unless its digest is `known`. Raises `UnusableImage`."""
        loaded = await to_thread.run_sync(self._load, images, ref, limiter=self._io)
        tiers, size = None, len(loaded.data)
        if loaded.digest not in known:
            try:
                tiers = await self._sized(loaded.data, loaded.size())
            except UnusableImage as reason:
                reason.read = size
                raise
        return Encoded(loaded.digest, size, tiers)

    async def read(self, images: Images, ref: ImageRef) -> Encoded:
        """Read an image whole. Raises `UnusableImage`."""
        loaded = await to_thread.run_sync(self._load, images, ref, limiter=self._io)
        return Encoded(loaded.digest, len(loaded.data), None)

    async def tiers(self, data: bytes) -> tuple[bytes, ...]:
        """The WebP bytes of each tier. Raises `UnusableImage`."""
        pixels = await to_thread.run_sync(self._codec.pixels, data, limiter=self._io)
        return await self._sized(data, pixels)

    async def _sized(self, data: bytes, pixels: int) -> tuple[bytes, ...]:
        """As `tiers`, of an image whose pixels are known."""
        async with self._pixels.hold(pixels):
            return await to_thread.run_sync(
                self._codec.encode, data, from_thread.check_cancelled, limiter=self._cpu
            )

    def _load(self, images: Images, ref: ImageRef) -> _Loaded:
        """In a thread. Raises `UnusableImage` where there is nothing to be read."""
        data = images.read(ref)
        try:
            pixels: int | UnusableImage = self._codec.pixels(data)
        except UnusableImage as reason:
            pixels = reason
        return _Loaded(data, image_digest(data), pixels)

    def _hash_all(self, paths: Sequence[str]) -> list[Hashed | UnusableFile]:
        found: list[Hashed | UnusableFile] = []
        for path in paths:
            from_thread.check_cancelled()
            try:
                found.append(Hashed(*self._models.sha256(path, _unmeasured)))
            except UnusableFile as reason:
                found.append(reason)
        return found


def _unmeasured(_: int) -> None:
    """The progress within a small file matters to nobody."""
