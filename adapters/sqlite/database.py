"""How the database is spoken to: transactions, statements of many rows, text as it is stored."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain, islice
from typing import Any

Row = sqlite3.Row
"""A row of a query, whose columns are read by name."""

ROWS_AT_ONCE = (2000, 200, 20, 1)
"""Rows in one INSERT, while so many are left; SQLite takes 32,766 values at the least."""

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
