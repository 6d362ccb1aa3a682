"""What a preview is: three WebP tiers of one image, their geometry, and the port that makes them.

Sizes and qualities are those that Hikaze Model Manager 2 reads.
"""

from __future__ import annotations

import math
import re
from hashlib import sha256

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
    """No preview can be made of this image: `code` is stable, `detail` says why.

    `read` is how many bytes of it were read to find out.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.read = 0


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


def image_digest(data: bytes) -> bytes:
    """Names an image by its content, in 16 bytes. Takes about 1 ms for each MB: for a thread."""
    # Processors have instructions for this one: it takes a third of the time of blake2b.
    return sha256(data).digest()[:16]


def media_type(data: bytes) -> str | None:
    """What a browser should take an image for, by its first `SIGNATURE_BYTES`; None for what is
    no image that is carried."""
    for signature, found in SIGNATURES:
        if signature.match(data):
            return found
    return None


SIGNATURE_BYTES = 32
"""How much of an image's beginning tells what it is."""

SIGNATURES = tuple(
    (re.compile(signature, re.DOTALL), found)
    for signature, found in (
        (rb"\x89PNG\r\n\x1a\n", "image/png"),
        (rb"\xff\xd8\xff", "image/jpeg"),
        (rb"RIFF....WEBP", "image/webp"),
        (rb"GIF8[79]a", "image/gif"),
        (rb"....ftypavi[fs]", "image/avif"),
        (rb"....ftypm(?:if|sf)1", "image/avif"),
        # Two letters are the beginning of many a text: the size of the header that follows counts.
        (rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", "image/bmp"),
        (rb"II[*+]\0|MM\0[*+]", "image/tiff"),
    )
)
"""How the image formats begin that are carried, and their media types."""
