"""What can be asked of the journal: runs, status, items, warnings, and what waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from adapters.sqlite.database import Row, Transaction, readable
from adapters.sqlite.departures import ACTIVE_AS, DISCARDED, STANDING
from adapters.sqlite.records import PENDING_COLUMNS, record_tags, stored_pending
from adapters.sqlite.runs import (
    RUN_COLUMNS,
    RUN_TABLES,
    SELECT_RUN,
    SELECT_UNFINISHED,
    options_from,
    run_from,
)
from engine.errors import UnknownRun
from engine.facts.records import PendingModelRecord
from engine.facts.source import Defect, Notice, SourceRef, number_of
from engine.facts.states import ModelState
from engine.facts.status import ItemPage, ItemView, RunFailure, RunNotice
from engine.facts.work import Candidate, EarlierRow, Run, Work, WorkItem

SELECT_LAST_RUN = f"SELECT {RUN_COLUMNS} FROM {RUN_TABLES} ORDER BY r.id DESC LIMIT 1"
SELECT_LAST_RUN_OF = f"""
SELECT {RUN_COLUMNS} FROM {RUN_TABLES}
WHERE s.kind = ? AND s.location = ? ORDER BY r.id DESC LIMIT 1
"""
# What an item is called is told by the model that it is, or waits to be.
ITEMS = f"""
SELECT s.*, coalesce(q.name, m.name, '') AS name, coalesce(q.type, m.type, '') AS type,
       CASE WHEN ?5 THEN r.verbatim END AS verbatim
FROM (
    SELECT i.id, i.source_key, i.path, {STANDING} AS state, i.state AS noted, i.sha256,
           {ACTIVE_AS} AS active, i.pending_id, i.claimed_sha256, i.claimed_by, i.error_code,
           i.error_message
    FROM migration_items i WHERE (i.run_id = ?1 OR i.promotion_id = ?1) AND i.id > ?2
) s
LEFT JOIN pending_import q ON q.id = s.pending_id AND q.path = s.path
LEFT JOIN models m ON s.state = 'promoted'
    AND m.sha256 = CASE WHEN s.state = s.noted THEN s.sha256 ELSE s.active END
