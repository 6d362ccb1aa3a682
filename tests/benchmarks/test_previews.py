"""Previews against a plain encoder: how much faster, at how many bytes, at what likeness."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from adapters.pillow.codec import PillowCodec
from engine.facts.previews import TIERS
from tests.benchmarks.conftest import Figures
from tests.benchmarks.pictures import Picture, pictures
from tests.benchmarks.plain_previews import (
    MAX_BYTES,
    MAX_SSIM_LOSS,
    Encode,
    compared,
    geometric_mean,
    mean_change,
    plain,
    plain_encode,
    processor_seconds,
    say,
    total_bytes,
    uncopied_encode,
)

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1_800)]

THREADS = 2
ROUNDS = 3
TARGET = 10.0


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


@pytest.fixture(scope="module")
def library() -> list[Picture]:
    return list(pictures())


def test_previews_are_made_several_times_faster(library: list[Picture], figures: Figures) -> None:
    """The plain encoder has one thread, with and without its copying of pixels, which is work of
    the interpreter and not of the codecs; ours is timed on one and on two.

    Rounds alternate and the fastest of each counts. Beside the clock, processor seconds are
    compared. The geometric mean is held to the bound: in the sum of seconds, one picture with
    alpha, on which `method=6` takes seconds, would decide alone.
    """
    columns = ("plain ms", "uncopied", "codec ms", "processor", "1 thread", "2 threads", "... unc.")
    say(f"\n{'picture':28}" + "".join(f"{column:>10}" for column in columns))
    ratios, sums = [], np.zeros(4)
    for name, data in library:
        rounds = [
            (
                seconds(plain_encode, data),
                seconds(uncopied_encode, data),
                seconds(codec_encode, data),
                seconds_each(codec_encode, data, 2 * THREADS),
                processor_seconds(plain_encode, data),
                processor_seconds(codec_encode, data),
            )
            for _ in range(ROUNDS)
        ]
        plainly, uncopied, alone, threaded, plain_cpu, codec_cpu = np.min(rounds, axis=0)
        sums += plainly, uncopied, alone, threaded
        ratios.append(
            (plain_cpu / codec_cpu, plainly / alone, plainly / threaded, uncopied / threaded)
        )
        cells = "".join(f"{ratio:>10.1f}" for ratio in ratios[-1])
        times = "".join(f"{time * 1e3:>10.0f}" for time in (plainly, uncopied, alone))
        say(f"{name:28}{times}{cells}")
    means = [geometric_mean(list(column)) for column in zip(*ratios, strict=True)]
    say(f"{'geometric mean':58}" + "".join(f"{mean:>10.1f}" for mean in means))
    processor, _, copied, uncopied = means
    summed = (sums[0] / sums[2], sums[0] / sums[3], sums[1] / sums[3])
    say(f"{'sum of seconds':68}" + "".join(f"{ratio:>10.1f}" for ratio in summed))
    figures.note("previews: processor time of the plain encoder, against ours", f"{processor:.1f}")
    figures.at_least(
        f"previews: plain encoder on one thread, against {THREADS} threads",
        copied,
        TARGET,
        "{:.1f}",
    )
    figures.note("... without its copying of pixels", f"{uncopied:.1f}")


def test_previews_are_as_small_and_as_alike_as_plain_ones(
    library: list[Picture], figures: Figures
) -> None:
    plainly = [plain(picture) for picture in library]
    found = [compared(codec_encode, one) for one in plainly]
    say(f"\n{'picture':32}" + "".join(f"{tier.name + ' bytes, dSSIM':>22}" for tier in TIERS))
    for picture, ours, theirs in zip(library, found, plainly, strict=True):
        cells = (
            f"{ours.sizes[tier] / theirs.sizes[tier]:>14.3f}{ours.change[tier]:>+8.4f}"
            for tier in range(len(TIERS))
        )
        say(f"{picture.name:32}" + "".join(cells))
    total, change = total_bytes(found, plainly), mean_change(found)
    figures.at_most("previews: bytes, against plain ones", total, MAX_BYTES, "{:.3f}")
    for tier, value in zip(TIERS, change, strict=True):
        figures.at_least(
            f"previews: SSIM of {tier.name}, against plain", value, -MAX_SSIM_LOSS, "{:+.4f}"
        )
