"""The state of a library on disk, and how two of them differ."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from tests import commands

DATABASE = "hikaze_model_manager.db"
SELECT_JOURNAL = "SELECT 1 FROM sqlite_master WHERE name = 'migration_meta'"
SELECT_PROMOTED = "SELECT count(*) FROM migration_items WHERE state = 'promoted'"
SELECT_RUNS = "SELECT kind, status FROM migration_runs ORDER BY id"
SQLITE_FILES = (f"{DATABASE}-wal", f"{DATABASE}-shm", ".reshelve.lock")
"""What an owner has beside the database; whether it is there says nothing."""


class State(NamedTuple):
    """Every row that counts, every image, and every name below the library's folder."""

    rows: dict[str, list[tuple[Any, ...]]]
    files: dict[str, bytes]
    names: list[str]
    runs: list[tuple[str, str]]


def state_of(library: Path) -> State:
    """The state of a library that nobody owns."""
    rows = commands.rows(library)
    rows["counts"] = [row for row in rows["counts"] if row[1]]
    return State(rows, commands.files(library), _names(library), runs_of(library))


def differences(found: State, expected: State) -> list[str]:
    """What is not as expected, in words; empty where the two are equal."""
    told = [
        f"table {table} is {found.rows[table]}, not {rows}"
        for table, rows in expected.rows.items()
        if found.rows[table] != rows
    ]
    for name in sorted(found.files.keys() | expected.files.keys()):
        if found.files.get(name) != expected.files.get(name):
            told.append(f"the content of {name} differs")
    if found.names != expected.names:
        told.append(f"names differ: {sorted({*found.names} ^ {*expected.names})}")
    if found.runs != expected.runs:
        told.append(f"runs are {found.runs}, not {expected.runs}")
    return told


def has_journal(library: Path) -> bool:
    """Whether the commit that makes the tables has happened; the file itself is there before."""
    database = library / DATABASE
    if not database.exists():
        return False
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(SELECT_JOURNAL).fetchone() is not None


def promoted(library: Path) -> int:
    """How many items are promoted; 0 where there is no library."""
    if not has_journal(library):
        return 0
    with closing(sqlite3.connect(library / DATABASE)) as connection:
        count: int = connection.execute(SELECT_PROMOTED).fetchone()[0]
    return count


def runs_of(library: Path) -> list[tuple[str, str]]:
    """(kind, status) of every run."""
    with closing(sqlite3.connect(library / DATABASE)) as connection:
        return connection.execute(SELECT_RUNS).fetchall()


def is_sound(library: Path) -> bool:
    """Whether SQLite finds the database whole, and both ends of every reference in it."""
    with closing(sqlite3.connect(library / DATABASE)) as connection:
        damage = connection.execute("PRAGMA integrity_check").fetchall()
        stray = connection.execute("PRAGMA foreign_key_check").fetchall()
        return (damage, stray) == ([("ok",)], [])


def _names(library: Path) -> list[str]:
    return sorted(
        str(path.relative_to(library))
        for path in library.rglob("*")
        if path.name not in SQLITE_FILES
    )
