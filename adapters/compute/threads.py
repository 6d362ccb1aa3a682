"""Work in threads of this process: as many at once as there are slots, within a budget of pixels.

Reading goes under a limiter of its own, so that it overlaps with encoding.
"""

from __future__ import annotations

from collections.abc import Callable

from anyio import CapacityLimiter, from_thread, to_thread

from engine.actors.budget import PixelBudget
from engine.facts.files import ImageFolder
from engine.facts.previews import MAX_DECODED_PIXELS, image_digest
from engine.ports.compute import Encoded, Hashed
from engine.ports.files import ImageFiles, ModelFiles
from engine.ports.previews import PreviewCodec

READERS_PER_SLOT = 3
"""While one image is encoded, the next ones are read."""


class ThreadCompute:
    """Implements `engine.ports.compute.Compute` and `Encoder`."""

    def __init__(
        self, models: ModelFiles, images: ImageFiles, codec: PreviewCodec, *, slots: int
    ) -> None:
        self._models = models
        self._images = images
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

    async def encode(self, folder: ImageFolder, name: str, known: frozenset[bytes]) -> Encoded:
        """Make the tiers of an image, unless its digest is `known`. Raises `UnusableImage`."""
        data, digest = await to_thread.run_sync(self._read, folder, name, limiter=self._io)
        tiers = None if digest in known else await self.tiers(data)
        return Encoded(digest, len(data), tiers)

    async def read(self, folder: ImageFolder, name: str) -> Encoded:
        """Read an image whole. Raises `UnusableImage`."""
        data, digest = await to_thread.run_sync(self._read, folder, name, limiter=self._io)
        return Encoded(digest, len(data), None)

    async def tiers(self, data: bytes) -> tuple[bytes, ...]:
        """The WebP bytes of each tier. Raises `UnusableImage`."""
        pixels = await to_thread.run_sync(self._codec.pixels, data, limiter=self._io)
        async with self._pixels.hold(pixels):
            return await to_thread.run_sync(
                self._codec.encode, data, from_thread.check_cancelled, limiter=self._cpu
            )

    def _read(self, folder: ImageFolder, name: str) -> tuple[bytes, bytes]:
        data = self._images.read(folder, name)
        return data, image_digest(data)
