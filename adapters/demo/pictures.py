"""Which pictures there are: each style, the palettes that suit it, and how one is painted."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from PIL import Image

from adapters.demo import heavens, landscapes, patterns
from adapters.demo.canvas import Size
from adapters.demo.palettes import PALETTES, Palette


class Style(NamedTuple):
    """A painter and the names of the palettes it looks good in."""

    painter: Callable[[Size, Palette, Random], Image.Image]
    palettes: tuple[str, ...]


STYLES: dict[str, Style] = {
    "mountains": Style(
        landscapes.mountains,
        ("dusk", "ember", "polar", "morning", "lavender", "blossom", "harvest", "lagoon"),
    ),
    "lake": Style(
        landscapes.lake, ("dusk", "ember", "polar", "morning", "lavender", "blossom", "lagoon")
    ),
    "aurora": Style(landscapes.aurora, ("polar", "neon", "emerald")),
    "dunes": Style(landscapes.dunes, ("harvest", "ember", "emerald", "lagoon", "dusk", "neon")),
    "city": Style(landscapes.city, ("polar", "neon", "ember", "emerald", "dusk")),
    "planet": Style(heavens.planet, ("dusk", "polar", "neon", "emerald", "harvest", "lagoon")),
    "neon": Style(heavens.neon, ("neon", "dusk", "ember")),
    "rosette": Style(patterns.rosette, ("emerald", "dusk", "polar", "ember", "blossom", "lagoon")),
    "strata": Style(patterns.strata, ("ember", "polar", "emerald", "neon", "dusk", "lagoon")),
    "waves": Style(patterns.waves, ("polar", "neon", "lavender", "lagoon", "ember", "dusk")),
    "truchet": Style(patterns.truchet, ("dusk", "harvest", "emerald", "lagoon", "ember", "neon")),
    "facets": Style(patterns.facets, ("lagoon", "blossom", "dusk", "polar", "lavender")),
    "bokeh": Style(patterns.bokeh, ("emerald", "neon", "polar", "dusk", "lagoon")),
}
"""Every style that `paint` knows."""


def paint(style: str, size: Size, turn: int, rng: Random) -> Image.Image:
    """An RGB picture of `size` (width, height); the same generator state gives the same pixels.

    `turn` picks among the palettes of the style: dealt in turns, as chance would repeat itself.
    Raises `KeyError` for a style that there is none of.
    """
    painter, palettes = STYLES[style]
    return painter(size, PALETTES[palettes[turn % len(palettes)]], rng)


def spin(size: Size, frames: int, rng: Random) -> list[Image.Image]:
    """Palette frames of a flower whose wreaths turn against each other, in an endless loop."""
    palette = PALETTES[rng.choice(STYLES["rosette"].palettes)]
    state = rng.getstate()
    loop: list[Image.Image] = []
    for frame in range(frames):
        # Every frame is the same flower, so each starts from the same random numbers.
        rng.setstate(state)
        flower = patterns.blossom(size, palette, rng, frame / frames)
        ground = Image.new("RGB", size, palette.near)
        ground.paste(flower, (0, 0), flower)
        loop.append(ground.quantize(96, dither=Image.Dither.NONE))
    return loop
