"""The demo library on disk: a legacy (version 1) database, its previews and its model files.

Everything but the absolute paths in the database follows from the seed.
"""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import msgspec
from PIL import ExifTags, Image

from adapters.demo import patterns
from adapters.demo.catalogue import CATALOGUE, Entry, Picture, Quirk
from adapters.demo.palettes import PALETTES
from adapters.demo.pictures import paint, spin

DATABASE_NAME = "hikaze_mm.sqlite3"
LEGACY_VERSION = 2

USE_WAL = "PRAGMA journal_mode = WAL"

CREATE_SCHEMA = (
    "CREATE TABLE schema_version (version INTEGER NOT NULL)",
    """CREATE TABLE directories (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        path TEXT NOT NULL UNIQUE,
        alias TEXT,
        parent_id INTEGER,
        FOREIGN KEY(parent_id) REFERENCES directories(id)
    )""",
    """CREATE TABLE models (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        path TEXT NOT NULL UNIQUE,
        name TEXT,
        type TEXT NOT NULL,
        size_bytes INTEGER,
        hash_hex TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        meta_json TEXT,
        extra_json TEXT
    )""",
    "CREATE INDEX idx_models_hash ON models(hash_hex)",
    "CREATE INDEX idx_models_type ON models(type)",
    "CREATE INDEX idx_models_path ON models(path)",
    """CREATE TABLE tags (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        color TEXT,
        created_at INTEGER
    )""",
    """CREATE TABLE model_tags (
        model_id INTEGER NOT NULL,
        tag_id INTEGER NOT NULL,
        PRIMARY KEY (model_id, tag_id),
        FOREIGN KEY(model_id) REFERENCES models(id) ON DELETE CASCADE,
        FOREIGN KEY(tag_id) REFERENCES tags(id) ON DELETE CASCADE
    )""",
)

INSERT_VERSION = "INSERT INTO schema_version (version) VALUES (:version)"
INSERT_MODEL = """
    INSERT INTO models
        (id, path, name, type, size_bytes, hash_hex, created_at, meta_json, extra_json)
    VALUES
        (:id, :path, :name, :type, :size_bytes, :hash_hex, :created_at, :meta_json, :extra_json)
"""
INSERT_TAG = """
    INSERT INTO tags (id, name, color, created_at) VALUES (:id, :name, :color, :created_at)
"""
INSERT_LINK = "INSERT INTO model_tags (model_id, tag_id) VALUES (:model_id, :tag_id)"

FIRST_DAY_MS = 1_692_000_000_000
"""August 2023, when the imaginary owner of this library began to collect."""

DAY_MS = 86_400_000

TENSOR_BYTES = {"checkpoints": 262_144, "controlnet": 131_072, "vae": 65_536, "loras": 49_152}
"""How many bytes of weights a file of each type holds; 16 KiB where it is not named."""

NOT_AN_IMAGE = b"<!doctype html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1>\n"


class DemoLibrary(msgspec.Struct, frozen=True):
    """Where a demo library lies, and how many rows its `models` table has."""

    database: Path
    images: Path
    models: Path
    rows: int


class _ModelRow(msgspec.Struct, frozen=True):
    """One row of the legacy table `models`, by its column names; `created_at` in ms since 1970."""

    id: int
    path: str
    name: str
    type: str
    size_bytes: int
    hash_hex: str
    created_at: int
    meta_json: str | None
    extra_json: str | None


def make_legacy_library(folder: Path, seed: int = 2026, models: Path | None = None) -> DemoLibrary:
    """Write a legacy library into `folder`, which is made if need be; its model files go into
    `models`, by default a folder of that name in it.

    Takes a few seconds, most of them for the pictures. Raises `FileExistsError` where there is a
    legacy database already: it may be somebody's own.
    """
    root = folder.resolve()
    library = DemoLibrary(
        root / DATABASE_NAME, root / "images", models or root / "models", rows=len(CATALOGUE)
    )
    if library.database.exists():
        raise FileExistsError(f"There is a legacy database at {library.database} already.")
    library.images.mkdir(parents=True, exist_ok=True)
    library.models.mkdir(parents=True, exist_ok=True)
    rows = [_write_model(library, number, entry, seed) for number, entry in enumerate(CATALOGUE, 1)]
    _write_database(library.database, rows, seed)
    return library


def _write_model(library: DemoLibrary, number: int, entry: Entry, seed: int) -> _ModelRow:
    """Write the file and the previews of one entry, and say what its row holds."""
    rng = Random(f"{seed}:row:{number}")
    created_at = FIRST_DAY_MS + number * 19 * DAY_MS + rng.randrange(15 * DAY_MS)
    source = entry.twin or number
    content = _safetensors(CATALOGUE[source - 1], Random(f"{seed}:weights:{source}"))
    digest = hashlib.sha256(content).hexdigest()
    path = library.models / entry.type / entry.file
    location = entry.file if entry.quirk is Quirk.WINDOWS_PATH else str(path)
    if entry.quirk not in {Quirk.HASHED_ABSENT, Quirk.UNHASHED_ABSENT, Quirk.WINDOWS_PATH}:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    if entry.quirk is Quirk.STALE_HASH:
        path.write_bytes(_safetensors(entry, Random(f"{seed}:replaced:{number}"), spare=4_096))
    images: list[str] = []
    for index, picture in enumerate(entry.pictures):
        name = f"model_{number}_{created_at + index * 61_000}_preview.{picture.suffix}"
        brush = Random(f"{seed}:picture:{number}:{index}")
        painted = _picture(picture, entry.quirk, seed + number + index, brush)
        if painted:
            (library.images / name).write_bytes(painted)
        images.append(name)
    return _ModelRow(
        id=number,
        path=location,
        name=entry.name,
        type=entry.type,
        size_bytes=len(content),
        hash_hex=_hash_column(entry, digest),
        created_at=created_at,
        meta_json=None,
        extra_json=_extra(entry, images, number, rng),
    )


