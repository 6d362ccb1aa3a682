"""The pictures the preview benchmark measures on: seeded, of the kinds and sizes libraries hold."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SEED = 20240229
"""Changing it changes every picture, and with them every figure quoted anywhere."""

Plane = NDArray[np.float32]
Painter = Callable[[np.random.Generator, int, int], Image.Image]


class Picture(NamedTuple):
    """An encoded picture, and what it shows."""

    name: str
    data: bytes


def _octave(rng: np.random.Generator, width: int, height: int, cell: float) -> Plane:
    """Smooth random values around 0 that change over about `cell` pixels."""
    shape = (max(2, math.ceil(height / cell) + 1), max(2, math.ceil(width / cell) + 1))
    coarse = rng.standard_normal(shape, dtype=np.float32)
    fine = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(fine, dtype=np.float32)


def _landscape(rng: np.random.Generator, width: int, height: int, roughness: float) -> Plane:
    """Octaves that fall off as in natural pictures, scaled to a standard deviation of 1."""
    cell, weight = max(width, height) / 3, 1.0
    total: Plane = np.zeros((height, width), dtype=np.float32)
    while cell > 3:
        total += weight * _octave(rng, width, height, cell)
        cell, weight = cell / 2, weight * roughness
    total /= total.std()
    return total


def photograph(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Soft depth of field, hard edges between regions, fine texture, a little sensor noise."""
    size = (width // 2, height // 2)
    light = _landscape(rng, *size, 0.5)
    texture = _landscape(rng, *size, 0.8)
    edges = np.tanh(12 * _landscape(rng, *size, 0.45))
    tint = _octave(rng, *size, max(size) / 4)
    focus = 1 / (1 + np.exp(-2 * _octave(rng, *size, max(size) / 2)))
    base = 118 + 34 * light + 30 * edges + 20 * focus * texture
    planes = [base + 20 * tint, base + 6 * edges, base - 22 * tint - 8 * edges]
    scene = Image.fromarray(np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8))
    exposed = np.array(scene.resize((width, height), Image.Resampling.BICUBIC), dtype=np.int16)
    exposed += rng.integers(-4, 5, (height, width, 1), dtype=np.int16)
    return Image.fromarray(np.clip(exposed, 0, 255).astype(np.uint8))


def drawing(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Flat colours with dark outlines, drawn at twice the size for smooth edges."""
    canvas = Image.new("RGB", (2 * width, 2 * height), _colour(rng))
    pen = ImageDraw.Draw(canvas)
    for _ in range(45):
        x, y = rng.uniform(0, 2 * width), rng.uniform(0, 2 * height)
        radius = rng.uniform(0.03, 0.22) * width
        angles = np.sort(rng.uniform(0, 2 * math.pi, rng.integers(3, 9)))
        outline = [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles]
        pen.polygon(outline, fill=_colour(rng), outline=(20, 18, 30), width=width // 160)
    for _ in range(60):
        x, y = rng.uniform(0, 2 * width), rng.uniform(0, 2 * height)
        pen.text((x, y), "preview", fill=_colour(rng), font_size=width // 24)
    return canvas.resize((width, height), Image.Resampling.LANCZOS)


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
    return red, green, blue


def render(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """What image models make: a lit subject, a smooth background, fine strands, some grain."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    radius = 0.36 * min(width, height)
    distance = np.hypot(x - width / 2, y - 0.42 * height) / radius
    lit = np.sqrt(np.clip(1 - distance**2, 0, 1)) * (0.7 + 0.3 * np.cos(x / radius))
    strands = np.sin(x / 2.7 + 9 * _octave(rng, width, height, width / 5)) * (distance < 1.5)
    backdrop = _landscape(rng, width, height, 0.55)
    base = 70 + 24 * backdrop + 105 * lit + 16 * strands * (distance > 0.9)
    base += rng.normal(0, rng.uniform(0, 5), (height, width)).astype(np.float32)
    tone = _octave(rng, width, height, width / 3)
    planes = [base + 26 * lit + 12 * tone, base + 6 * tone, base + 22 * (1 - lit) - 9 * tone]
    return Image.fromarray(np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8))


def _opaque(image: Image.Image) -> Image.Image:
    """An alpha channel that hides nothing, as many generators write."""
    image.putalpha(255)
    return image


def _cut_out(image: Image.Image) -> Image.Image:
    """A disc with a soft rim on a transparent ground."""
    ramp = Image.radial_gradient("L").resize(image.size)
    image.putalpha(ramp.point(lambda v: min(255, max(0, 16 * (110 - v)))))
    return image


def _same(image: Image.Image) -> Image.Image:
    return image


_SET: tuple[tuple[str, Painter, tuple[int, int], Callable[[Image.Image], Image.Image]], ...] = (
    ("PNG", render, (512, 768), _same),
    ("PNG", render, (768, 512), _opaque),
    ("PNG", render, (832, 1216), _same),
    ("PNG", render, (1024, 1536), _opaque),
    ("PNG", drawing, (1024, 1024), _same),
    ("PNG", drawing, (640, 960), _cut_out),
    ("PNG", photograph, (2560, 1600), _same),
    ("WEBP", render, (768, 1152), _same),
    ("WEBP", drawing, (1920, 1080), _same),
    ("JPEG", photograph, (1200, 1600), _same),
    ("JPEG", render, (1344, 2016), _same),
    ("JPEG", photograph, (4000, 3000), _same),
    ("JPEG", photograph, (6000, 4000), _same),
)

_OPTIONS: dict[str, dict[str, int]] = {
    "PNG": {"compress_level": 4},
    "WEBP": {"quality": 92, "method": 2},
    "JPEG": {"quality": 92},
}


def pictures() -> Iterator[Picture]:
    """Each picture of the set, the smallest kinds first. The same every time."""
    for number, (form, painter, (width, height), finish) in enumerate(_SET):
        rng = np.random.default_rng([SEED, number])
        image = finish(painter(rng, width, height))
        stream = io.BytesIO()
        image.save(stream, form, **_OPTIONS[form])
        yield Picture(f"{painter.__name__} {width}x{height} {form}", stream.getvalue())
