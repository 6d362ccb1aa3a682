"""What workers share: ports, the bounds on what they may use at once, and how images are made.

CPU work runs in threads under the CPU limiter, disk work under the I/O limiter, so that encoding
and writing overlap.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from anyio import CapacityLimiter, from_thread, to_thread

from engine.actors.budget import PixelBudget
from engine.actors.locks import HashLocks
from engine.ports.clock import Clock
from engine.ports.files import LibraryFiles, ModelFiles
from engine.ports.journal import Reader
from engine.ports.previews import PreviewCodec

T = TypeVar("T")


class HashMeter:
    """Bytes hashed in files that are not finished; a thread adds, the status reads."""

    def __init__(self) -> None:
        self.under_way = 0


class WorkerResources(msgspec.Struct, frozen=True):
    """What all workers of a service share."""

    journal: Reader
    codec: PreviewCodec
    models: ModelFiles
    library: LibraryFiles
    cpu: CapacityLimiter
    io: CapacityLimiter
    pixels: PixelBudget
    clock: Clock
    meter: HashMeter
    locks: HashLocks


async def encode_image(resources: WorkerResources, data: bytes) -> tuple[bytes, ...]:
    """The tiers of an image, within the budget of pixels. Raises `UnusableImage`."""
    pixels = await to_thread.run_sync(resources.codec.pixels, data, limiter=resources.io)
    return await encode_sized(resources, data, pixels)


async def encode_sized(resources: WorkerResources, data: bytes, pixels: int) -> tuple[bytes, ...]:
    """As `encode_image`, of an image whose pixels are known."""
    async with resources.pixels.hold(pixels):
        return await to_thread.run_sync(
            resources.codec.encode, data, from_thread.check_cancelled, limiter=resources.cpu
        )
