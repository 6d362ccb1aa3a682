"""The frontier of time, bytes and likeness: the study that the codec's settings are taken from.

Nothing is held to a bound but that the chosen settings are within the budgets: the table is the
result. Each row differs from the chosen one in what its name says; qualities are those at which a
method is about as alike. Speed is processor time of one thread, decoding included, against the
plain encoder: geometric mean over the pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from PIL import Image

from adapters.pillow.codec import SETTINGS, PillowCodec, Settings
from engine.facts.previews import TIERS
from tests.benchmarks.conftest import Figures
from tests.benchmarks.pictures import pictures
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
)

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1_800)]

ROUNDS = 2

BOX, HAMMING = Image.Resampling.BOX, Image.Resampling.HAMMING
BICUBIC, LANCZOS = Image.Resampling.BICUBIC, Image.Resampling.LANCZOS

HIGH, MEDIUM, LOW = SETTINGS

FRONTIER = {
    "chosen": SETTINGS,
    "high: method 0": (Settings(HAMMING, 76, 0), MEDIUM, LOW),
    "high: method 1": (Settings(HAMMING, 76, 1), MEDIUM, LOW),
    "high: method 3": (Settings(HAMMING, 73, 3), MEDIUM, LOW),
    "high: BOX": (Settings(BOX, 75.5, 2), MEDIUM, LOW),
    "high: BICUBIC": (Settings(BICUBIC, 75.5, 2), MEDIUM, LOW),
    "high: LANCZOS": (Settings(LANCZOS, 75.5, 2), MEDIUM, LOW),
    "medium: method 1": (HIGH, Settings(BOX, 61, 1), LOW),
    "medium: method 2": (HIGH, Settings(BOX, 58, 2), LOW),
    "medium: HAMMING": (HIGH, Settings(HAMMING, 60, 0), LOW),
    "medium: BICUBIC": (HIGH, Settings(BICUBIC, 59, 0), LOW),
    "low: method 0": (HIGH, MEDIUM, Settings(BOX, 53, 0)),
    "low: method 2": (HIGH, MEDIUM, Settings(BOX, 52, 2)),
    "low: HAMMING": (HIGH, MEDIUM, Settings(HAMMING, 53, 1)),
    "low: BICUBIC": (HIGH, MEDIUM, Settings(BICUBIC, 46, 1)),
    "methods 1, 2, 2": (
        Settings(HAMMING, 76, 1),
        Settings(HAMMING, 57, 2),
        Settings(BICUBIC, 46, 2),
    ),
    "as fast as can be": (Settings(BOX, 76, 0), Settings(BOX, 61, 0), Settings(BOX, 53, 0)),
    "as alike as can be": (
        Settings(LANCZOS, 77.5, 2),
        Settings(BICUBIC, 57, 2),
        Settings(BICUBIC, 45, 2),
    ),
    "method 4, nominal": (
        Settings(LANCZOS, 80, 4),
        Settings(LANCZOS, 60, 4),
        Settings(LANCZOS, 45, 4),
    ),
}


class Point(NamedTuple):
    """Where settings lie: times as fast as plain on one core, bytes, and SSIM of each tier."""

    speed: float
    size: float
    change: list[float]

    @property
    def allowed(self) -> bool:
        return self.size <= MAX_BYTES and min(self.change) >= -MAX_SSIM_LOSS


def decode(data: bytes) -> tuple[bytes, ...]:
    PillowCodec().check(data)
    return ()


def encoder(settings: tuple[Settings, ...]) -> Encode:
    codec = PillowCodec(settings)
    return lambda data: codec.encode(data, lambda: None)


def least_seconds(encoders: Sequence[Encode], data: bytes) -> list[float]:
    """Of each; rounds alternate, for a busy machine is slower from one minute to the next."""
    rounds = [[processor_seconds(one, data) for one in encoders] for _ in range(ROUNDS)]
    return [min(times) for times in zip(*rounds, strict=True)]


def test_the_chosen_settings_are_within_the_budgets(figures: Figures) -> None:
    library = [plain(picture) for picture in pictures()]
    studied = [encoder(settings) for settings in FRONTIER.values()]
    times = [least_seconds([plain_encode, decode, *studied], one.data) for one in library]
    speeds = [
        geometric_mean([each[0] / each[place] for each in times]) for place in range(len(times[0]))
    ]
    head = "".join(f"{tier.name:>18}{'dSSIM':>9}" for tier in TIERS)
    say(f"\n{'':20}{'speed':>7}{'bytes':>7}{head}  within the budgets")
    points = {}
    for name, encode, speed in zip(FRONTIER, studied, speeds[2:], strict=True):
        found = [compared(encode, one) for one in library]
        point = Point(speed, total_bytes(found, library), mean_change(found))
        points[name] = point
        cells = "".join(
            f"{f'{one.resample.name} {one.quality:g} m{one.method}':>18}{change:>+9.4f}"
            for one, change in zip(FRONTIER[name], point.change, strict=True)
        )
        verdict = "yes" if point.allowed else "no"
        say(f"{name:20}{point.speed:>7.2f}{point.size:>7.3f}{cells}  {verdict}")
    say(f"{'decoding alone':20}{speeds[1]:>7.2f}")
    figures.note("previews: speed on one core of decoding alone", f"{speeds[1]:.1f}")
    fastest = max(points.values(), key=lambda point: point.speed)
    figures.note(
        "previews: speed on one core of the fastest settings studied",
        f"{fastest.speed:.1f} at {fastest.size:.2f} of the bytes",
    )
    assert points["chosen"].allowed
