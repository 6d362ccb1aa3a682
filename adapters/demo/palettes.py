"""Which colours go together: a sky from zenith to horizon, its light, and accents."""

from __future__ import annotations

from typing import NamedTuple

from adapters.demo.canvas import Colour


class Palette(NamedTuple):
    """Colours of one picture: `sky` from top to horizon, `far` and `near` ground, `accents`."""

    sky: tuple[Colour, ...]
    light: Colour
    far: Colour
    near: Colour
    accents: tuple[Colour, ...]


def _palette(sky: str, light: str, far: str, near: str, accents: str) -> Palette:
    """A palette from space-separated hexadecimal colours."""

    def colours(text: str) -> tuple[Colour, ...]:
        values = [bytes.fromhex(word) for word in text.split()]
        return tuple((red, green, blue) for red, green, blue in values)

    return Palette(
        colours(sky), colours(light)[0], colours(far)[0], colours(near)[0], colours(accents)
    )


PALETTES: dict[str, Palette] = {
    "dusk": _palette(
        "1b1c4a 5b3a7d c8577a f7a072 ffdf9e",
        "fff1c9",
        "cf7f8c",
        "17132b",
        "f7a072 e5677d a84a8a 5b3a7d ffd98a",
    ),
    "morning": _palette(
        "3f7fb5 7fb6d8 cfe6ea fff3dc",
        "fffbe8",
        "a9ccd8",
        "10303b",
        "f2b880 3f7fb5 8cc4c9 e98a6b 1f5673",
    ),
    "emerald": _palette(
        "03131c 08303d 14615f 5fb592 c9eec0",
        "eafff0",
        "4a9d8a",
        "020d12",
        "5fd0a0 14806f f2d479 0b4f5c b8f0c8",
    ),
    "ember": _palette(
        "2b0b1d 6d1b33 c2412d f58f29 ffd97a",
        "fff0b8",
        "d9683c",
        "18060c",
        "f58f29 c2412d ffd06b 7d1f3a f06a4a",
    ),
    "lavender": _palette(
        "35306b 7668ad bfa2d8 f4d3e2 fff0e4",
        "fff8f0",
        "b7a2d2",
        "1f1a46",
        "8f7cc8 f2a7c0 f7cfa5 5a4d9c d7b9ec",
    ),
    "polar": _palette(
        "040817 0b1a40 1c3a75 5279b8 a9c4ea",
        "f4f7ff",
        "4a68a6",
        "030612",
        "6ea8ff 8ff0d6 3a5fb5 c4b5ff 23407f",
    ),
    "lagoon": _palette(
        "12536b 2f9a9c 97d6c0 f7e8c4 ffc9a3",
        "fff3d8",
        "79bcb0",
        "08262f",
        "ff9e7a 2f9a9c f7d08a 12647c f26d6d",
    ),
    "neon": _palette(
        "0d0221 2a0a54 7a1f8a e0407f ff9e6d",
        "ffe66d",
        "8a2f8f",
        "0a0118",
        "ff4fa3 25d0ff 9b5cff ffd166 f4766f",
    ),
    "harvest": _palette(
        "3a2a44 86505a d68a52 f4c667 fdeeb3",
        "fffbe0",
        "cf9068",
        "22131f",
        "e8a04c b5563f f6d58a 7a3b4a 5c7a5a",
    ),
    "blossom": _palette(
        "5a6fa8 a79bcd f0b8cc fbdcd4 fff4e6",
        "fffdf5",
        "c3a4c6",
        "2a2347",
        "f48fb1 c76b98 ffd3c4 7b6fb0 fbe3a8",
    ),
}
"""The harmonies a seed chooses from; named for the picture each was mixed for."""
