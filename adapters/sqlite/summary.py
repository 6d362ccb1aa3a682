"""The status of a run: one query, and what its numbers mean.

Imports little: `last_status` needs it.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Protocol

import msgspec

from engine.errors import UnknownRun
from engine.facts.progress import share
from engine.facts.source import Defect
from engine.facts.states import ModelState
from engine.facts.status import (
    ByteCounts,
    Counts,
    ImageCounts,
    RunKind,
    RunSource,
    RunState,
    RunStatus,
    RunSummary,
)

SELECT_SUMMARY = """
SELECT r.id, r.kind, r.status, r.started_at, r.updated_at, r.finished_at, r.error_code,
       r.error_message, r.expected,
       (SELECT json_group_object(name, n) FROM migration_counts c WHERE c.run_id = r.id) AS counts,
       s.kind AS source_kind, s.location, r.layout,
       coalesce(json_extract(r.options, '$.images'), '') AS images_folder, r.strategy, r.intake_done
FROM migration_runs r LEFT JOIN migration_sources s ON s.id = r.source_id
WHERE r.id = coalesce(?, (SELECT max(id) FROM migration_runs))
"""


class Rows(Protocol):
    """Whatever can be asked for rows."""

    def first(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a query."""
        ...

    def fetch(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        ...


def status(tx: Rows, run_id: int | None) -> RunStatus:
    """The status of a run in one query, so that its numbers are of one moment."""
    row = tx.first(SELECT_SUMMARY, run_id)
    if row is None:
        if run_id is None:
            return RunStatus()
        raise UnknownRun(run_id)
    numbers: dict[str, int] = msgspec.json.decode(row["counts"], type=dict[str, int])
    states = {state.value: numbers.get(state, 0) for state in ModelState}
    total = sum(states.values())
    state = RunState(row["status"])
    done, refused = numbers.get("previews", 0), numbers.get("previews_failed", 0)
    # What others change in the queue meanwhile may leave a few; without work there are none.
    left = max(numbers.get("images_left", 0), 0) if numbers.get("work", 0) else 0
    found = RunStatus(
        run=RunSummary(
            id=row["id"],
            kind=RunKind(row["kind"]),
            status=state,
            resumable=state.resumable or (state is RunState.FAILED and numbers.get("work", 0) > 0),
            started_at=row["started_at"],
            updated_at=row["updated_at"],
            finished_at=row["finished_at"],
            error=_error(row),
            source=_source(row),
            images_folder=row["images_folder"],
            on_conflict=row["strategy"] or None,
        ),
        counts=Counts(total=total, **states),
        warnings=numbers.get("warnings", 0),
        images=ImageCounts(
            done=done,
            failed=refused,
            bytes_read=numbers.get("image_bytes", 0),
            total=done + refused + left,
        ),
        bytes_hashed=ByteCounts(
            done=numbers.get("bytes_done", 0), total=numbers.get("bytes_total", 0)
        ),
        expected=row["expected"],
        work=numbers.get("work", 0),
        source_damaged=numbers.get("damage", 0) > 0,
        source_read=bool(row["intake_done"]),
    )
    return msgspec.structs.replace(found, share=share(found))


def _source(row: sqlite3.Row) -> RunSource | None:
    if row["source_kind"] is None:
        return None
    return RunSource(row["source_kind"], row["layout"], row["location"])


def _error(row: sqlite3.Row) -> Defect | None:
    return None if row["error_code"] is None else Defect(row["error_code"], row["error_message"])
