"""Previews against a plain encoder: how much faster, at how many bytes, at what likeness."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage.metrics import structural_similarity

from adapters.pillow.codec import SETTINGS, PillowCodec
from engine.previews import TIERS, tier_sizes
from tests.benchmarks.pictures import Picture, pictures

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

THREADS = 2
MIN_SPEED = 4.0
MAX_BYTES = 1.05
MAX_SSIM_LOSS = 0.005

Encode = Callable[[bytes], tuple[bytes, ...]]


class Likeness(NamedTuple):
    """Of one picture: bytes and SSIM of each tier, by the plain encoder and by the codec."""

    plain_bytes: list[int]
    codec_bytes: list[int]
    plain_ssim: list[float]
    codec_ssim: list[float]


def say(*words: str) -> None:
    print(*words)  # noqa: T201  # the table is what `-s` is given for


def lossless_tiers(data: bytes) -> list[Image.Image]:
    image = Image.open(BytesIO(data))
    image.load()
    return [
        image.resize(size, Image.Resampling.LANCZOS)
        for size in tier_sizes(image.width, image.height)
    ]


def webp(image: Image.Image, quality: float, method: int) -> bytes:
    stream = BytesIO()
    image.save(stream, "WEBP", quality=quality, method=method)
    return stream.getvalue()


def plain_encode(data: bytes) -> tuple[bytes, ...]:
    """Decode once, scale the original to each tier, encode it at its nominal quality."""
    pairs = zip(lossless_tiers(data), TIERS, strict=True)
    return tuple(webp(image, tier.quality, 6) for image, tier in pairs)


def codec_encode(data: bytes) -> tuple[bytes, ...]:
    return PillowCodec().encode(data, lambda: None)


def seconds(encode: Encode, data: bytes) -> float:
    started = time.perf_counter()
    encode(data)
    return time.perf_counter() - started


def seconds_each(encode: Encode, data: bytes, copies: int) -> float:
    """Seconds an image when `copies` of it go through `THREADS` threads."""
    with ThreadPoolExecutor(THREADS) as threads:
        started = time.perf_counter()
        list(threads.map(encode, [data] * copies))
        return (time.perf_counter() - started) / copies


def luma(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image.convert("RGB").convert("L"))


def ssim(reference: Image.Image, data: bytes) -> float:
    decoded = luma(Image.open(BytesIO(data)))
    return float(structural_similarity(luma(reference), decoded))  # type: ignore[no-untyped-call]


def likeness(picture: Picture) -> Likeness:
    plain, codec = plain_encode(picture.data), codec_encode(picture.data)
    references = lossless_tiers(picture.data)
    return Likeness(
        [len(tier) for tier in plain],
        [len(tier) for tier in codec],
        [ssim(*pair) for pair in zip(references, plain, strict=True)],
        [ssim(*pair) for pair in zip(references, codec, strict=True)],
    )


@pytest.fixture(scope="module")
def library() -> list[Picture]:
    return list(pictures())


def geometric_mean(values: list[float]) -> float:
    return math.exp(sum(math.log(value) for value in values) / len(values))


def test_previews_are_made_several_times_faster(library: list[Picture]) -> None:
    """The plain encoder has one thread; the codec is timed on one and on two.

    The geometric mean is held to the bound: in the sum of seconds, one picture with alpha, on
    which `method=6` takes seconds, would decide alone.
    """
    say(f"\n{'picture':32}{'plain ms':>10}{'codec ms':>10}{'1 thread':>10}{'2 threads':>10}")
    sums, ratios = np.zeros(3), []
    for name, data in library:
        plain = seconds(plain_encode, data)
        codec = min(seconds(codec_encode, data) for _ in range(3))
        threaded = min(seconds_each(codec_encode, data, 2 * THREADS) for _ in range(2))
        plain = min(plain, seconds(plain_encode, data)) if plain < 1 else plain
        sums += plain, codec, threaded
        ratios.append((plain / codec, plain / threaded))
        row = (
            f"{plain * 1e3:>10.0f}{codec * 1e3:>10.0f}{ratios[-1][0]:>10.1f}{ratios[-1][1]:>10.1f}"
        )
        say(f"{name:32}{row}")
    alone, threaded_speed = (geometric_mean(list(column)) for column in zip(*ratios, strict=True))
    say(f"{'geometric mean':52}{alone:>10.1f}{threaded_speed:>10.1f}")
    say(f"{'sum of seconds':52}{sums[0] / sums[1]:>10.1f}{sums[0] / sums[2]:>10.1f}")
    assert threaded_speed >= MIN_SPEED


def test_previews_are_as_small_and_as_alike_as_plain_ones(library: list[Picture]) -> None:
    found = [likeness(picture) for picture in library]
    say(f"\n{'picture':32}" + "".join(f"{tier.name + ' bytes, dSSIM':>22}" for tier in TIERS))
    for picture, (plain, codec, before, after) in zip(library, found, strict=True):
        cells = (
            f"{codec[tier] / plain[tier]:>14.3f}{after[tier] - before[tier]:>+8.4f}"
            for tier in range(len(TIERS))
        )
        say(f"{picture.name:32}" + "".join(cells))
    total = sum(sum(one.codec_bytes) for one in found) / sum(sum(one.plain_bytes) for one in found)
    change = np.mean([np.subtract(one.codec_ssim, one.plain_ssim) for one in found], axis=0)
    say(f"bytes {total:.3f}, mean change of SSIM", *(f"{value:+.4f}" for value in change))
    assert total <= MAX_BYTES
    assert min(change) >= -MAX_SSIM_LOSS


def test_the_frontier_of_method_and_quality(library: list[Picture]) -> None:
    """A study, not a check: what other settings would give, on a few pictures."""
    chosen = [library[index] for index in (2, 4, 9)]
    say(f"\n{'tier':8}{'method':>7}{'quality':>8}{'speed':>7}{'bytes':>7}{'dSSIM':>9}")
    for index, tier in enumerate(TIERS):
        images = [lossless_tiers(picture.data)[index] for picture in chosen]
        base = measured(images, tier.quality, 6)
        for method in (0, 1, 2, 4):
            for quality in (tier.quality - 4, tier.quality - 2, tier.quality):
                took, size, likeness_ = measured(images, quality, method) / base
                change = (likeness_ - 1) * base[2]
                figures = f"{1 / took:>7.1f}{size:>7.2f}{change:>+9.4f}"
                say(f"{tier.name:8}{method:>7}{quality:>8}{figures}")
        say(f"{tier.name:8} chosen: {SETTINGS[index]}")


def measured(images: list[Image.Image], quality: float, method: int) -> NDArray[Any]:
    """Seconds, bytes and mean SSIM of the images encoded one after another."""
    started = time.perf_counter()
    encoded = [webp(image, quality, method) for image in images]
    took = time.perf_counter() - started
    alike = [ssim(image, data) for image, data in zip(images, encoded, strict=True)]
    return np.array([took, sum(len(data) for data in encoded), sum(alike) / len(alike)])
