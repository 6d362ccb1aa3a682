"""What is admitted as a library's database: made where there is none, brought up to date, set."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path

from adapters.sqlite import migrations
from adapters.sqlite.connection import Connection, connect
from adapters.sqlite.database import transaction
from adapters.sqlite.functions import add_functions
from adapters.sqlite.migrations.upgrade import upgrade
from adapters.sqlite.opening import READ_ONLY, connected, existing, journal_version, require_journal
from adapters.sqlite.schema import (
    DB_VERSION,
    EXPECTED_COLUMNS,
    JOURNAL_NAMES,
    JOURNAL_TABLES,
    LIBRARY_TABLES,
    statements,
)
from engine.errors import LibraryDamaged, LibraryMissing, LibraryTooNew

CACHE_KIB = 32 * 1024
"""Hashes are random keys: the pages that a chunk of them touches should stay in memory."""

PAGE_BYTES = 8192
"""Of a database that is made here: half as many pages to write as of SQLite's own 4096."""

CHECKPOINT_PAGES = 24576
"""Pages of the write-ahead log (192 MiB) after which it is folded into the database: a page that
several commits change, as those of hashes are, is then written there once."""

SELECT_COLUMNS = "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c"
SELECT_META = "SELECT value FROM db_meta WHERE key = ?"
INSERT_JOURNAL_VERSION = "INSERT INTO migration_meta (key, value) VALUES ('journal_version', ?)"
INSERT_META = "INSERT INTO db_meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING"


async def open_writer(path: Path) -> Connection:
    """The one connection that writes; makes the database where there is none.

    A commit is durable when it returns: WAL with `synchronous=FULL`. Tables of an older version
    are brought up to date. A database that is no version 2 library is refused, and left as it is.
    Raises `LibraryDamaged`, `LibraryTooNew`.
    """
    return await connect(partial(_writing, path))


async def open_reader(path: Path) -> Connection:
    """A connection that only reads. Raises `LibraryMissing`, `LibraryTooOld`, `LibraryTooNew`."""
    return await connect(partial(_reading, path))


async def open_inspector(path: Path) -> Connection:
    """A connection that only reads, also a library that version 2 made and we never had.

    Raises as `open_reader`, and `LibraryDamaged` where a table of version 2 is not there.
    """
    return await connect(partial(_inspecting, path))


def _writing(path: Path) -> sqlite3.Connection:
    connection = connected(path, "rwc")
    try:
        version = journal_version(connection, path)
        if version is not None and version > migrations.newest():
            raise LibraryTooNew(str(path.parent))
        _check(connection, path)
        if version in {None, migrations.newest()}:
            _require_all_or_none(connection, path)
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # An INSERT of many rows keeps the pages it changes, in case it fails half-way: a few MB.
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA cache_size = {-CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        if version is None:
            _prepare(connection)
        elif version < migrations.newest():
            upgrade(connection, version)
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _reading(path: Path) -> sqlite3.Connection:
    connection = existing(path)
    try:
        connection.execute(READ_ONLY)
        add_functions(connection)
        require_journal(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _inspecting(path: Path) -> sqlite3.Connection:
    connection = existing(path)
    try:
        connection.execute(READ_ONLY)
        columns = _columns(connection)
        if not columns:
            raise LibraryMissing(str(path.parent))
        for table in EXPECTED_COLUMNS:
            if table not in columns:
                raise LibraryDamaged(str(path), f"it has no table {table}")
        _require_columns(columns, path)
        if journal_version(connection, path) is not None:
            require_journal(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse what is no version 2 library."""
    columns = _columns(connection)
    _require_columns(columns, path)
    if "db_meta" in columns:
        version = connection.execute(SELECT_META, ("db_version",)).fetchone()
        if version is not None and version[0] != DB_VERSION:
            raise LibraryDamaged(str(path), "its db_version is not 2")


def _require_all_or_none(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a journal of which somebody has removed a table: what it told is lost."""
    there = _columns(connection).keys()
    missing = [name for name in JOURNAL_NAMES if name not in there]
    if 0 < len(missing) < len(JOURNAL_NAMES):
        raise LibraryDamaged(str(path), f"reshelve's table {', '.join(missing)} is gone")


def _columns(connection: sqlite3.Connection) -> dict[str, set[str]]:
    """The columns of every table."""
    columns: dict[str, set[str]] = {}
    for table, column in connection.execute(SELECT_COLUMNS):
        columns.setdefault(table, set()).add(column)
    return columns


def _require_columns(columns: dict[str, set[str]], path: Path) -> None:
    for table, expected in EXPECTED_COLUMNS.items():
        missing = expected - columns.get(table, expected)
        if missing:
            raise LibraryDamaged(
                str(path), f"its table {table} has no column {', '.join(sorted(missing))}"
            )


def _prepare(connection: sqlite3.Connection) -> None:
    with transaction(connection) as tx:
        for statement in statements(LIBRARY_TABLES + JOURNAL_TABLES):
            tx.execute(statement)
        tx.execute(INSERT_JOURNAL_VERSION, str(migrations.newest()))
        tx.execute(INSERT_META, "db_version", DB_VERSION)
        tx.execute(INSERT_META, "tags_id_max", "0")
