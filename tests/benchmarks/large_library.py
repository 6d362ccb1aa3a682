"""Large legacy databases without images: plain rows with two tags and some notes each."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tests.faults.libraries import SCHEMA

NOTES = (
    '{"description": "A model with a sentence or two of notes, as people keep them.", '
    '"community_links": "https://example.org/models/1", '
    '"prompts": {"positive": "masterpiece", "negative": "blurry"}, "params": {"weight": 0.8}}'
)
TAGS = 50


def make_rows(database: Path, models: int) -> None:
    """A database of hashed models; their files are not there, and their hashes are kept."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executescript(SCHEMA)
        connection.executemany(
            "INSERT INTO tags (id, name, created_at) VALUES (?, ?, 0)",
            [(number, f"tag {number}") for number in range(1, TAGS + 1)],
        )
        connection.executemany(
            "INSERT INTO models (id, path, name, type, size_bytes, hash_hex, created_at,"
            " extra_json) VALUES (?, ?, ?, 'loras', 1000, ?, ?, ?)",
            _models(models),
        )
        connection.executemany(
            "INSERT INTO model_tags (model_id, tag_id) VALUES (?, ?)",
            ((n, 1 + (n + step) % TAGS) for n in range(1, models + 1) for step in (0, 7)),
        )


def _models(models: int) -> Iterator[tuple[int, str, str, str, int, str]]:
    for number in range(1, models + 1):
        sha256 = hashlib.sha256(str(number).encode()).hexdigest()
        path = f"/models/loras/model_{number}.safetensors"
        yield number, path, f"model {number}", sha256, 1_700_000_000 + number, NOTES
