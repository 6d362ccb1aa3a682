"""Large legacy databases without images: plain rows with two tags and some notes each."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tests.faults.libraries import SCHEMA

TAGS = 50


def make_rows(database: Path, models: int, files: Path | None = None, notes: int = 60) -> None:
    """A database of hashed models, with so many characters of notes each.

    Their files are there, empty, below `files`; without it they are missing.
    """
    folder = files or Path("/models/loras")
    if files is not None:
        files.mkdir()
        for number in range(1, models + 1):
            _path(files, number).touch()
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executescript(SCHEMA)
        connection.executemany(
            "INSERT INTO tags (id, name, created_at) VALUES (?, ?, 0)",
            [(number, f"tag {number}") for number in range(1, TAGS + 1)],
        )
        connection.executemany(
            "INSERT INTO models (id, path, name, type, size_bytes, hash_hex, created_at,"
            " extra_json) VALUES (?, ?, ?, 'loras', 0, ?, ?, ?)",
            _models(models, folder, notes),
        )
        connection.executemany(
            "INSERT INTO model_tags (model_id, tag_id) VALUES (?, ?)",
            ((n, 1 + (n + step) % TAGS) for n in range(1, models + 1) for step in (0, 7)),
        )


def _path(folder: Path, number: int) -> Path:
    return folder / f"model_{number}.safetensors"


def _models(models: int, folder: Path, notes: int) -> Iterator[tuple[int, str, str, str, int, str]]:
    extra = json.dumps(
        {
            "description": ("A sentence or two, as people keep them. " * (notes // 40 + 1))[:notes],
            "community_links": "https://example.org/models/1",
            "prompts": {"positive": "masterpiece", "negative": "blurry"},
            "params": {"weight": 0.8},
        }
    )
    for number in range(1, models + 1):
        sha256 = hashlib.sha256(str(number).encode()).hexdigest()
        path = str(_path(folder, number))
        yield number, path, f"model {number}", sha256, 1_700_000_000 + number, extra
