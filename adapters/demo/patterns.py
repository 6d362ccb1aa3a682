"""Pictures of nothing but colour and form: flowers, cut paper, waves, tiles, facets, light."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from adapters.demo.canvas import (
    BLACK,
    OVERSAMPLING,
    WHITE,
    Colour,
    Point,
    Size,
    blurred,
    cloud,
    cut,
    disc,
    falloff,
    glow,
    lay,
    luminance,
    mix,
    ramp,
    relief,
    scaled,
    slanted,
    stencil,
    vignette,
)
from adapters.demo.palettes import Palette


def _petal(centre: Point, angle: float, near: float, far: float, spread: float) -> list[Point]:
    """One pointed petal from `near` to `far` (pixels) along `angle`, `spread` radians wide."""
    left: list[Point] = []
    right: list[Point] = []
    for step in range(13):
        share = step / 12
        reach = near + (far - near) * share
        width = spread / 2 * math.sin(math.pi * share**0.8) ** 0.85
        for side, turn in ((left, -width), (right, width)):
            side.append(
                (
                    centre[0] + reach * math.cos(angle + turn),
                    centre[1] + reach * math.sin(angle + turn),
                )
            )
    return [*left, *reversed(right)]


def blossom(size: Size, palette: Palette, rng: Random, turn: float = 0.0) -> Image.Image:
    """An RGBA flower of cut paper on nothing; `turn` (0 to 1) is how far it has turned."""
    width, height = size
    centre = (width / 2, height / 2)
    reach = min(size) * 0.49
    image = Image.new("RGBA", size, (0, 0, 0, 0))
    colours = [*palette.accents, palette.sky[3]]
    rng.shuffle(colours)
    count = rng.choice((8, 10, 12))
    wreaths = 5
    for wreath in range(wreaths):
        far = reach * (1 - 0.165 * wreath)
        base = colours[wreath % len(colours)]
        # Petals lie over and under in turns, so a wreath looks the same again after two of them.
        drift = turn * 2 * math.tau / count
        offset = math.pi / count * (wreath % 2) + (drift if wreath % 2 else -drift)
        for half in range(2):
            mask, pen = stencil(size)
            ridge, quill = stencil(size)
            for index in range(half, count, 2):
                angle = math.tau * index / count + offset
                spread = math.tau / count * 1.5
                pen.polygon(scaled(_petal(centre, angle, far * 0.1, far, spread)), fill=255)
                vein = _petal(centre, angle, far * 0.3, far * 0.86, spread * 0.4)
                quill.polygon(scaled(vein), fill=90)
            shape = cut(mask)
            tone = mix(base, BLACK if half == 0 else WHITE, 0.12)
            sheet = Image.new("RGB", size, mix(tone, BLACK, 0.45))
            side = round(far * 2.1)
            sheet.paste(
                mix(tone, WHITE, 0.1),
                (round(centre[0] - side / 2), round(centre[1] - side / 2)),
                Image.radial_gradient("L").resize((side, side), Image.Resampling.BICUBIC),
            )
            sheet.paste(mix(tone, WHITE, 0.45), (0, 0), cut(ridge))
            shade = blurred(shape, reach * 0.035).point([round(v * 0.5) for v in range(256)])
            dark = Image.new("RGBA", size, (0, 0, 0, 0))
            dark.putalpha(shade)
            image.alpha_composite(dark)
            leaf = sheet.convert("RGBA")
            leaf.putalpha(shape)
            image.alpha_composite(leaf)
    mask, pen = stencil(size)
    for index in range(60):
        away, angle = reach * 0.105 * math.sqrt(index / 60), index * 2.39996
        spot = (centre[0] + away * math.cos(angle), centre[1] + away * math.sin(angle))
        disc(pen, spot, reach * 0.0105)
    seeds = Image.new("RGBA", size, (*mix(palette.light, palette.accents[0], 0.2), 255))
    seeds.putalpha(cut(mask))
    image.alpha_composite(seeds)
    return image


def rosette(size: Size, palette: Palette, rng: Random) -> Image.Image:
    """Blossoms on a dark ground."""
    width, height = size
    ground = slanted(size, (mix(palette.near, palette.sky[1], 0.6), palette.near, palette.near), 30)
    glow(ground, (width / 2, height / 2), max(size) * 0.6, palette.sky[2], 0.4, 1.6)
    spots = [(0.5, 0.5, 0.94)]
    if width != height:
        far, near = (0.9, 0.1) if rng.random() < 0.5 else (0.1, 0.9)
        spots = [(far, 0.12, 0.6), (near, 0.9, 0.5), *spots]
    for x, y, share in spots:
        side = round(min(size) * share) // 4 * 4
        flower = blossom((side, side), palette, rng)
        if share < 0.7:
            soft = Image.blend(flower, Image.new("RGBA", flower.size, (*palette.near, 0)), 0.35)
            flower = soft.filter(ImageFilter.BoxBlur(2))
        place = (round(width * x - side / 2), round(height * y - side / 2))
        ground.paste(flower, place, flower)
    return vignette(ground, 0.3)


def _slope(steep: float, offset: float) -> Callable[[Any], Any]:
    """A linear function as `Image.point` wants it for mode F: of a value that stands for all."""
    return lambda value: value * steep + offset


def strata(size: Size, palette: Palette, rng: Random) -> Image.Image:
    """Sheets of paper cut along the contours of a landscape that is not there."""
    field = relief(size, (3, 4) if size[1] > size[0] else (4, 3), rng)
    stops = (palette.near, *palette.sky[1:], palette.light)
    image = Image.new("RGB", size, mix(stops[-1], WHITE, 0.2))
    sheets = 9
    for index in range(sheets):
        # Lighter than the level is 0, darker 255, and the steep slope between is the smooth edge.
        steep, level = -160.0, 228.0 - index * 25
        mask = field.point(_slope(steep, 128 - steep * level)).convert("L")
        tone = ramp(stops, 1 - (index + 1) / sheets)
        lay(image, tone, mask, 0.42, size[1] * 0.009)
    return vignette(image, 0.2)


def waves(size: Size, palette: Palette, rng: Random) -> Image.Image:
    """Seigaiha: rows of overlapping circles, coloured from sky to sea."""
    width, height = size
    radius = min(size) / rng.choice((6.4, 8.0))
    image = Image.new("RGB", (width * OVERSAMPLING, height * OVERSAMPLING), palette.sky[-1])
    pen = ImageDraw.Draw(image)
    rows = math.ceil(height / (radius * 0.5)) + 3
    stops = (palette.light, *reversed(palette.sky), palette.near)
    for row in range(rows):
        shift = radius if row % 2 else 0.0
        y = row * radius * 0.5
        for column in range(-1, math.ceil(width / (radius * 2)) + 2):
            x = column * radius * 2 + shift
            tone = ramp(stops, row / rows + rng.uniform(-0.05, 0.05))
            gilded = rng.random() < 0.07
            for ring in range(6):
                reach = radius * (1 - ring * 0.165) * OVERSAMPLING
                paper = mix(palette.light, tone, 0.12) if ring % 2 == 0 else tone
                if gilded and ring % 2:
                    paper = palette.accents[0]
                cx, cy = x * OVERSAMPLING, y * OVERSAMPLING
                pen.ellipse((cx - reach, cy - reach, cx + reach, cy + reach), fill=paper)
    return vignette(image.reduce(OVERSAMPLING), 0.22)


def truchet(size: Size, palette: Palette, rng: Random) -> Image.Image:
    """Tiles of three quarter arcs, turned at random, that join into endless lines."""
    width, height = size
    tile = min(size) // 8
    ground = slanted(size, (palette.near, mix(palette.near, palette.sky[1], 0.8)), 35)
    strands = ((0.5, 0.25, (palette.light, *palette.accents[:3])), (0.5, 0.09, (palette.near,) * 2))
    tiles = [
        (column, row, rng.random() < 0.5)
        for row in range(math.ceil(height / tile))
        for column in range(math.ceil(width / tile))
    ]
    for middle, thick, colours in strands:
        mask, pen = stencil(size)
        for column, row, falling in tiles:
            left, top = column * tile, row * tile
            corners = ((left, top), (left + tile, top + tile))
            quarters = (0, 180)
            if falling:
                corners = ((left + tile, top), (left, top + tile))
                quarters = (90, 270)
            for (x, y), start in zip(corners, quarters, strict=True):
                reach = tile * (middle + thick / 2)
                box = [
                    value * OVERSAMPLING for value in (x - reach, y - reach, x + reach, y + reach)
                ]
                # Half a degree of overlap closes the seam between neighbouring tiles.
                pen.arc(box, start - 0.6, start + 90.6, 255, round(tile * thick * OVERSAMPLING))
        sheet = slanted(size, colours, -30)
        lay(ground, sheet, cut(mask), 0.55 if thick > 0.2 else 0.0, tile * 0.07)
    return vignette(ground, 0.3)


def facets(size: Size, palette: Palette, rng: Random) -> Image.Image:
    """A jittered net of triangles, each lit by its own slope."""
    width, height = size
    cell = min(size) / 9
    columns, rows = math.ceil(width / cell) + 2, math.ceil(height / cell) + 2
    heights = cloud((columns * 8, rows * 8), (4, 4), rng, 2)
    colours = slanted((width // 2, height // 2), palette.sky, rng.uniform(-35, 35))
    glow(colours, (width * rng.uniform(0.1, 0.4), height * 0.12), width * 0.4, palette.light, 0.6)
    net = [
        [
            (
                (column - 0.5 + rng.uniform(-0.36, 0.36)) * cell,
                (row - 0.5 + rng.uniform(-0.36, 0.36)) * cell,
                _level(heights, column * 8, row * 8) / 255,
            )
            for column in range(columns + 1)
        ]
        for row in range(rows + 1)
    ]
    image = Image.new("RGB", (width * OVERSAMPLING, height * OVERSAMPLING))
    pen = ImageDraw.Draw(image)
    for row in range(rows):
        for column in range(columns):
            a, b = net[row][column], net[row][column + 1]
            c, d = net[row + 1][column], net[row + 1][column + 1]
            pairs = ((a, b, c), (b, d, c)) if (row + column) % 2 else ((a, b, d), (a, d, c))
            for one, two, three in pairs:
                x, y = (one[0] + two[0] + three[0]) / 3, (one[1] + two[1] + three[1]) / 3
                tone = _tone(colours, x / 2, y / 2)
                slope = (one[2] - three[2]) * 1.5 + (two[2] - one[2]) * 0.8
                slope = max(-0.55, min(0.55, slope + rng.uniform(-0.07, 0.07)))
                tone = mix(tone, WHITE if slope > 0 else palette.near, abs(slope))
                corners = scaled([one[:2], two[:2], three[:2]])
                pen.polygon(corners, fill=tone, outline=tone)
    return vignette(image.reduce(OVERSAMPLING), 0.2)


def _level(image: Image.Image, x: float, y: float) -> int:
    """The value of an L image at a point, or at the nearest one inside."""
    column, row = min(max(0, int(x)), image.width - 1), min(max(0, int(y)), image.height - 1)
    value = image.getpixel((column, row))
    return int(value) if isinstance(value, int | float) else 0


def _tone(image: Image.Image, x: float, y: float) -> Colour:
    """The colour of an RGB image at a point, or at the nearest one inside."""
    column, row = min(max(0, int(x)), image.width - 1), min(max(0, int(y)), image.height - 1)
    value = image.getpixel((column, row))
    return (value[0], value[1], value[2]) if isinstance(value, tuple) else BLACK


def bokeh(size: Size, palette: Palette, rng: Random) -> Image.Image:
    """Lights out of focus, the nearest ones sharp at the rim."""
    width, height = size
    image = slanted(
        size, (mix(palette.sky[0], BLACK, 0.45), mix(palette.sky[1], BLACK, 0.3), palette.near), 25
    )
    glow(image, (width * 0.3, height * 0.25), max(size) * 0.7, palette.sky[2], 0.5, 1.4)
    plate, pen = stencil((192, 192))
    disc(pen, (96, 96), 90)
    rim, ink = stencil((192, 192))
    disc(ink, (96, 96), 90)
    disc(ink, (96, 96), 84, 0)
    crisp = Image.blend(cut(plate), cut(rim), 0.42)
    soft = falloff(192, 0.8, 0.9)
    bright = sorted(palette.accents, key=luminance)[1:]
    for index in range(70):
        near = index / 70
        radius = min(size) * (0.02 + 0.1 * rng.random() ** 1.5) * (0.7 + 0.6 * near)
        side = max(6, round(radius * 2))
        sprite = Image.blend(soft, crisp, min(1.0, near * 1.3)).resize(
            (side, side), Image.Resampling.BICUBIC
        )
        strength = rng.uniform(0.16, 0.6)
        sprite = sprite.point([round(v * strength) for v in range(256)])
        drift = rng.gauss(0, 0.24)
        x = width * rng.random()
        y = height * (0.2 + 0.6 * x / width + drift)
        box = (round(x) - side // 2, round(y) - side // 2)
        tint = mix(rng.choice(bright), palette.light, rng.random() * 0.3)
        light = Image.composite(
            Image.new("RGB", (side, side), tint), Image.new("RGB", (side, side)), sprite
        )
        under = image.crop((*box, box[0] + side, box[1] + side))
        image.paste(ImageChops.screen(under, light), box)
    return vignette(image, 0.3)
