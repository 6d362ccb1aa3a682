"""The preview codec: how one untrusted image becomes three WebP tiers, and with what settings."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import NamedTuple

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from adapters.pillow.colour import scalable, srgb
from adapters.pillow.containers import judged, load, opened, orientation
from engine.facts.previews import tier_sizes

Box = tuple[float, float, float, float]


class Settings(NamedTuple):
    """How a tier is scaled down from what lies above it, and what libwebp is told."""

    resample: Image.Resampling
    quality: float
    method: int


SETTINGS = (
    Settings(Image.Resampling.HAMMING, 75.5, 2),
    Settings(Image.Resampling.BOX, 61, 0),
    Settings(Image.Resampling.BOX, 53, 1),
)
"""For each of `engine.facts.previews.TIERS`: within the contract's bytes and SSIM of its nominal
quality with `method=6`. Nearly all bytes are the high tier's, so it alone is worth the search of
method 2, and what that saves the others spend. `tests/benchmarks/test_preview_frontier.py` is the
study."""

BLOCK_BYTES = 64 * 1024 * 1024
"""Above 32 MiB, the C library gives freed memory back to the system; Pillow's own 16 MiB it keeps
after huge images, for as long as the process lives."""

SHORTCUT_MARGIN = 1.2
"""How much larger than the high tier a cheaply reduced image must stay, on each side, for the
final resampling to hide how it was reduced."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation but 1, which needs nothing."""


class PillowCodec:
    """Implements `engine.ports.previews.PreviewCodec`. Keeps no image, so threads may share one.

    Sets how Pillow allocates, for the whole process.
    """

    def __init__(self, settings: tuple[Settings, ...] = SETTINGS) -> None:
        self._settings = settings
        Image.core.set_block_size(BLOCK_BYTES)  # type: ignore[attr-defined]  # documented, untyped

    def pixels(self, data: bytes) -> int:
        """How many pixels decoding `data` would hold. Raises `UnusableImage`."""
        width, height = opened(data).size
        return width * height

    def encode(self, data: bytes, checkpoint: Callable[[], None]) -> tuple[bytes, ...]:
        """The WebP bytes of each tier, each scaled from the one above. Raises `UnusableImage`.

        What `checkpoint` raises passes through as it is.
        """
        checkpoint()
        with judged():
            image = _high(data, self._settings[0].resample)
            tiers = [_webp(image, self._settings[0])]
        sizes = tier_sizes(*image.size)
        for size, settings in zip(sizes[1:], self._settings[1:], strict=True):
            checkpoint()
            with judged():
                if image.size != size:
                    image = image.resize(size, settings.resample)
                tiers.append(_webp(image, settings))
        return tuple(tiers)

    def check(self, data: bytes) -> None:
        """Decode `data` whole, to tell whether it can be. Raises `UnusableImage`."""
        with judged():
            load(opened(data), data)


def _high(data: bytes, resample: Image.Resampling) -> Image.Image:
    """The high tier's pixels: RGB or RGBA in sRGB, upright, at its size.

    Turning and colour management come last, when there are fewest pixels. Names are dropped as
    soon as what they hold was made into something else: they may hold hundreds of megabytes.
    """
    image = opened(data)
    size, box = _draft(image)
    load(image, data)
    if box is None:
        size = image.size  # not as before where loading turned a TIFF upright
    turn = _UPRIGHT.get(orientation(image))
    profile = image.info.get("icc_profile")
    pixels: Image.Image = scalable(image)
    del image
    target = tier_sizes(*size)[0]  # turning swaps the sides and changes nothing else
    if pixels.size != target:
        pixels = pixels.resize(target, resample, box, reducing_gap=SHORTCUT_MARGIN)
    pixels = srgb(pixels, profile)
    return pixels if turn is None else pixels.transpose(turn)


def _draft(image: ImageFile) -> tuple[tuple[int, int], Box | None]:
    """The size of an opened image, and for a JPEG the part of what will be decoded that it fills.

    A JPEG is asked to decode to a half, quarter or eighth where that leaves enough: libjpeg then
    transforms that much less.
    """
    size = image.size
    if not isinstance(image, JpegImageFile):
        return size, None
    width, height = tier_sizes(*size)[0]
    enough = (int(width * SHORTCUT_MARGIN), int(height * SHORTCUT_MARGIN))
    drafted = image.draft(None, enough)
    return size, drafted[1] if drafted else None


def _webp(image: Image.Image, settings: Settings) -> bytes:
    stream = BytesIO()
    image.save(stream, "WEBP", quality=settings.quality, method=settings.method)
    return stream.getvalue()
