"""What a preview is: three WebP tiers of one image, their geometry, and the port that makes them.

Sizes and qualities are those that Hikaze Model Manager 2 reads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import msgspec

MAX_HIGH_PIXELS = 2_000_000
"""The high tier is scaled down to at most this many pixels, never up."""

MAX_SIDE = 16_383
"""The longest side a WebP file can have (libwebp, WEBP_MAX_DIMENSION)."""

MAX_DECODED_PIXELS = 89_478_485
"""An image with more pixels is refused: about 256 MiB at 3 bytes a pixel."""

MAX_IMAGE_BYTES = 256 * 1024 * 1024
"""An image file larger than this is refused unread."""


class Tier(msgspec.Struct, frozen=True):
    """One size of a preview: `scale` of the high tier on each side, nominal WebP `quality`."""

    name: str
    scale: float
    quality: int


TIERS = (Tier("high", 1.0, 80), Tier("medium", 0.66, 60), Tier("low", 0.33, 45))


class UnusableImage(Exception):
    """No preview can be made of this image: `code` is stable, `detail` says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


def tier_sizes(width: int, height: int) -> tuple[tuple[int, int], ...]:
    """The (width, height) of each tier, in the order of `TIERS`, for an upright image."""
    factor = min(
        1.0,
        math.sqrt(MAX_HIGH_PIXELS / (width * height)),
        MAX_SIDE / width,
        MAX_SIDE / height,
    )
    high = (max(1, int(width * factor)), max(1, int(height * factor)))
    return tuple(
        (max(1, round(high[0] * tier.scale)), max(1, round(high[1] * tier.scale))) for tier in TIERS
    )


def media_type(data: bytes) -> str:
    """What a browser should take an image for, by its first bytes; never a document."""
    for offset, magic, found in SIGNATURES:
        if data[offset : offset + len(magic)] == magic:
            return found
    return "application/octet-stream"


SIGNATURES = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (8, b"WEBP", "image/webp"),
    (0, b"GIF8", "image/gif"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypavis", "image/avif"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
)
"""(offset, bytes, media type) of the image formats that are carried."""


class PreviewCodec(Protocol):
    """Makes the tiers of an untrusted image. Methods block; call them in a thread."""

    def pixels(self, data: bytes) -> int:
        """How many pixels decoding `data` would hold, from its header alone.

        Raises `UnusableImage` for what is no allowed image (`image_unreadable`) or has more than
        `MAX_DECODED_PIXELS` (`image_too_large`).
        """
        ...

    def encode(self, data: bytes, checkpoint: Callable[[], None]) -> tuple[bytes, ...]:
        """The WebP bytes of each tier, in the order of `TIERS`.

        The same `data` always gives the same bytes. `checkpoint` is called between tiers and may
        raise to abandon the work. Raises `UnusableImage`.
        """
        ...

    def check(self, data: bytes) -> None:
        """Decode `data` whole, to tell whether it can be. Raises `UnusableImage`."""
        ...
