"""A good library to plant corruptions into: every kind of model, previews, tags and a decision."""

from __future__ import annotations

import random
import shutil
from io import BytesIO
from pathlib import Path

import anyio
from PIL import Image

from tests.waiting_library import Legacy, Row, migrate, opened, query, sha_of

FIRST, SECOND, BARE, COPY = b"first model", b"second model", b"no image", b"a copy"
ONE, TWO = sha_of(FIRST), sha_of(SECOND)
WAITS, WAITS_TOO, CONFLICT, CLAIMS = 4, 5, 6, 7
PLACES = (
    ("models", "path"),
    ("pending_import", "path"),
    ("migration_hashes", "path"),
    ("migration_items", "path"),
    ("migration_sources", "location"),
    ("migration_runs", "options"),
)
"""Where a library holds paths that move with it."""


def picture(number: int) -> bytes:
    """A picture that resembles no other: broad shapes, which survive every tier."""
    chance = random.Random(number)
    stream = BytesIO()
    cells = Image.frombytes("RGB", (6, 5), chance.randbytes(90))
    cells.resize((96, 80), Image.Resampling.NEAREST).save(stream, "PNG")
    return stream.getvalue()


class Planted:
    """A copy of the good library, to be damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.library = folder / "library"
        self.images = self.library / "images"
        self.pending = self.images / "pending"
        self.models = folder / "legacy" / "models"

    def sql(self, sql: str, *values: object) -> None:
        query(self.library, sql, *values)

    def tier(self, sha256: str, seq: int, tier: str) -> Path:
        return self.images / f"{sha256}_{seq}_{tier}.webp"

    def swap(self, one: Path, other: Path) -> None:
        kept = one.read_bytes()
        one.write_bytes(other.read_bytes())
        other.write_bytes(kept)


def make_good(folder: Path) -> None:
    """Active models with two previews each, models that wait, one of them for a decision."""

    def images(key: int, count: int) -> tuple[tuple[str, bytes], ...]:
        return tuple((f"{key} {n}.png", picture(10 * key + n)) for n in range(count))

    rows = [
        Row(1, FIRST, hashed=True, name="one", images=images(1, 2), tags=("a", "b")),
        Row(2, SECOND, hashed=True, name="two", images=images(2, 2), tags=("b",)),
        Row(3, BARE, hashed=True, name="three"),
        Row(WAITS, b"waits", name="four", images=images(4, 2), tags=("a", "c")),
        Row(WAITS_TOO, b"waits as well", name="five"),
        Row(CONFLICT, FIRST, name="six", file="copy.safetensors", tags=("c",)),
        Row(CLAIMS, COPY, name="seven"),
    ]
    legacy = Legacy(folder / "legacy", rows)

    async def shelve() -> None:
        async with opened(folder / "library") as service:
            await migrate(service, legacy)
            await service.promote([CONFLICT], None)
            await service.catalogue.upload(TWO, picture(99))

    anyio.run(shelve)


def copy_of(good: Path, folder: Path) -> Planted:
    """The good library in another place, with all that it was made of."""
    shutil.copytree(good, folder)
    copy = Planted(folder)
    for table, column in PLACES:
        copy.sql(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", str(good), str(folder))
    return copy
