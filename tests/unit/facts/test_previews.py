"""The geometry of preview tiers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.facts.previews import MAX_DECODED_PIXELS, MAX_HIGH_PIXELS, MAX_SIDE, TIERS, tier_sizes

# Sizes up to the pixel cap, including strips one pixel wide.
sides = st.integers(1, MAX_DECODED_PIXELS).flatmap(
    lambda side: st.tuples(st.just(side), st.integers(1, MAX_DECODED_PIXELS // side))
)
sizes = sides.flatmap(lambda size: st.sampled_from([size, size[::-1]]))


@given(sizes)
def test_every_size_yields_one_size_for_each_tier(size: tuple[int, int]) -> None:
    assert len(tier_sizes(*size)) == len(TIERS) == 3


@given(sizes)
def test_no_side_of_any_tier_is_shorter_than_a_pixel(size: tuple[int, int]) -> None:
    assert all(min(tier) >= 1 for tier in tier_sizes(*size))


@given(sizes)
def test_no_side_is_longer_than_webp_allows(size: tuple[int, int]) -> None:
    assert all(max(tier) <= MAX_SIDE for tier in tier_sizes(*size))


@given(sizes)
def test_the_high_tier_has_at_most_two_million_pixels(size: tuple[int, int]) -> None:
    width, height = tier_sizes(*size)[0]
    assert width * height <= MAX_HIGH_PIXELS == 2_000_000


@given(sizes)
def test_no_tier_is_larger_than_the_image(size: tuple[int, int]) -> None:
    assert all(tier[0] <= size[0] and tier[1] <= size[1] for tier in tier_sizes(*size))


@given(sizes)
def test_each_side_keeps_the_aspect_to_within_a_pixel(size: tuple[int, int]) -> None:
    factor = min(
        1.0, (MAX_HIGH_PIXELS / (size[0] * size[1])) ** 0.5, MAX_SIDE / size[0], MAX_SIDE / size[1]
    )
    for side, high in zip(size, tier_sizes(*size)[0], strict=True):
        assert abs(side * factor - high) <= 1.001


@given(sizes)
def test_medium_and_low_are_fractions_of_high_to_within_half_a_pixel(size: tuple[int, int]) -> None:
    high, medium, low = tier_sizes(*size)
    for side in (0, 1):
        assert abs(medium[side] - max(1, 0.66 * high[side])) <= 0.5
        assert abs(low[side] - max(1, 0.33 * high[side])) <= 0.5


@given(sizes)
def test_turning_an_image_turns_its_tiers(size: tuple[int, int]) -> None:
    assert tier_sizes(*size[::-1]) == tuple(tier[::-1] for tier in tier_sizes(*size))


@given(sizes)
def test_the_tiers_of_the_high_tier_are_those_of_the_image(size: tuple[int, int]) -> None:
    tiers = tier_sizes(*size)
    assert tier_sizes(*tiers[0]) == tiers


@pytest.mark.parametrize(
    ("size", "tiers"),
    [
        ((512, 768), ((512, 768), (338, 507), (169, 253))),
        ((1, 1), ((1, 1), (1, 1), (1, 1))),
        ((2000, 1000), ((2000, 1000), (1320, 660), (660, 330))),
        ((4000, 2000), ((2000, 1000), (1320, 660), (660, 330))),
        ((6000, 4000), ((1732, 1154), (1143, 762), (572, 381))),
        ((20_000, 10), ((16_383, 8), (10_813, 5), (5406, 3))),
    ],
)
def test_familiar_sizes_have_these_tiers(
    size: tuple[int, int], tiers: tuple[tuple[int, int], ...]
) -> None:
    assert tier_sizes(*size) == tiers
