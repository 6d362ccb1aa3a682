"""A library as version 2 itself makes it, and what any client sees in it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from adapters.sqlite.opening import database_path
from tests.contract.bench import query

VERSION_2 = """
CREATE TABLE models (sha256 TEXT PRIMARY KEY, path TEXT NOT NULL, name TEXT, type TEXT,
    size_bytes INTEGER, created_at INTEGER, meta_json TEXT);
CREATE INDEX by_path ON models (path);
CREATE TABLE tags (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE NOT NULL);
CREATE TABLE model_tags (model_hash TEXT NOT NULL REFERENCES models (sha256) ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    PRIMARY KEY (model_hash, tag_id));
CREATE TABLE pending_import (id INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL, sha256 TEXT,
    name TEXT, type TEXT, size_bytes INTEGER, created_at INTEGER, meta_json TEXT);
CREATE TABLE pending_model_tags (
    model_id INTEGER NOT NULL REFERENCES pending_import (id) ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    PRIMARY KEY (model_id, tag_id));
CREATE TABLE db_meta (key TEXT PRIMARY KEY, value TEXT);
INSERT INTO db_meta VALUES ('db_version', '2'), ('tags_id_max', '12');
INSERT INTO tags VALUES (3, 'style'), (7, 'favourite');
"""
TABLES = ["models", "tags", "model_tags", "pending_import", "pending_model_tags", "db_meta"]


def make(library: Path, more: str = "") -> None:
    library.mkdir(parents=True)
    with closing(sqlite3.connect(database_path(library))) as connection:
        connection.executescript(VERSION_2 + more)


def contents(library: Path) -> dict[str, list[tuple[Any, ...]]]:
    return {table: query(library, f"SELECT * FROM {table}") for table in TABLES}
