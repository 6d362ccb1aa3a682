"""Legacy databases for tests: made as the legacy application makes them, then spoiled."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from engine.facts.source import Notice, SourceChunk, SourceModel
from engine.ports.source import Source
from tests.sources import KINDS, hikaze1

SCHEMA = """
    CREATE TABLE models (
      id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE, name TEXT,
      type TEXT NOT NULL, size_bytes INTEGER, hash_hex TEXT NOT NULL,
      created_at INTEGER NOT NULL, meta_json TEXT, extra_json TEXT
    );
    CREATE INDEX idx_models_hash ON models (hash_hex);
    CREATE INDEX idx_models_type ON models (type);
    CREATE TABLE tags (
      id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, color TEXT,
      created_at INTEGER
    );
    CREATE TABLE model_tags (
      model_id INTEGER NOT NULL, tag_id INTEGER NOT NULL, PRIMARY KEY (model_id, tag_id)
    );
"""
LOOSE_SCHEMA = """
    CREATE TABLE models (
      id INTEGER PRIMARY KEY, path, name, type, size_bytes, hash_hex, created_at, meta_json,
      extra_json
    );
    CREATE TABLE tags (id INTEGER PRIMARY KEY, name);
    CREATE TABLE model_tags (model_id, tag_id);
"""
ADD_MODEL = """
    INSERT INTO models (path, name, type, size_bytes, hash_hex, created_at, extra_json)
    VALUES (?, ?, ?, ?, ?, ?, ?)
"""
ADD_TAG = "INSERT INTO tags (id, name) VALUES (?, ?)"
ADD_LINK = "INSERT INTO model_tags (model_id, tag_id) VALUES (?, ?)"


def make(path: Path, rows: int = 0, schema: str = SCHEMA, script: str = "") -> Path:
    """A database of plain rows, each with the tags 1 and 2, in rollback mode; then a script."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(schema)
        if rows:
            connection.executemany(ADD_MODEL, (model(number) for number in range(1, rows + 1)))
            connection.executemany(ADD_TAG, [(1, "style"), (2, "日本語")])
            links = ((number, tag) for number in range(1, rows + 1) for tag in (1, 2))
            connection.executemany(ADD_LINK, links)
        connection.commit()
        connection.executescript(script)
    return path


def model(number: int) -> tuple[object, ...]:
    extra = f'{{"description": "model {number}", "params": {{"weight": 0.8}}}}'
    return (f"/models/{number}.safetensors", f"{number}", "lora", number, "", number, extra)


@contextmanager
def opened(path: Path, scratch: Path) -> Iterator[Source]:
    scratch.mkdir(exist_ok=True)
    with KINDS["hikaze1"].open(hikaze1(path), scratch) as source:
        yield source
    assert list(scratch.iterdir()) == []


def chunks(path: Path, scratch: Path, after: str = "", size: int = 100) -> list[SourceChunk]:
    with opened(path, scratch) as source:
        return list(source.chunks(after, size))


def models(path: Path, scratch: Path) -> list[SourceModel]:
    return [model for chunk in chunks(path, scratch) for model in chunk.models]


def warnings_of(path: Path, scratch: Path) -> list[Notice]:
    """Those that belong to no row."""
    with opened(path, scratch) as source:
        _, warnings = source.tags()
        return [*warnings, *(lost for chunk in source.chunks("", 100) for lost in chunk.warnings)]


def page_of(path: Path, content: bytes) -> tuple[int, int]:
    """The offset of the page, and its length, in which `content` first occurs."""
    data = path.read_bytes()
    length = int.from_bytes(data[16:18], "big")
    return data.index(content) // length * length, length


def overwrite(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)
