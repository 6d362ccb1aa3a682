"""What every picture is painted with: colours, gradients, light, noise and clean edges.

Everything random comes from a `random.Random`. Pillow's own `effect_noise` and `effect_spread` use
the C library's generator, which no seed reaches, so they are not used.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

Colour = tuple[int, int, int]
Size = tuple[int, int]
Point = tuple[float, float]

OVERSAMPLING = 2
"""Stencils are drawn this many times larger on each side, which is what smooths their edges."""

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)

RIM = 181
"""What `Image.radial_gradient` holds on its inscribed circle; its corners hold 255."""


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour `share` of the way (0 to 1) from `first` to `second`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def ramp(stops: Sequence[Colour], position: float) -> Colour:
    """The colour at `position` (0 to 1) on evenly spaced `stops`."""
    place = min(max(position, 0.0), 1.0) * (len(stops) - 1)
    index = min(int(place), len(stops) - 2)
    return mix(stops[index], stops[index + 1], place - index)


def luminance(colour: Colour) -> float:
    """How light a colour looks, 0 to 255."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def vertical(size: Size, stops: Sequence[Colour]) -> Image.Image:
    """A gradient from the first stop at the top to the last at the bottom."""
    column = Image.new("RGB", (1, 64))
    column.putdata([ramp(stops, row / 63) for row in range(64)])
    return column.resize((1, size[1]), Image.Resampling.BICUBIC).resize(
        size, Image.Resampling.NEAREST
    )


def slanted(size: Size, stops: Sequence[Colour], degrees: float) -> Image.Image:
    """A gradient that runs at an angle: 0 from top to bottom, positive leans it to the right."""
    side = math.ceil(math.hypot(*size) / 8)
    turned = vertical((side, side), stops).rotate(degrees, Image.Resampling.BICUBIC)
    width, height = size[0] // 8, size[1] // 8
    left, top = (side - width) // 2, (side - height) // 2
    return turned.crop((left, top, left + width, top + height)).resize(
        size, Image.Resampling.BICUBIC
    )


@functools.cache
def _radial(side: int) -> Image.Image:
    """Pillow's radial gradient, made once and never changed: stars ask for it by the hundred."""
    return Image.radial_gradient("L").resize((side, side), Image.Resampling.BOX)


def falloff(diameter: int, power: float, strength: float) -> Image.Image:
    """A square L mask, `strength` (0 to 1) in the centre and 0 at the inscribed circle."""
    curve = [round(255 * strength * max(0.0, 1 - value / RIM) ** power) for value in range(256)]
    disc = _radial(32 if diameter <= 32 else 256).point(curve)
    return disc.resize((max(1, diameter), max(1, diameter)), Image.Resampling.BICUBIC)


def glow(
    image: Image.Image,
    centre: Point,
    radius: float,
    colour: Colour,
    strength: float,
    power: float = 2.0,
) -> None:
    """Add light around `centre`, as a lens would see it; changes `image`."""
    diameter = max(2, round(radius * 2))
    left, top = round(centre[0] - radius), round(centre[1] - radius)
    light = Image.composite(
        Image.new("RGB", (diameter, diameter), colour),
        Image.new("RGB", (diameter, diameter)),
        falloff(diameter, power, strength),
    )
    box = (left, top, left + diameter, top + diameter)
    image.paste(ImageChops.screen(image.crop(box), light), (left, top))


def stencil(size: Size) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An oversampled L mask and the pen for it; `cut` brings it to the size of the picture."""
    mask = Image.new("L", (size[0] * OVERSAMPLING, size[1] * OVERSAMPLING))
    return mask, ImageDraw.Draw(mask)


def scaled(points: Sequence[Point]) -> list[Point]:
    """Points of the picture as points of a stencil."""
    return [(x * OVERSAMPLING, y * OVERSAMPLING) for x, y in points]


def disc(pen: ImageDraw.ImageDraw, centre: Point, radius: float, fill: int = 255) -> None:
    """Fill a circle on a stencil; all lengths in the picture's pixels."""
    x, y, r = (value * OVERSAMPLING for value in (*centre, radius))
    pen.ellipse((x - r, y - r, x + r, y + r), fill=fill)


def cut(mask: Image.Image) -> Image.Image:
    """A finished stencil as a mask with smooth edges."""
    return mask.reduce(OVERSAMPLING)