LEFT JOIN migration_rows r ON ?5 AND r.item_id = s.id
WHERE s.state <> '{DISCARDED}'
"""
SELECT_ITEMS = f"{ITEMS} ORDER BY s.id LIMIT ?3"
SELECT_ITEMS_IN_STATE = f"{ITEMS} AND s.state = ?4 ORDER BY s.id LIMIT ?3"
SELECT_ITEM_WARNINGS = """
SELECT item_id, code, detail FROM migration_warnings
WHERE run_id = ? AND item_id BETWEEN ? AND ? ORDER BY item_id, id
"""
SELECT_WARNINGS = """
SELECT w.id, w.item_id, coalesce(i.path, '') AS path, w.code, w.detail
FROM migration_warnings w LEFT JOIN migration_items i ON i.id = w.item_id
WHERE w.run_id = ? AND w.id > ? ORDER BY w.id LIMIT ?
"""
SELECT_FAILURES = """
SELECT id, path, error_code, error_message FROM migration_items
WHERE state = 'failed' AND (run_id = ?1 OR promotion_id = ?1) AND id > ?2 ORDER BY id LIMIT ?3
"""
SELECT_PENDING = f"SELECT {PENDING_COLUMNS} FROM pending_import WHERE id > ? ORDER BY id LIMIT ?"
SELECT_PENDING_TAGS = """
SELECT l.model_id AS model, t.id, t.name
FROM pending_model_tags l JOIN tags t ON t.id = l.tag_id
WHERE l.model_id BETWEEN ? AND ? ORDER BY l.model_id, t.id
"""
SELECT_DIGESTS = """
SELECT i.source_key, i.digest
FROM migration_runs r CROSS JOIN json_each(?2) k
CROSS JOIN migration_items i ON i.source_id = r.source_id AND i.source_key = k.value
WHERE r.id = ?1
UNION ALL
SELECT d.source_key, d.digest
FROM migration_runs r CROSS JOIN json_each(?2) k
CROSS JOIN migration_discarded d ON d.source_id = r.source_id AND d.source_key = k.value
WHERE r.id = ?1
"""
SELECT_EARLIER = """
SELECT source_key, verbatim, options, sha256, number, removed FROM (
    SELECT i.id, w.options, i.source_key,
           CASE WHEN i.state = 'promoted' THEN i.sha256 ELSE '' END AS sha256,
           i.pending_id AS number,
           i.state = 'promoted'
           AND NOT EXISTS (SELECT 1 FROM models m WHERE m.sha256 = i.sha256) AS removed
    FROM migration_runs r CROSS JOIN json_each(?2) k
    CROSS JOIN migration_items i ON i.source_id = r.source_id AND i.source_key = k.value
    JOIN migration_runs w ON w.id = i.run_id
    WHERE r.id = ?1 AND i.digest IS NOT NULL
    UNION ALL
    SELECT d.item_id, NULL, d.source_key, d.sha256, NULL, 1
    FROM migration_runs r CROSS JOIN json_each(?2) k
    CROSS JOIN migration_discarded d ON d.source_id = r.source_id AND d.source_key = k.value
    WHERE r.id = ?1
) e JOIN migration_rows v ON v.item_id = e.id ORDER BY e.id
"""
# One look through all items for many hashes: each transition would pay for an index.
SELECT_SHARED = """
SELECT sha256 FROM migration_items
WHERE sha256 IN (SELECT value FROM json_each(?)) AND digest IS NOT NULL AND state = 'promoted'
GROUP BY sha256 HAVING count(DISTINCT source_id || ' ' || source_key) > 1
"""
SELECT_WORK = """
SELECT id, state, work, sha256, candidate, attempts, crashes FROM migration_items
WHERE run_id = ? AND work IS NOT NULL AND id > ? AND state <> 'failed'
  AND work IN ('previews', 'originals')
