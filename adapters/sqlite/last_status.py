"""The status of a library's last run, for a command that ends with the answer.

The query is the one that the store runs, over a connection of this thread: an event loop takes
longer to import than the whole command.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.sqlite.departures import status_of
from adapters.sqlite.holdings import held
from adapters.sqlite.opening import (
    READ_ONLY,
    database_path,
    existing,
    require_journal,
    told_as_facts,
)
from adapters.sqlite.waiting import WaitMark
from engine.facts.status import Holdings, RunState, RunStatus

if TYPE_CHECKING:
    from engine.facts.promotion_report import PromotionReport


SELECT_LAST_STATE_OF = """
SELECT r.status FROM migration_runs r JOIN migration_sources s ON s.id = r.source_id
WHERE s.location = ? ORDER BY r.id DESC LIMIT 1
"""


class _Rows:
    """Implements `summary.Rows`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def first(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a query."""
        row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def fetch(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self._connection.execute(sql, values).fetchall()


def last_status(library: Path) -> RunStatus:
    """The status of the last run.

    Raises `LibraryMissing`, `LibraryTooOld`, `LibraryTooNew`; soon `DatabaseBusy` where another
    program lets nobody read.
    """
    with _reading(library) as connection:
        found = status_of(_Rows(connection), None)
    return msgspec.structs.replace(found, waiting_for_database=WaitMark(library).is_there)


def last_promotion(library: Path, run_id: int) -> PromotionReport:
    """What became of each id of a promotion so far. Raises as `last_status` does."""
    from adapters.sqlite.promoted import promotion  # not for each status

    with _reading(library) as connection:
        return promotion(_Rows(connection), run_id)


def last_state_of(library: Path, location: str) -> RunState | None:
    """How the last run of a source stands, None where it had none. Raises as `last_status` does."""
    with _reading(library) as connection:
        row = _Rows(connection).first(SELECT_LAST_STATE_OF, location)
    return None if row is None else RunState(row["status"])


def holdings(library: Path) -> Holdings:
    """How much a library holds. Raises as `last_status` does."""
    with _reading(library) as connection:
        return held(_Rows(connection))


@contextmanager
def _reading(library: Path) -> Iterator[sqlite3.Connection]:
    path = database_path(library)
    with told_as_facts(path), closing(existing(path)) as connection:
        connection.execute(READ_ONLY)
        require_journal(connection, path)
        yield connection
