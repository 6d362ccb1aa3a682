"""Pictures of what is far away: a ringed planet among stars, a striped sun over a neon grid."""

from __future__ import annotations

import math
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from adapters.demo.canvas import (
    BLACK,
    OVERSAMPLING,
    RIM,
    WHITE,
    Point,
    Size,
    cloud,
    cut,
    disc,
    glow,
    height_line,
    lay,
    mix,
    ramp,
    scaled,
    stars,
    stencil,
    vertical,
    vignette,
)
from adapters.demo.palettes import Palette


def _space(size: Size, palette: Palette, rng: Random) -> Image.Image:
    """A nebula in two colours and the stars in front of it."""
    width, height = size
    image = vertical(size, (mix(palette.near, BLACK, 0.5), mix(palette.sky[0], BLACK, 0.6)))
    for accent in rng.sample(palette.accents[:4], 2):
        veil = cloud(size, (3, 4), rng, 4)
        body = cloud(size, (2, 2), rng, 1)
        veil = ImageChops.multiply(veil, body).point(
            [round(max(0, value - 60) * 0.62) for value in range(256)]
        )
        light = Image.composite(
            Image.new("RGB", size, mix(accent, palette.sky[2], 0.3)), Image.new("RGB", size), veil
        )
        image = ImageChops.screen(image, light)
    stars(image, rng, width * height // 750, height)
    return image


def _globe(side: int, radius: float, tilt: float, colours: Palette, rng: Random) -> Image.Image:
    """A banded planet in the middle of an RGBA square; `tilt` is how far its bands bow (0 to 1)."""
    centre = side / 2
    stripes = Image.new("RGB", (side * OVERSAMPLING, side * OVERSAMPLING), colours.accents[0])
    pen = ImageDraw.Draw(stripes)
    bands = rng.randint(13, 19)
    for band in range(bands):
        latitude = math.pi * (band / bands - 0.5)
        y = centre + radius * math.sin(latitude)
        reach = radius * math.cos(latitude) * 1.02
        bow = reach * tilt
        arc: list[Point] = []
        for step in range(33):
            angle = math.pi * step / 32
            arc.append((centre - reach * math.cos(angle), y + bow * math.sin(angle)))
        tone = mix(rng.choice(colours.accents), ramp(colours.sky, rng.random()), 0.45)
        tone = mix(tone, colours.accents[0], 0.35)
        pen.polygon(scaled([(0, arc[0][1]), *arc, (side, y), (side, side), (0, side)]), fill=tone)
    surface = stripes.reduce(OVERSAMPLING).filter(ImageFilter.GaussianBlur(radius / 70))
    grainy = cloud((side, side), (3, 26), rng, 3)
    surface = Image.blend(
        surface, ImageChops.overlay(surface, Image.merge("RGB", (grainy,) * 3)), 0.4
    )
    # The lit side: a wide radial falloff whose centre lies up and to the left of the planet's.
    curve = [round(255 * max(0.03, 1 - (value / RIM) ** 2.1)) for value in range(256)]
    wide = round(radius * 3.5)
    lamp = Image.radial_gradient("L").point(curve).resize((wide, wide), Image.Resampling.BICUBIC)
    shade = Image.new("L", (side, side), curve[255])
    corner = round(centre - radius * 0.55 - wide / 2)
    shade.paste(lamp, (corner, corner))
    surface = ImageChops.multiply(surface, Image.merge("RGB", (shade,) * 3))
    mask, stroke = stencil((side, side))
    disc(stroke, (centre, centre), radius)
    alpha = cut(mask)
    inner, stroke = stencil((side, side))
    disc(stroke, (centre + radius * 0.035, centre + radius * 0.035), radius)
    rim = ImageChops.subtract(alpha, cut(inner)).filter(ImageFilter.GaussianBlur(radius / 50))
    surface.paste(colours.light, (0, 0), rim)
    surface.putalpha(alpha)
    return surface


def _ring(side: int, radius: float, tilt: float, rng: Random) -> Image.Image:
    """The rings around a globe as an L mask of the same square."""
    mask, pen = stencil((side, side))
    centre = side / 2 * OVERSAMPLING
    outer, inner = radius * 2.15 * OVERSAMPLING, radius * 1.3 * OVERSAMPLING
    count = 26
    strength = 170.0
    for index in range(count):
        reach = outer - (outer - inner) * index / count
        strength = min(235.0, max(40.0, strength + rng.uniform(-70, 70)))
        level = 18 if index in (9, 10) else round(strength)
        box = (centre - reach, centre - reach * tilt, centre + reach, centre + reach * tilt)
        pen.ellipse(box, fill=level)
    box = (centre - inner, centre - inner * tilt, centre + inner, centre + inner * tilt)
    pen.ellipse(box, fill=0)
    return cut(mask)


def planet(size: Size, palette: Palette, rng: Random) -> Image.Image:
    """A ringed planet, its moon and a nebula."""
    width, height = size
    image = _space(size, palette, rng)
    radius = min(size) * rng.uniform(0.19, 0.24)
    tilt = rng.uniform(0.2, 0.34)
    side = math.ceil(radius * 4.6 / 4) * 4
    globe = _globe(side, radius, tilt, palette, rng)
    ring = _ring(side, radius, tilt, rng)
    tone = mix(palette.light, palette.accents[0], 0.25)
    sheet = vertical((side, side), (tone, tone, mix(tone, palette.sky[2], 0.5)))
    half = Image.new("L", (side, side))
    half.paste(255, (0, side // 2, side, side))
    scene = Image.new("RGBA", (side, side), (*tone, 0))
    back = sheet.copy()
    back.putalpha(ImageChops.subtract(ring, half))
    scene.alpha_composite(back)
    scene.alpha_composite(globe)
    shadow = ImageChops.multiply(ImageChops.offset(ring, 0, round(-radius * 0.13)), half)
    shadow = ImageChops.multiply(shadow, globe.getchannel("A")).point(
        [round(value * 0.5) for value in range(256)]
    )
    scene.paste(Image.new("RGBA", (side, side), (0, 0, 0, 255)), (0, 0), shadow)
    front = sheet.copy()
    front.putalpha(ImageChops.multiply(ring, half))
    scene.alpha_composite(front)
    scene = scene.rotate(rng.uniform(-28, 28), Image.Resampling.BICUBIC)
    centre = (width * rng.uniform(0.42, 0.58), height * rng.uniform(0.4, 0.55))
    glow(image, centre, radius * 2.2, palette.accents[0], 0.38, 1.8)
    image.paste(scene, (round(centre[0] - side / 2), round(centre[1] - side / 2)), scene)
    moon_radius = radius * rng.uniform(0.13, 0.2)
    moon_side = math.ceil(moon_radius * 2.4)
    plain = palette._replace(accents=(mix(palette.light, palette.far, 0.4), palette.far))
    moon = _globe(moon_side, moon_radius, 0.1, plain, rng)
    place = (round(width * rng.choice((0.12, 0.78))), round(height * rng.choice((0.1, 0.78))))
    image.paste(moon, place, moon)
    return vignette(image, 0.2)


def neon(size: Size, palette: Palette, rng: Random) -> Image.Image:
    """A striped sun behind black hills, over a grid that runs to the horizon."""
    width, height = size
    horizon = round(height * rng.uniform(0.56, 0.64))
    image = vertical(size, (palette.sky[0], palette.sky[0], palette.sky[1], palette.sky[2]))
    stars(image, rng, width * height // 1300, horizon * 0.8)
    radius = min(size) * rng.uniform(0.25, 0.31)
    centre = (width / 2, horizon - radius * 0.62)
    glow(image, centre, radius * 2.3, palette.sky[3], 0.55, 1.5)
    mask, pen = stencil(size)
    disc(pen, centre, radius)
    for index in range(7):
        y = centre[1] - radius * 0.1 + radius * 0.16 * index
        band = radius * (0.012 + 0.011 * index)
        box = (0, y * OVERSAMPLING, width * OVERSAMPLING, (y + band) * OVERSAMPLING)
        pen.rectangle(box, fill=0)
    face = Image.new("RGB", size)
    face.paste(
        vertical((width, round(radius * 2)), (palette.light, palette.sky[4], palette.sky[3])),
        (0, round(centre[1] - radius)),
    )
    lay(image, face, cut(mask))
    for share in (0.0, 1.0):
        mask, pen = stencil(size)
        line = height_line(65, 0.62, rng)
        crest: list[Point] = []
        for index, value in enumerate(line):
            away = abs(index / 64 - 0.5) * 2
            lift = height * (0.02 + 0.13 * away**1.5) * (0.75 + 0.25 * value) * (1 - 0.45 * share)
            crest.append((width * index / 64, horizon - lift))
        pen.polygon(scaled([*crest, (width, horizon), (0, horizon)]), fill=255)
        shape = cut(mask)
        tone = mix(palette.sky[2], palette.near, 0.45 + 0.45 * share)
        lay(image, vertical(size, (tone, mix(tone, palette.sky[2], 0.4))), shape)
        edge = ImageChops.subtract(shape, ImageChops.offset(shape, 0, 2))
        image.paste(mix(palette.accents[1], palette.accents[0], 1 - share), (0, 0), edge)
    floor = vertical((width, height - horizon), (palette.sky[2], palette.sky[1], palette.sky[0]))
    image.paste(floor, (0, horizon))
    mask, pen = stencil(size)
    bottom, middle = height * OVERSAMPLING, width / 2 * OVERSAMPLING
    top = horizon * OVERSAMPLING
    for index in range(-22, 23):
        run = (middle + index * width * 0.06, top, middle + index * width * 0.62, bottom)
        pen.line(run, fill=255, width=OVERSAMPLING + 1)
    for index in range(1, 22):
        y = top + (bottom - top) * (index / 21) ** 2.4
        pen.line((0, y, width * OVERSAMPLING, y), fill=255, width=OVERSAMPLING + 1)
    grid = cut(mask)
    bloom = grid.filter(ImageFilter.BoxBlur(4)).point([min(255, v * 2) for v in range(256)])
    grid = ImageChops.lighter(grid, bloom)
    light = Image.composite(
        vertical(size, (palette.accents[1], palette.accents[1], palette.accents[0])),
        Image.new("RGB", size),
        grid,
    )
    image = ImageChops.screen(image, light)
    glow(image, (width / 2, horizon), width * 0.7, palette.sky[3], 0.3, 2.4)
    ImageDraw.Draw(image).line((0, horizon, width, horizon), fill=mix(palette.light, WHITE, 0.4))
    return vignette(image, 0.25)