ORDER BY id LIMIT ?
"""
SELECT_RETRYABLE = """
SELECT count(*) FROM migration_items
WHERE state = 'failed' AND work IS NOT NULL AND coalesce(promotion_id, run_id) = ?
"""


_candidate = msgspec.json.Decoder(Candidate)
_row = msgspec.json.Decoder(dict[str, Any])


def run(tx: Transaction, run_id: int | None) -> Run | None:
    """A run, the last one by default."""
    row = tx.first(SELECT_LAST_RUN) if run_id is None else tx.first(SELECT_RUN, run_id)
    return None if row is None else run_from(row)


def last_run_of(tx: Transaction, source: SourceRef) -> Run | None:
    """The last run of a source."""
    row = tx.first(SELECT_LAST_RUN_OF, source.kind, source.location)
    return None if row is None else run_from(row)


def unfinished_run(tx: Transaction) -> Run | None:
    """The run that is running, interrupted or cancelled, if any."""
    row = tx.first(SELECT_UNFINISHED)
    return None if row is None else run_from(row)


def items(
    tx: Transaction,
    run_id: int | None,
    state: ModelState | None,
    after: int,
    limit: int,
    verbatim: bool,
) -> ItemPage:
    """Items of a run, the last one by default, ascending by id."""
    found = run(tx, run_id)
    if found is None:
        if run_id is not None:
            raise UnknownRun(run_id)
        return ItemPage([], None)
    run_id = found.id
    statement = SELECT_ITEMS if state is None else SELECT_ITEMS_IN_STATE
    rows = tx.fetch(statement, run_id, after, limit, state, verbatim)
    if not rows:
        return ItemPage([], None)
    warnings: dict[int, list[Notice]] = {}
    first, last = rows[0]["id"], rows[-1]["id"]
    for row in tx.fetch(SELECT_ITEM_WARNINGS, run_id, first, last):
        warnings.setdefault(row["item_id"], []).append(Notice(row["code"], row["detail"]))
    views = [_item_view(row, warnings.get(row["id"], [])) for row in rows]
    return ItemPage(views, views[-1].id if len(views) == limit else None)


def _item_view(row: Row, warnings: list[Notice]) -> ItemView:
    promoted_since = row["state"] != row["noted"]
    code = None if promoted_since else row["error_code"]
    return ItemView(
        id=row["id"],
        source_key=row["source_key"],
        source_id=number_of(row["source_key"]),
        path=row["path"],
        name=readable(row["name"]),
        type=readable(row["type"]),
        state=row["state"],
        sha256=row["active"] if promoted_since else row["sha256"],
        claimed_sha256=row["claimed_sha256"],
        claimed_by=row["claimed_by"],
        verbatim=None if row["verbatim"] is None else _row.decode(row["verbatim"]),
        warnings=tuple(warnings),
        error=None if code is None else Defect(code, row["error_message"]),
    )


def warnings(tx: Transaction, run_id: int, after: int, limit: int) -> list[tuple[int, RunNotice]]:
    """Warnings of a run, each with its own number, ascending."""
    return [
        (row["id"], RunNotice(row["item_id"], row["path"], row["code"], row["detail"]))
        for row in tx.fetch(SELECT_WARNINGS, run_id, after, limit)
    ]


def failures(tx: Transaction, run_id: int, after: int, limit: int) -> list[RunFailure]:
    """Failed items of a run, ascending by id."""
    return [
        RunFailure(row["id"], row["path"], row["error_code"], row["error_message"])
        for row in tx.fetch(SELECT_FAILURES, run_id, after, limit)
    ]


def pending(tx: Transaction, after: int, limit: int) -> list[PendingModelRecord]:
    """Models that wait for promotion, with their tags, ascending by id."""
    rows = tx.fetch(SELECT_PENDING, after, limit)
    if not rows:
        return []
    tags = record_tags(tx.fetch(SELECT_PENDING_TAGS, rows[0]["id"], rows[-1]["id"]))
    return [
        msgspec.structs.replace(stored_pending(row).record, tags=tags.get(row["id"], ()))
        for row in rows
    ]


def known_digests(tx: Transaction, run_id: int, keys: Sequence[str]) -> set[tuple[str, bytes]]:
    """(key, digest) of the rows with these keys that were recorded of the run's source."""
    asked = msgspec.json.encode(keys).decode()
    # A set of a chunk's rows, in the way of every row: they are taken as they come.
    return {(key, digest) for key, digest in tx.fetch(SELECT_DIGESTS, run_id, asked)}


def earlier_rows(tx: Transaction, run_id: int, keys: Sequence[str]) -> dict[str, EarlierRow]:
    """The last version that was recorded of each row of a run's source, by key."""
    asked = msgspec.json.encode(list(keys)).decode()
    rows = {row["source_key"]: row for row in tx.fetch(SELECT_EARLIER, run_id, asked)}
    hashes = sorted({row["sha256"] for row in rows.values() if row["sha256"]})
    shared = {row[0] for row in tx.fetch(SELECT_SHARED, msgspec.json.encode(hashes).decode())}
    return {
        key: EarlierRow(
            verbatim=row["verbatim"].encode("utf-8", "surrogateescape"),
            options=None if row["options"] is None else options_from(row["options"]),
            sha256=row["sha256"],
            number=row["number"],
            removed=bool(row["removed"]),
            shared=row["sha256"] in shared,
        )
        for key, row in rows.items()
    }


def work(tx: Transaction, run_id: int, after: int, limit: int) -> list[WorkItem]:
    """Items with work, id > `after`, ascending."""
    return [
        WorkItem(
            id=row["id"],
            place=row["id"],
            state=ModelState(row["state"]),
            work=Work(row["work"]),
            sha256=row["sha256"],
            candidate=_candidate.decode(row["candidate"]),
            attempts=row["attempts"],
            suspect=row["crashes"] > 0,
        )
        for row in tx.fetch(SELECT_WORK, run_id, after, limit)
    ]


def retryable(tx: Transaction, run_id: int) -> int:
    """How many failed items of a run might succeed when tried again."""
    row = tx.first(SELECT_RETRYABLE, run_id)
    return int(row[0]) if row else 0
