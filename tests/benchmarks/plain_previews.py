"""What previews are measured against: a plain encoder, and how alike two images are."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.metrics import structural_similarity

from engine.facts.previews import TIERS, tier_sizes
from tests.benchmarks.pictures import Picture

MAX_BYTES = 1.05
MAX_SSIM_LOSS = 0.005

Encode = Callable[[bytes], tuple[bytes, ...]]


def say(*words: str) -> None:
    print(*words, flush=True)  # noqa: T201  # the table is what `-s` is given for


def lossless_tiers(data: bytes) -> list[Image.Image]:
    """The tiers before encoding, each scaled from the original."""
    image = Image.open(BytesIO(data))
    image.load()
    return [
        image.resize(size, Image.Resampling.LANCZOS)
        for size in tier_sizes(image.width, image.height)
    ]


def plain_encode(data: bytes) -> tuple[bytes, ...]:
    """As version 2 makes previews: decode once, scale the original to each tier, copy its pixels
    into a new image so that no metadata goes along, encode that at its nominal quality."""
    return _encoded(_copied(image) for image in lossless_tiers(data))


def uncopied_encode(data: bytes) -> tuple[bytes, ...]:
    """As `plain_encode`, but for the copying: what Pillow and libwebp alone take."""
    return _encoded(lossless_tiers(data))


def _encoded(images: Iterable[Image.Image]) -> tuple[bytes, ...]:
    return tuple(_webp(image, tier.quality) for image, tier in zip(images, TIERS, strict=True))


def _copied(image: Image.Image) -> Image.Image:
    copy = Image.new(image.mode, image.size)
    copy.putdata(image.get_flattened_data())
    return copy


def _webp(image: Image.Image, quality: int) -> bytes:
    stream = BytesIO()
    image.save(stream, "WEBP", quality=quality, method=6)
    return stream.getvalue()


def _luma(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image.convert("RGB").convert("L"))


def ssim(reference: Image.Image, data: bytes) -> float:
    decoded = _luma(Image.open(BytesIO(data)))
    return float(structural_similarity(_luma(reference), decoded))  # type: ignore[no-untyped-call]


class Plain(NamedTuple):
    """One picture as the plain encoder makes it: bytes and SSIM of each tier."""

    data: bytes
    lossless: list[Image.Image]
    sizes: list[int]
    likeness: list[float]


def plain(picture: Picture) -> Plain:
    encoded, lossless = plain_encode(picture.data), lossless_tiers(picture.data)
    return Plain(
        picture.data,
        lossless,
        [len(tier) for tier in encoded],
        [ssim(*pair) for pair in zip(lossless, encoded, strict=True)],
    )


class Compared(NamedTuple):
    """Another encoder's tiers of one picture: their bytes, and how their SSIM differs."""

    sizes: list[int]
    change: list[float]


def compared(encode: Encode, to: Plain) -> Compared:
    encoded = encode(to.data)
    alike = [ssim(*pair) for pair in zip(to.lossless, encoded, strict=True)]
    return Compared(
        [len(tier) for tier in encoded],
        [ours - theirs for ours, theirs in zip(alike, to.likeness, strict=True)],
    )


def total_bytes(found: Sequence[Compared], to: Sequence[Plain]) -> float:
    """The bytes of all tiers of all pictures, as a ratio."""
    return sum(sum(one.sizes) for one in found) / sum(sum(one.sizes) for one in to)


def mean_change(found: Sequence[Compared]) -> list[float]:
    """Of the SSIM, for each tier."""
    return [float(change) for change in np.mean([one.change for one in found], axis=0)]


def processor_seconds(encode: Encode, data: bytes) -> float:
    """What one thread computes for an image, whoever else uses the machine."""
    started = time.thread_time()
    encode(data)
    return time.thread_time() - started


def geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(math.log(value) for value in values) / len(values))
