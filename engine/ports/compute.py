"""Who hashes files and makes previews: the port of whatever computes, here or elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from engine.facts.files import FileFacts, UnusableFile
from engine.facts.source import ImageRef
from engine.ports.source import Images


class Hashed(msgspec.Struct, frozen=True):
    """The SHA-256 of a file in hexadecimal, and how the file looked when reading began."""

    sha256: str
    facts: FileFacts


class Encoded(msgspec.Struct, frozen=True):
    """What names an image by its content, its size in bytes, and the WebP bytes of its tiers.

    `tiers` is None where they were not asked for.
    """

    digest: bytes
    size: int
    tiers: tuple[bytes, ...] | None


class Compute(Protocol):
    """Reads and computes; writes nothing that lasts. Many tasks may call it at once."""

    @property
    def slots(self) -> int:
        """How many tasks it works on at once."""
        ...

    async def hash(self, path: str, advance: Callable[[int], None]) -> Hashed:
        """Hash a file; `advance` is told how many bytes were read since the last time.

        Raises `UnusableFile`, also where the file ends the process that reads it.
        """
        ...

    async def hash_all(self, paths: Sequence[str]) -> list[Hashed | UnusableFile]:
        """Hash small files in one go; each by itself, so that one does not stop the others."""
        ...

    async def encode(self, images: Images, ref: ImageRef, known: frozenset[bytes]) -> Encoded:
        """Make the tiers of an image, unless its digest is `known`.

        Raises `UnusableImage`; `UnusableFile` where the image ends the process that decodes it.
        """
        ...

    async def read(self, images: Images, ref: ImageRef) -> Encoded:
        """Read an image whole, and make nothing of it. Raises as `encode`."""
        ...


class Encoder(Protocol):
    """Makes the tiers of an image that is in memory already."""

    async def tiers(self, data: bytes) -> tuple[bytes, ...]:
        """The WebP bytes of each tier. Raises `UnusableImage`."""
        ...