def blurred(mask: Image.Image, radius: float) -> Image.Image:
    """A wide blur at the cost of a small one: blurred at a quarter of the size."""
    small = mask.reduce(4).filter(ImageFilter.GaussianBlur(radius / 4))
    return small.resize(mask.size, Image.Resampling.BILINEAR)


def lay(
    image: Image.Image,
    sheet: Image.Image | Colour,
    mask: Image.Image,
    shadow: float = 0.0,
    drop: float = 0.0,
) -> None:
    """Lay a cut sheet of paper on `image`: `shadow` is how dark (0 to 1), `drop` how far below."""
    if shadow:
        shade = blurred(mask, max(2.0, drop * 1.6)).point(
            [round(value * shadow) for value in range(256)]
        )
        image.paste(BLACK, (0, round(drop)), shade)
    image.paste(sheet, (0, 0), mask)


def cloud(size: Size, cells: Size, rng: Random, octaves: int = 3) -> Image.Image:
    """Fractal noise as an L image over the whole range; `cells` is its coarsest grid."""
    work = (max(8, size[0] // 4), max(8, size[1] // 4))
    return _noise(work, cells, rng, octaves).resize(size, Image.Resampling.BICUBIC)


def relief(size: Size, cells: Size, rng: Random, octaves: int = 2) -> Image.Image:
    """As `cloud`, in floating point (mode F, 0 to 255), so that a contour of it is smooth."""
    work = (max(8, size[0] // 16), max(8, size[1] // 16))
    coarse = _noise(work, cells, rng, octaves).convert("F")
    return coarse.resize(size, Image.Resampling.BICUBIC)


def _noise(work: Size, cells: Size, rng: Random, octaves: int) -> Image.Image:
    """Octaves of random grids, each twice as fine and about half as strong as the one before."""
    total = Image.new("L", work, 128)
    for octave in range(octaves):
        grid = (max(2, cells[0] << octave), max(2, cells[1] << octave))
        layer = Image.frombytes("L", grid, rng.randbytes(grid[0] * grid[1]))
        layer = layer.resize(work, Image.Resampling.BICUBIC)
        total = Image.blend(total, layer, 1.0 if octave == 0 else 0.5**octave * 0.7)
    return ImageOps.autocontrast(total)


def height_line(count: int, roughness: float, rng: Random) -> list[float]:
    """A fractal height line of `count` values, -1 to 1, by midpoint displacement."""
    line, reach = [rng.uniform(-1, 1), rng.uniform(-1, 1)], 1.0
    while len(line) < count:
        reach *= roughness
        finer = [line[0]]
        for left, right in itertools.pairwise(line):
            finer += [(left + right) / 2 + rng.uniform(-reach, reach), right]
        line = finer
    line = line[:count]
    low, high = min(line), max(line)
    return [(value - low) / (high - low or 1.0) * 2 - 1 for value in line]


def stars(image: Image.Image, rng: Random, count: int, bottom: float) -> None:
    """Scatter stars from the top down to `bottom`, most of them faint; changes `image`."""
    width = image.width
    for _ in range(count):
        x, y = rng.uniform(0, width), rng.uniform(0, bottom)
        fade = 1 - (y / bottom) ** 2 if bottom < image.height else 1.0
        brightness = rng.random() ** 4 * fade
        tint = mix((255, 226, 196), (196, 218, 255), rng.random())
        spot = (int(x), int(y))
        if 0 <= spot[0] < width and 0 <= spot[1] < image.height:
            ground = image.getpixel(spot)
            if isinstance(ground, tuple):
                red, green, blue = ground[:3]
                image.putpixel(spot, mix((red, green, blue), tint, 0.25 + 0.75 * brightness))
        if brightness > 0.6:
            glow(image, (x, y), 2 + 5 * brightness, tint, brightness, 2.5)


def vignette(image: Image.Image, strength: float) -> Image.Image:
    """Darken the corners by up to `strength` (0 to 1)."""
    curve = [round(255 * (1 - strength * (value / 255) ** 2.2)) for value in range(256)]
    shade = _radial(256).point(curve)
    shade = shade.resize(image.size, Image.Resampling.BICUBIC)
    return ImageChops.multiply(image, Image.merge("RGB", (shade, shade, shade)))
