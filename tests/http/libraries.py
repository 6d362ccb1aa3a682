"""Legacy libraries whose migration takes long enough to be met on its way."""

from __future__ import annotations

import random
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.waiting_library import Legacy, Row


def noise(number: int, width: int = 1400, height: int = 1000) -> bytes:
    """A JPEG of coloured noise that takes a while to encode, another one for each number."""
    chance = random.Random(number)
    grain = Image.frombytes("RGB", (100, 100), chance.randbytes(30_000))
    stream = BytesIO()
    grain.resize((width, height), Image.Resampling.BICUBIC).save(stream, "JPEG")
    return stream.getvalue()


def slow_legacy(folder: Path, models: int = 12, images: int = 1) -> Legacy:
    """As many models, each with `images` large images or twice as many; every fourth waits.

    Every fifth has the content of the one before it.
    """
    pictures = [noise(number) for number in range(4)]
    return Legacy(
        folder,
        [
            Row(
                key,
                f"content {key - (key % 5 == 0)}".encode(),
                hashed=key % 4 != 0,
                name=f"model {key}",
                type="loras",
                created_at=1_700_000_000_000 + key,
                images=tuple(
                    (f"model_{key}_{part}.jpg", pictures[(key + part) % 4])
                    for part in range(images * (1 + key % 2))
                ),
                tags=("style", f"tag {key % 3}"),
            )
            for key in range(1, models + 1)
        ],
    )