def _hash_column(entry: Entry, digest: str) -> str:
    """What the legacy application holds as the hash of an entry."""
    if not entry.hashed:
        return ""
    if entry.quirk is Quirk.SHORT_HASH:
        return digest[:10]
    return digest.upper() if entry.quirk is Quirk.UPPER_HASH else digest


def _extra(entry: Entry, images: list[str], number: int, rng: Random) -> str | None:
    """The column `extra_json`: nothing at all for a model that nobody described."""
    if entry.quirk is Quirk.NOT_JSON:
        return f'{{"description": "{entry.description} ({entry.quirk})", "prompts": {{'
    if not entry.description:
        return None
    odd = "" if entry.quirk is Quirk.NONE else f" (Awkward on purpose: {entry.quirk}.)"
    extra: dict[str, object] = {
        "description": entry.description + odd,
        "community_links": f"https://example.org/models/{1000 + number * 37}",
        "prompts": {"positive": entry.positive, "negative": entry.negative},
        "params": {"weight": rng.choice((0.6, 0.7, 0.8, 1.0))},
    }
    if images:
        extra["images"] = [f"/media/{name}" for name in images]
    return json.dumps(extra, ensure_ascii=False)


def _safetensors(entry: Entry, rng: Random, spare: int = 0) -> bytes:
    """A file in the safetensors format: the header's length (8 bytes), the header, the weights."""
    weights = TENSOR_BYTES.get(entry.type, 16_384) + spare
    half = weights // 2
    header: dict[str, object] = {
        "__metadata__": {"format": "pt", "modelspec.title": entry.name},
        "down.weight": {"dtype": "F16", "shape": [half // 128, 64], "data_offsets": [0, half]},
        "up.weight": {"dtype": "F16", "shape": [64, half // 128], "data_offsets": [half, weights]},
    }
    text = json.dumps(header, ensure_ascii=False).encode()
    # Readers map the weights into memory, so the format pads the header to eight bytes.
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + rng.randbytes(weights)


def _picture(picture: Picture, quirk: Quirk, turn: int, rng: Random) -> bytes:
    """The bytes of one preview file; none at all where the row names a file that is not there."""
    size = (picture.width, picture.height)
    if quirk is Quirk.IMAGE_MISSING:
        return b""
    if quirk is Quirk.IMAGE_FAKE:
        return NOT_AN_IMAGE
    if quirk is Quirk.ANIMATED:
        first, *others = spin(size, 12, rng)
        loop = io.BytesIO()
        first.save(loop, "GIF", save_all=True, append_images=others, duration=90, loop=0)
        return loop.getvalue()
    if quirk is Quirk.ALPHA:
        return _encoded(patterns.blossom(size, PALETTES["blossom"], rng), "png")
    image = paint(picture.style, size, turn, rng)
    if quirk is Quirk.PALETTE:
        image = image.quantize(64, dither=Image.Dither.NONE)
    if quirk is Quirk.CMYK:
        image = image.convert("CMYK")
    if quirk is Quirk.ORIENTATION:
        # Orientation 6 says "turn me a quarter to the right", so it is stored turned to the left.
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 6
        return _encoded(image.transpose(Image.Transpose.ROTATE_90), "jpeg", exif)
    data = _encoded(image, picture.suffix)
    return data[: len(data) * 2 // 5] if quirk is Quirk.IMAGE_TRUNCATED else data


def _encoded(image: Image.Image, suffix: str, exif: Image.Exif | None = None) -> bytes:
    """An image as the bytes of a file, at settings that cost little time."""
    out = io.BytesIO()
    if suffix == "png":
        image.save(out, "PNG", compress_level=4)
    elif suffix == "webp":
        image.save(out, "WEBP", quality=84, method=1)
    else:
        image.save(out, "JPEG", quality=90, exif=exif or Image.Exif())
    return out.getvalue()


def _write_database(path: Path, rows: list[_ModelRow], seed: int) -> None:
    """Write the legacy database in WAL mode; closing it folds the log back into the one file."""
    rng = Random(f"{seed}:tags")
    types = list(dict.fromkeys(entry.type for entry in CATALOGUE))
    # The application gives every model its type as a tag, and those tags come first.
    names = list(dict.fromkeys([*types, *(tag for entry in CATALOGUE for tag in entry.tags)]))
    numbers = {name: number for number, name in enumerate(names, 1)}
    accents = [f"#{r:02x}{g:02x}{b:02x}" for p in PALETTES.values() for r, g, b in p.accents]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(USE_WAL)
        with connection:
            for statement in CREATE_SCHEMA:
                connection.execute(statement)
            connection.execute(INSERT_VERSION, {"version": LEGACY_VERSION})
            connection.executemany(INSERT_MODEL, [msgspec.to_builtins(row) for row in rows])
            connection.executemany(
                INSERT_TAG,
                [
                    {
                        "id": number,
                        "name": name,
                        "color": None if name in types else rng.choice(accents),
                        "created_at": FIRST_DAY_MS + number * DAY_MS,
                    }
                    for name, number in numbers.items()
                ],
            )
            connection.executemany(
                INSERT_LINK,
                [
                    {"model_id": row, "tag_id": numbers[tag]}
                    for row, entry in enumerate(CATALOGUE, 1)
                    for tag in (entry.type, *entry.tags)
                ],
            )
