"""The frontier of time, bytes and likeness: the study that the codec's settings are taken from.

Nothing is held to a bound but that the chosen settings are within the budgets: the table is the
result. Each row differs from the chosen one in what its name says; qualities are those at which a
method is about as alike. Time is processor time of one thread, without decoding being left out.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest
from PIL import Image

from adapters.pillow.codec import SETTINGS, PillowCodec, Settings
from engine.previews import TIERS
from tests.benchmarks.pictures import pictures
from tests.benchmarks.plain_previews import (
    MAX_BYTES,
    MAX_SSIM_LOSS,
    Encode,
    Plain,
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

ROUNDS = 3

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


def least(encode: Encode, data: bytes) -> float:
    return min(processor_seconds(encode, data) for _ in range(ROUNDS))


def measured(settings: tuple[Settings, ...], library: list[Plain], plainly: list[float]) -> Point:
    codec = PillowCodec(settings)

    def encode(data: bytes) -> tuple[bytes, ...]:
        return codec.encode(data, lambda: None)

    speeds = [took / least(encode, one.data) for one, took in zip(library, plainly, strict=True)]
    found = [compared(encode, one) for one in library]
    return Point(geometric_mean(speeds), total_bytes(found, library), mean_change(found))


def decode(data: bytes) -> tuple[bytes, ...]:
    PillowCodec().check(data)
    return ()


def test_the_chosen_settings_are_within_the_budgets() -> None:
    library = [plain(picture) for picture in pictures()]
    plainly = [least(plain_encode, one.data) for one in library]
    head = "".join(f"{tier.name:>22}{'dSSIM':>9}" for tier in TIERS)
    say(f"\n{'':20}{'speed':>7}{'bytes':>7}{head}  within the budgets")
    points = {name: measured(settings, library, plainly) for name, settings in FRONTIER.items()}
    for name, point in points.items():
        cells = "".join(
            f"{f'{one.resample.name} {one.quality:g} m{one.method}':>22}{change:>+9.4f}"
            for one, change in zip(FRONTIER[name], point.change, strict=True)
        )
        verdict = "yes" if point.allowed else "no"
        say(f"{name:20}{point.speed:>7.2f}{point.size:>7.3f}{cells}  {verdict}")
    shares = [least(decode, one.data) / took for one, took in zip(library, plainly, strict=True)]
    say(f"{'decoding alone':20}{1 / geometric_mean(shares):>7.2f}")
    assert points["chosen"].allowed
