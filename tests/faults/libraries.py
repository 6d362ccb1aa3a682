"""Legacy libraries to be migrated under faults: small, with many images and every kind of row."""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path

from PIL import Image

SCHEMA = """
CREATE TABLE schema_version (version INTEGER NOT NULL);
CREATE TABLE models (
    id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE, name TEXT,
    type TEXT NOT NULL, size_bytes INTEGER, hash_hex TEXT NOT NULL, created_at INTEGER NOT NULL,
    meta_json TEXT, extra_json TEXT);
CREATE TABLE tags (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, color TEXT,
    created_at INTEGER);
CREATE TABLE model_tags (
    model_id INTEGER NOT NULL, tag_id INTEGER NOT NULL, PRIMARY KEY (model_id, tag_id));
"""


def make_library(folder: Path, models: int, seed: int = 1) -> Path:
    """A legacy library below `folder`; returns its database.

    Every third model is unhashed, every fifth has the content of the one before it, every
    seventh names an image that is none; each has up to three images.
    """
    chance = random.Random(seed)
    images, files = folder / "images", folder / "models"
    images.mkdir(parents=True)
    files.mkdir()
    (images / "broken.png").write_bytes(b"no image")
    rows, content = [], b""
    for number in range(1, models + 1):
        if number % 5 or not content:
            content = chance.randbytes(500)
        path = files / f"model {number} 模型.safetensors"
        path.write_bytes(content)
        names = [_draw(images, chance, number, part) for part in range(chance.randrange(4))]
        if number % 7 == 0:
            names.append("broken.png")
        rows.append(
            (
                number,
                str(path),
                f"model {number}",
                "loras",
                len(content),
                "" if number % 3 == 0 else hashlib.sha256(content).hexdigest(),
                1_700_000_000_000 + number,
                json.dumps({"description": f"number {number}", "images": names}),
            )
        )
    database = folder / "hikaze_mm.sqlite3"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executescript(SCHEMA)
        connection.executemany(
            "INSERT INTO models (id, path, name, type, size_bytes, hash_hex, created_at,"
            " extra_json) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        connection.executemany(
            "INSERT INTO tags (id, name, created_at) VALUES (?, ?, 0)",
            [(1, "style"), (2, "写真"), (3, "unlinked")],
        )
        connection.executemany(
            "INSERT INTO model_tags (model_id, tag_id) VALUES (?, ?)",
            [(row[0], 1 + row[0] % 2) for row in rows],
        )
    return database


def _draw(images: Path, chance: random.Random, number: int, part: int) -> str:
    name = f"model_{number}_{part}_preview.png"
    width, height = chance.randrange(200, 500), chance.randrange(200, 500)
    noise = Image.frombytes("RGB", (40, 40), chance.randbytes(4800))
    noise.resize((width, height), Image.Resampling.BICUBIC).save(images / name)
    return f"/media/{name}"
