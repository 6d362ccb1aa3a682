"""The status of a library's last run, for a command that ends with the answer.

The query is the one that the store runs, over a connection of this thread: an event loop takes
longer to import than the whole command.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from adapters.sqlite import summary
from adapters.sqlite.opening import (
    READ_ONLY,
    database_path,
    existing,
    require_journal,
    translate,
)
from engine.facts.status import RunStatus


class _Rows:
    """Implements `summary.Rows`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def first(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a query."""
        row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return row


def last_status(library: Path) -> RunStatus:
    """The status of the last run. Raises `LibraryMissing`, `LibraryTooOld`, `LibraryTooNew`."""
    path = database_path(library)
    try:
        with closing(existing(path)) as connection:
            connection.execute(READ_ONLY)
            require_journal(connection, path)
            return summary.status(_Rows(connection), None)
    except sqlite3.Error as error:
        raise translate(error, path) from error
