"""Pictures of places: mountains, a lake, northern lights, dunes, a city at night, a neon coast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from adapters.demo.canvas import (
    OVERSAMPLING,
    Point,
    Size,
    cloud,
    cut,
    disc,
    glow,
    height_line,
    lay,
    luminance,
    mix,
    ramp,
    scaled,
    stars,
    stencil,
    vertical,
    vignette,
)
from adapters.demo.palettes import Palette

_RIDGES = 6


def _sky(size: Size, palette: Palette, rng: Random, horizon: float) -> Image.Image:
    """A sky down to `horizon` (pixels), its last colour below; stars where it is dark enough."""
    width, height = size
    image = Image.new("RGB", size, palette.sky[-1])
    image.paste(vertical((width, round(horizon)), palette.sky), (0, 0))
    if luminance(palette.sky[0]) < 52:
        stars(image, rng, width * height // 1600, horizon * 0.75)
    return image


def _streaks(image: Image.Image, palette: Palette, rng: Random, bottom: float) -> None:
    """Thin clouds, lit from below; changes `image`."""
    size = (image.width, round(bottom))
    veil = cloud(size, (3, 14), rng).point(
        [max(0, round((value - 150) * 1.15)) for value in range(256)]
    )
    fade = Image.linear_gradient("L").resize(size).point([min(255, v * 2) for v in range(256)])
    image.paste(mix(palette.sky[-1], palette.light, 0.4), (0, 0), ImageChops.multiply(veil, fade))


def _sun(image: Image.Image, palette: Palette, centre: Point, radius: float) -> None:
    """A disc with a wide and a near glow; changes `image`."""
    glow(image, centre, radius * 9, palette.light, 0.34, 1.6)
    glow(image, centre, radius * 3, palette.light, 0.5, 2)
    mask, pen = stencil(image.size)
    disc(pen, centre, radius)
    image.paste(palette.light, (0, 0), cut(mask))


def _fir(x: float, foot: float, height: float, rng: Random) -> list[Point]:
    """The outline of one fir, up its left side and down its right."""
    left: list[Point] = []
    right: list[Point] = []
    tiers = 5
    for tier in range(tiers):
        top = foot - height * (1 - tier / tiers * 0.92)
        reach = height * 0.2 * (tier + 1) / tiers
        left += [(x - reach * 0.35, top), (x - reach * rng.uniform(0.85, 1.1), top + height * 0.2)]
        right += [(x + reach * 0.35, top), (x + reach * rng.uniform(0.85, 1.1), top + height * 0.2)]
    return [(x, foot - height), *left, (x, foot + height * 0.1), *reversed(right)]


def _ridge(
    size: Size, rng: Random, base: float, swing: float, roughness: float, trees: float
) -> Image.Image:
    """A mask of everything below one ridge line, with firs up to `trees` pixels high on it."""
    width, height = size
    line = height_line(129, roughness, rng)
    step = width / 128
    points = [(index * step, base - value * swing) for index, value in enumerate(line)]
    mask, pen = stencil(size)
    pen.polygon(scaled([*points, (width, height), (0, height)]), fill=255)
    x = -trees
    while trees and x < width + trees:
        index = min(128, max(0, round(x / step)))
        tall = trees * rng.uniform(0.45, 1.0)
        pen.polygon(scaled(_fir(x, points[index][1] + tall * 0.12, tall, rng)), fill=255)
        x += trees * rng.uniform(0.1, 0.42)
    return cut(mask)


def _ranges(image: Image.Image, palette: Palette, rng: Random, top: float, foot: float) -> None:
    """Ridges from `top` down to `foot`, the near ones darker and wooded; changes `image`."""
    height = image.height
    haze = palette.sky[-1]
    for index in range(_RIDGES):
        share = index / (_RIDGES - 1)
        base = top + (foot - top) * share**1.15
        wooded = max(0.0, share - 0.55) / 0.45
        mask = _ridge(
            image.size,
            rng,
            base,
            height * (0.085 - 0.045 * share),
            0.56 if wooded else 0.6,
            height * 0.075 * wooded,
        )
        tone = mix(mix(palette.far, haze, 0.35), palette.near, share**0.9)
        deep = mix(tone, haze, 0.42 * (1 - share) + 0.06)
        sheet = Image.new("RGB", image.size, deep)
        fall = max(2, round(height * 0.24))
        sheet.paste(vertical((image.width, fall), (tone, tone, deep)), (0, round(base - fall / 2)))
        # Light grazes the crest: what the mask loses when it is moved down is the lit edge.
        crest = ImageChops.subtract(mask, ImageChops.offset(mask, 0, 2))
        lay(image, sheet, mask)
        if not wooded:
            image.paste(mix(tone, palette.light, 0.3), (0, 0), crest)


def _mirror(image: Image.Image, palette: Palette, rng: Random, shore: int) -> None:
    """Water below `shore` that reflects what is above it; changes `image`."""
    width, depth = image.width, image.height - shore
    above = image.crop((0, max(0, shore - depth), width, shore))
    still = ImageOps.flip(above).resize((width, depth)).filter(ImageFilter.BoxBlur((1, 5)))
    tint = vertical((width, depth), (palette.sky[-2], palette.near))
    water = Image.blend(still, tint, 0.3)
    ripples = cloud((width, depth), (6, max(8, depth // 9)), rng, 2).point(
        [max(0, value - 176) for value in range(256)]
    )
    water.paste(palette.sky[-1], (0, 0), ripples)
    image.paste(water, (0, shore))
    ImageDraw.Draw(image).line(
        (0, shore, width, shore), fill=mix(palette.sky[-1], palette.far, 0.3), width=1
    )


def mountains(size: Size, palette: Palette, rng: Random) -> Image.Image:
    """Ridges fading into haze under a low sun, firs in front."""
    width, height = size
    horizon = height * rng.uniform(0.56, 0.66)
    image = _sky(size, palette, rng, horizon)
    _streaks(image, palette, rng, horizon * 0.8)
    centre = (width * rng.uniform(0.25, 0.75), height * rng.uniform(0.22, 0.4))
    _sun(image, palette, centre, min(size) * rng.uniform(0.06, 0.1))
    _ranges(image, palette, rng, horizon * 0.9, height * 0.96)
    return vignette(image, 0.25)


def lake(size: Size, palette: Palette, rng: Random) -> Image.Image:
    """Mountains and their reflection in still water."""
    width, height = size
    shore = round(height * rng.uniform(0.6, 0.68))
    image = _sky(size, palette, rng, shore)
    _streaks(image, palette, rng, shore * 0.7)
    centre = (width * rng.uniform(0.3, 0.7), height * rng.uniform(0.16, 0.3))
    _sun(image, palette, centre, min(size) * rng.uniform(0.05, 0.085))
    _ranges(image, palette, rng, shore * 0.7, shore * 1.0)
    _mirror(image, palette, rng, shore)
    return vignette(image, 0.25)


def aurora(size: Size, palette: Palette, rng: Random) -> Image.Image:
    """Curtains of light over a dark forest."""
    width, height = size
    night = palette._replace(sky=tuple(mix(c, (2, 6, 20), 0.72) for c in palette.sky))
    image = vertical(size, (night.sky[0], night.sky[0], night.sky[1], night.sky[2]))
    stars(image, rng, width * height // 900, height * 0.8)
    columns, rows = 160, 160
    for accent in rng.sample(palette.accents[:3], 3):
        curtain = Image.new("L", (columns, rows))
        beam = Image.linear_gradient("L").point(
            [round(255 * (v / 255) ** 1.8 * min(1.0, (255 - v) / 30)) for v in range(256)]
        )
        path, rays = height_line(columns, 0.5, rng), height_line(columns, 0.66, rng)
        for x in range(columns):
            tall = round(rows * (0.34 + 0.16 * rays[x]))
            strip = beam.resize((1, tall)).point(
                [round(v * (0.55 + 0.4 * rays[x])) for v in range(256)]
            )
            foot = round(rows * (0.56 + 0.13 * path[x]))
            curtain.paste(strip, (x, foot - tall))
        veil = curtain.filter(ImageFilter.GaussianBlur(1.6)).resize(size, Image.Resampling.BICUBIC)
        light = Image.composite(Image.new("RGB", size, accent), Image.new("RGB", size), veil)
        image = ImageChops.screen(image, light)
    shade = palette._replace(
        sky=(night.sky[0], mix(night.sky[2], palette.accents[0], 0.25)),
        light=palette.accents[0],
        far=mix(palette.far, palette.near, 0.62),
    )
    _ranges(image, shade, rng, height * 0.66, height * 0.97)
    return vignette(image, 0.2)


def _shade(crest: Sequence[Point], place: int) -> int:
    """How far the sand at one point of a crest lies in shade, 0 to 150, from its slope there."""
    before, after = crest[max(0, place - 3)], crest[min(len(crest) - 1, place + 3)]
    fall = (after[1] - before[1]) / max(1.0, after[0] - before[0])
    return round(150 * min(1.0, max(0.0, 0.12 + fall * 1.6)))


def dunes(size: Size, palette: Palette, rng: Random) -> Image.Image:
    """Wind-cut sand, one slope lit and one in shade."""
    width, height = size
    horizon = height * rng.uniform(0.46, 0.56)
    image = _sky(size, palette, rng, horizon)
    centre = (width * rng.uniform(0.2, 0.8), horizon * rng.uniform(0.45, 0.75))
    _sun(image, palette, centre, min(size) * rng.uniform(0.08, 0.13))
    for index in range(6):
        share = index / 5
        base, swing = horizon + (height - horizon) * share * 0.86, height * (0.02 + 0.05 * share)
        turn, length = rng.uniform(0, math.tau), width * rng.uniform(0.5, 0.95)
        crest: list[Point] = []
        for x in range(0, width + 9, 4):
            angle = math.tau * x / length + turn
            # A wave that leans: slow to rise, quick to fall, as wind leaves sand.
            crest.append((x, base - swing * math.sin(angle + 0.55 * math.sin(angle))))
        mask, pen = stencil(size)
        pen.polygon(scaled([*crest, (width, height), (0, height)]), fill=255)
        tone = ramp((palette.sky[-1], *palette.sky[-2:-5:-1], palette.near), share * 0.82)
        dark = mix(tone, palette.near, 0.5)
        sheet = Image.new("RGB", size, dark)
        fall = round(height * 0.34)
        slope = vertical((width, fall), (mix(tone, palette.light, 0.4), tone, dark))
        sheet.paste(slope, (0, round(base - swing)))
        # Slopes that fall away from the light are darker: a wave of shade along the crest.
        shade = Image.new("L", (width // 4 + 3, 1))
        shade.putdata([_shade(crest, place) for place in range(width // 4 + 3)])
        sheet.paste(dark, (0, 0), shade.resize(size, Image.Resampling.BICUBIC))
        shape = cut(mask)
        lay(image, sheet, shape)
        rim = ImageChops.subtract(shape, ImageChops.offset(shape, 0, 2))
        image.paste(mix(tone, palette.light, 0.6), (0, 0), rim)
    return vignette(image, 0.25)


def _towers(image: Image.Image, palette: Palette, rng: Random, share: float, foot: float) -> None:
    """One row of towers standing on `foot`, nearer and darker as `share` grows; changes `image`."""
    width, height = image.size
    scale = min(width, height) / 512
    mask, pen = stencil(image.size)
    lit = Image.new("L", image.size)
    lamp = ImageDraw.Draw(lit)
    x = -20.0 * scale
    while x < width:
        wide = rng.uniform(26, 58) * scale * (0.7 + 0.5 * share)
        middle = 1 - abs((x + wide / 2) / width - 0.5) * 1.1
        tall = foot * (0.2 + 0.42 * rng.random() ** 1.6) * middle * (1.12 - 0.38 * share)
        top = foot - tall
        box = (x, top, x + wide, foot)
        pen.rectangle([value * OVERSAMPLING for value in box], fill=255)
        if rng.random() < 0.4:
            inset = wide * 0.22
            step = (x + inset, top - wide * 0.35, x + wide - inset, top)
            pen.rectangle([value * OVERSAMPLING for value in step], fill=255)
        if rng.random() < 0.3:
            mast = (x + wide / 2 - 1, top - wide * rng.uniform(0.6, 1.4), x + wide / 2 + 1, top)
            pen.rectangle([value * OVERSAMPLING for value in mast], fill=255)
        pitch, pane = max(5, round(7 * scale)), max(2, round(3 * scale))
        busy = rng.uniform(0.15, 0.55)
        for row in range(round(top) + pitch, round(foot), pitch + pane // 2):
            for column in range(round(x) + pane, round(x + wide) - pane, pitch):
                if rng.random() < busy:
                    lamp.rectangle(
                        (column, row, column + pane - 1, row + pane),
                        fill=round(rng.uniform(70, 255) * (0.35 + 0.65 * share)),
                    )
        x += wide + rng.uniform(-4, 6) * scale
    tone = mix(mix(palette.sky[1], palette.sky[2], 0.35), palette.near, 0.25 + 0.7 * share)
    sheet = vertical(image.size, (tone, tone, mix(tone, palette.sky[-2], 0.35 * (1 - share))))
    lay(image, sheet, cut(mask))
    warm = mix(palette.sky[-1], (255, 214, 140), 0.6)
    image.paste(warm, (0, 0), lit)


def city(size: Size, palette: Palette, rng: Random) -> Image.Image:
    """Lit towers at night and their lights in the water."""
    width, height = size
    shore = round(height * rng.uniform(0.7, 0.76))
    deep = palette._replace(sky=tuple(mix(colour, palette.near, 0.35) for colour in palette.sky))
    image = vertical(size, (deep.sky[0], deep.sky[0], deep.sky[1], deep.sky[2], deep.sky[3]))
    stars(image, rng, width * height // 2600, shore * 0.5)
    centre = (width * rng.uniform(0.2, 0.8), height * rng.uniform(0.14, 0.24))
    _sun(image, palette, centre, min(size) * 0.055)
    for share in (0.0, 0.45, 1.0):
        glow(image, (width / 2, shore), width * 0.75, palette.sky[-2], 0.3 - 0.2 * share, 1.4)
        _towers(image, deep, rng, share, shore)
    _mirror(image, deep, rng, shore)
    return vignette(image, 0.3)
