"""How the database is opened and spoken to: connections, transactions, and errors as facts."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from adapters.sqlite.connection import Connection, connect
from adapters.sqlite.opening import READ_ONLY, SELECT_JOURNAL, connected, existing
from adapters.sqlite.schema import (
    DB_VERSION,
    EXPECTED_COLUMNS,
    JOURNAL_TABLES,
    JOURNAL_VERSION,
    LIBRARY_TABLES,
)
from engine.errors import LibraryDamaged, LibraryMissing

Row = tuple[Any, ...]

CACHE_KIB = 32 * 1024
"""Hashes are random keys: the pages that a chunk of them touches should stay in memory."""

ROWS_AT_ONCE = (2000, 200, 20, 1)
"""Rows in one INSERT, while so many are left; SQLite takes 32,766 values at the least."""

PAGE_BYTES = 8192
"""Of a database that is made here: half as many pages to write as of SQLite's own 4096."""

CHECKPOINT_PAGES = 24576
"""Pages of the write-ahead log (192 MiB) after which it is folded into the database: a page that
several commits change, as those of hashes are, is then written there once."""

SELECT_COLUMNS = "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c"
SELECT_META = "SELECT value FROM db_meta WHERE key = ?"
SELECT_JOURNAL_VERSION = "SELECT value FROM migration_meta WHERE key = 'journal_version'"
INSERT_JOURNAL_VERSION = "INSERT INTO migration_meta (key, value) VALUES ('journal_version', ?)"
INSERT_META = "INSERT INTO db_meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING"
ADD_COUNT = """
INSERT INTO migration_counts (run_id, name, n) VALUES (?, ?, ?)
ON CONFLICT (run_id, name) DO UPDATE SET n = n + excluded.n
"""

_VALUES = re.compile(r"VALUES \(([^)]+)\)")


class Transaction:
    """One open transaction: statements, and the counts that it moves."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._counts: Counter[tuple[int, str]] = Counter()

    def fetch(self, sql: str, *values: Any) -> list[Row]:
        """All rows of a query."""
        return self._connection.execute(sql, values).fetchall()

    def first(self, sql: str, *values: Any) -> Row | None:
        """The first row of a query."""
        row: Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def execute(self, sql: str, *values: Any) -> int:
        """Run a statement; returns how many rows it changed."""
        return self._connection.execute(sql, values).rowcount

    def insert(self, sql: str, *values: Any) -> int:
        """Run an INSERT; returns the row's id."""
        number = self._connection.execute(sql, values).lastrowid
        assert number is not None
        return number

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each row."""
        if rows:
            self._connection.executemany(sql, rows)

    def bulk(self, insert: str, rows: Iterable[Sequence[Any]], shared: Sequence[Any] = ()) -> None:
        """Run an INSERT … VALUES for many rows, `ROWS_AT_ONCE` in a statement.

        `shared` are the values that are the same in every row: ?1, ?2 … before the first ? of
        those that are not. A statement runs without the interpreter's lock from its first row to
        its last, while `many` takes and gives it back for each: reading and writing then hinder
        each other.
        """
        for size, values in _in_statements(rows, shared):
            self.many(_of_many_rows(insert, size), [values])

    def count(self, run_id: int, name: str, amount: int = 1) -> None:
        """Move a count of a run, with this transaction."""
        if amount:
            self._counts[run_id, name] += amount

    def flush_counts(self) -> None:
        """Write the moved counts; called once, before the commit."""
        moved = [(run_id, name, n) for (run_id, name), n in self._counts.items() if n]
        self.many(ADD_COUNT, sorted(moved))


def _in_statements(
    rows: Iterable[Sequence[Any]], shared: Sequence[Any]
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """How many rows each statement takes, and its values."""
    taken = iter(rows)
    while part := list(islice(taken, ROWS_AT_ONCE[0])):
        start = 0
        for size in ROWS_AT_ONCE:
            while len(part) - start >= size:
                yield size, (*shared, *chain.from_iterable(part[start : start + size]))
                start += size


@cache
def _of_many_rows(insert: str, size: int) -> str:
    """An INSERT of one row as one of `size`."""
    head, values, tail = _VALUES.split(insert, maxsplit=1)
    return f"{head}VALUES {', '.join([f'({values})'] * size)}{tail}"


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[Transaction]:
    """A write transaction: committed on exit, rolled back on an error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        current = Transaction(connection)
        yield current
        current.flush_counts()
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


async def open_writer(path: Path) -> Connection:
    """The one connection that writes; makes the database where there is none.

    A commit is durable when it returns: WAL with `synchronous=FULL`. A database that is no
    version 2 library is refused, and left as it is.
    """
    return await connect(partial(_writing, path))


async def open_reader(path: Path) -> Connection:
    """A connection that only reads. Raises `LibraryMissing`."""
    return await connect(partial(_reading, path))


def _writing(path: Path) -> sqlite3.Connection:
    connection = connected(path, "rwc")
    try:
        has_journal = _check(connection, path)
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # An INSERT of many rows keeps the pages it changes, in case it fails half-way: a few MB.
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA cache_size = {-CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        if not has_journal:
            _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _reading(path: Path) -> sqlite3.Connection:
    connection = existing(path)
    try:
        connection.execute(READ_ONLY)
        if connection.execute(SELECT_JOURNAL).fetchone() is None:
            raise LibraryMissing(str(path.parent))
    except BaseException:
        connection.close()
        raise
    return connection


def is_text(value: str) -> bool:
    """Whether a stored text was UTF-8."""
    return value.isascii() or value.encode("utf-8", "replace").decode() == value


def readable(value: object) -> str:
    """A stored text as it can be shown, sent and written back, whatever lies in its place."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    text = str(value)
    return (
        text
        if is_text(text)
        else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    )


def _check(connection: sqlite3.Connection, path: Path) -> bool:
    """Refuse what is no version 2 library; returns whether our tables are in it."""
    columns: dict[str, set[str]] = {}
    for table, column in connection.execute(SELECT_COLUMNS):
        columns.setdefault(table, set()).add(column)
    for table, expected in EXPECTED_COLUMNS.items():
        missing = expected - columns.get(table, expected)
        if missing:
            raise LibraryDamaged(
                str(path), f"its table {table} has no column {', '.join(sorted(missing))}"
            )
    if "db_meta" in columns:
        version = connection.execute(SELECT_META, ("db_version",)).fetchone()
        if version is not None and version[0] != DB_VERSION:
            raise LibraryDamaged(str(path), "its db_version is not 2")
    if "migration_meta" not in columns:
        return False
    journal = connection.execute(SELECT_JOURNAL_VERSION).fetchone()
    if journal is None or journal[0] != str(JOURNAL_VERSION):
        raise LibraryDamaged(str(path), "it was written by another version of reshelve")
    return True


def _prepare(connection: sqlite3.Connection) -> None:
    with transaction(connection) as tx:
        for statement in _statements(LIBRARY_TABLES + JOURNAL_TABLES):
            tx.execute(statement)
        tx.execute(INSERT_JOURNAL_VERSION, str(JOURNAL_VERSION))
        tx.execute(INSERT_META, "db_version", DB_VERSION)
        tx.execute(INSERT_META, "tags_id_max", "0")


def _statements(script: str) -> list[str]:
    """The statements of a script, so that they run in our transaction and not in their own."""
    statements, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current.strip())
            current = ""
    return statements
