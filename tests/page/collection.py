"""A legacy library worth looking at: the demo's, with rows that fail, and one that takes longer."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

from adapters.demo.library import make_legacy_library

ADD_MODEL = """
INSERT INTO models (path, name, type, size_bytes, hash_hex, created_at, extra_json)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
IMAGES_OF = "SELECT extra_json FROM models WHERE extra_json LIKE '%/media/%'"

NO_PATHS = ("", "   ", "nul\x00byte.safetensors")
"""Three paths that lead nowhere: their rows fail."""

TYPES = ("checkpoints", "loras", "loras", "loras", "embeddings", "vae")


def make_collection(folder: Path) -> Path:
    """The demo's library with three rows that fail; returns its database."""
    library = make_legacy_library(folder)
    with closing(sqlite3.connect(library.database)) as connection, connection:
        for number, path in enumerate(NO_PATHS):
            values = (path, f"Lost and found {number + 1}", "loras", 0, "", 0, None)
            connection.execute(ADD_MODEL, values)
    return library.database


def make_large_collection(database: Path, models: int) -> Path:
    """Beside a collection, one with as many models more: every fourth waits, and every other one
    has two of the same images; returns its database."""
    large = database.with_name("large.sqlite3")
    files = database.parent / "models" / "large"
    files.mkdir()
    with closing(sqlite3.connect(database)) as source:
        source.execute("VACUUM INTO ?", (str(large),))
    with closing(sqlite3.connect(large)) as connection, connection:
        images = [
            name
            for (extra,) in connection.execute(IMAGES_OF)
            if extra.endswith("}")
            for name in json.loads(extra).get("images", [])
            if (database.parent / "images" / name.rsplit("/", 1)[1]).exists()
        ]
        for number in range(models):
            content = f"content {number}".encode()
            path = files / f"model {number}.safetensors"
            path.write_bytes(content)
            chosen = [images[(number + part) % len(images)] for part in range(2 * (number % 2))]
            claimed = "" if number % 4 == 3 else hashlib.sha256(content).hexdigest()
            kind = TYPES[number % len(TYPES)]
            extra = json.dumps({"images": chosen})
            values = (str(path), f"model {number}", kind, len(content), claimed, number, extra)
            connection.execute(ADD_MODEL, values)
    return large
