"""Colour: any mode Pillow decodes to, as 8-bit sRGB with alpha only where something shows through.

It takes two steps, because the first must come before an image is scaled down and the second is
cheaper after: `scalable` gives one of the five modes that can be resampled, `srgb` the final one.
"""

from __future__ import annotations

import math
from contextlib import suppress
from io import BytesIO
from itertools import product

from PIL import Image, ImageChops, ImageCms

from engine.facts.previews import UnusableImage

_GREY_16 = 1 / 257
"""Takes 65535 to 255."""

_LEVELS = bytes((0, 36, 73, 109, 146, 182, 219, 255))
_SAMPLES = Image.frombytes(
    "RGB", (512, 1), bytes(v for rgb in product(_LEVELS, repeat=3) for v in rgb)
)
"""An even grid of colours, on which a profile is tried."""

_UNNOTICED = 1
"""A profile that changes no sample by more levels than this is sRGB under whatever name."""


def scalable(image: Image.Image) -> Image.Image:
    """The loaded `image` as L, LA, RGB, RGBA or CMYK; alpha that hides nothing is dropped."""
    shown = _without_palette_or_depth(image)
    if shown.mode in ("LA", "RGBA") and shown.getchannel("A").getextrema()[0] == 255:
        return shown.getchannel("L") if shown.mode == "LA" else shown.convert("RGB")
    return shown


def _without_palette_or_depth(image: Image.Image) -> Image.Image:
    mode, keyed = image.mode, image.has_transparency_data
    if mode.startswith("I;16") or mode in ("I", "F"):
        grey = _grey(image)
        if keyed:
            grey.putalpha(image.convert("LA").getchannel("A"))
        return grey
    colour = mode not in ("1", "L", "LA", "La")
    target = ("RGBA" if keyed else "RGB") if colour else ("LA" if keyed else "L")
    return image if mode in (target, "CMYK") else image.convert(target)


def _grey(image: Image.Image) -> Image.Image:
    """Deep grey as 8 bits. Left to itself, Pillow clips at 255 instead of scaling.

    Half a level is added because it also drops what follows the point instead of rounding.
    """
    scale, offset = (_GREY_16, 0.0) if image.mode.startswith("I;16") else _range(image)
    if image.mode not in ("I;16", "I", "F"):  # the other byte orders cannot be computed with
        image = image.convert("I")
    grey = image.point(lambda value: value * scale + (offset + 0.5)).convert("L")
    grey.info.clear()
    return grey


def _range(image: Image.Image) -> tuple[float, float]:
    """The factor and offset that take 32-bit values to 0 to 255.

    Nothing in the file says what such values mean. Those within a customary range (0 to 1 for
    real numbers, 8 bits, 16 bits) are taken as that; others are stretched from least to greatest.
    """
    extrema = image.getextrema()
    low, high = (float(value) for value in extrema if isinstance(value, int | float))
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UnusableImage("image_unreadable", "holds infinite pixel values")
    tops = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
    for top in tops:
        if low >= 0 and high <= top:
            return 255 / top, 0.0
    scale = 255 / (high - low) if high > low else 0.0
    return scale, -low * scale


def srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """A `scalable` image as RGB or RGBA in the sRGB colour space.

    `profile` is the ICC profile embedded in the file; one that is damaged, or meant for another
    kind of image, counts as none, as it does in browsers.
    """
    if image.mode == "LA":
        final = srgb(image.getchannel("L"), profile)
        final.putalpha(image.getchannel("A"))
        return final
    target = "RGBA" if image.mode == "RGBA" else "RGB"
    if profile:
        with suppress(Exception):  # whatever a hostile profile makes LittleCMS or Pillow raise
            return _managed(image, profile, target)
    return image if image.mode == target else image.convert(target)


def _managed(image: Image.Image, profile: bytes, target: str) -> Image.Image:
    source = ImageCms.getOpenProfile(BytesIO(profile))
    if image.mode in ("RGB", "RGBA"):
        trial = _transform(source, "RGB", "RGB").apply(_SAMPLES)
        change = ImageChops.difference(trial, _SAMPLES).getextrema()
        if all(isinstance(band, tuple) and band[1] <= _UNNOTICED for band in change):
            return image
    return _transform(source, image.mode, target).apply(image)


def _transform(
    source: ImageCms.ImageCmsProfile, mode: str, target: str
) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        source,
        ImageCms.createProfile("sRGB"),
        mode,
        target,
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
