"""Where libraries of version 2 lie: this one, and others that somebody names as a source."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from adapters.sqlite.opening import database_path

SELECT_COLUMNS = "SELECT lower(name) FROM pragma_table_info('models')"
LENGTH_LIMIT = 1_000_000
"""Bytes of a text in a database that nobody knows yet."""


class LibraryPlace:
    """Implements `engine.ports.place.LibraryPlace`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def is_library(self, location: Path) -> bool:
        """Whether `location` is a library of version 2, by its folder or by its database."""
        path = database_path(location) if location.is_dir() else location
        # Opened beside the owner's connection and closed again, it would let go of SQLite's locks.
        return _is_one(path, database_path(self.folder)) or _has_its_columns(path)


def _is_one(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return False


def _has_its_columns(path: Path) -> bool:
    """Read without a lock and without a file beside it: a glance at a database of others."""
    if not path.is_file():
        return False
    uri = f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LENGTH_LIMIT)
            connection.execute("PRAGMA trusted_schema = OFF")
            columns = {name for (name,) in connection.execute(SELECT_COLUMNS)}
    except sqlite3.Error:
        return False
    return "sha256" in columns and "hash_hex" not in columns
