"""Failures and warnings of runs, looked through slice by slice."""

from __future__ import annotations

from adapters.sqlite.database import Transaction, readable
from engine.facts.codes import ProblemKind
from engine.facts.problems import CodeCount, Problem, ProblemCounts
from engine.facts.source import number_of

# Failed items are found by their index, as there are few; of warnings a slice is read in order.
# What was failed by a promotion belongs to it and to the run that recorded it.
FAILED = """
SELECT id, source_key, path, error_code, error_message, pending_id,
       work IS NOT NULL AND coalesce(promotion_id, run_id) = ?1 AS retryable
FROM migration_items WHERE state = 'failed' AND run_id = ?1 AND id > ?2 AND id <= ?3
UNION ALL
SELECT id, source_key, path, error_code, error_message, pending_id, work IS NOT NULL
FROM migration_items
WHERE state = 'failed' AND promotion_id = ?1 AND run_id <> ?1 AND id > ?2 AND id <= ?3
"""
FAILED_IN_ALL = """
SELECT i.id, i.source_key, i.path, i.error_code, i.error_message, i.pending_id,
       i.work IS NOT NULL AND coalesce(i.promotion_id, i.run_id) = l.last AS retryable
FROM (SELECT max(id) AS last FROM migration_runs) l CROSS JOIN migration_runs r
CROSS JOIN migration_items i ON i.run_id = r.id
WHERE ?1 IS NULL AND i.state = 'failed' AND i.id > ?2 AND i.id <= ?3
"""
WARNED = "w.run_id = ?1 AND w.id > ?2 AND w.id <= ?3"
WARNED_IN_ALL = "?1 IS NULL AND w.id > ?2 AND w.id <= ?3"
SELECT_LAST = {
    ProblemKind.FAILURE: "SELECT coalesce(max(id), 0) AS last FROM migration_items",
    ProblemKind.WARNING: "SELECT coalesce(max(id), 0) AS last FROM migration_warnings",
}
COUNT_IN_ALL = """
SELECT (SELECT count(*) FROM migration_items WHERE state = 'failed') AS failed,
       (SELECT coalesce(sum(n), 0) FROM migration_counts WHERE name = 'warnings') AS warnings
"""


def _count_failed(failed: str) -> str:
    return f"""
SELECT error_code AS code, count(*) AS n, min(id) AS first, max(id) AS last,
       max(retryable) AS retryable
FROM ({failed}) GROUP BY error_code
"""


def _count_warned(warned: str) -> str:
    return f"""
SELECT w.code, count(*) AS n, min(w.id) AS first, max(w.id) AS last, 0 AS retryable
FROM migration_warnings w NOT INDEXED
WHERE {warned} GROUP BY w.code
"""


def _select_failed(failed: str) -> str:
    return f"""
SELECT f.id, f.id AS item_id, f.source_key, f.path, coalesce(f.error_message, '') AS detail,
       (SELECT q.id FROM pending_import q
        WHERE q.id = f.pending_id AND q.path = f.path) AS pending_id, '' AS sha256
FROM ({failed}) f WHERE f.error_code = ?4 ORDER BY f.id LIMIT ?5
"""


def _select_warned(warned: str) -> str:
    return f"""
SELECT w.id, w.item_id, i.source_key, coalesce(i.path, '') AS path, w.detail,
       (SELECT q.id FROM pending_import q
        WHERE q.id = i.pending_id AND q.path = i.path) AS pending_id,
       (SELECT m.sha256 FROM models m WHERE m.sha256 = i.sha256 AND i.state = 'promoted') AS sha256
FROM migration_warnings w NOT INDEXED LEFT JOIN migration_items i ON i.id = w.item_id
WHERE {warned} AND w.code = ?4 ORDER BY w.id LIMIT ?5
"""


COUNT = {
    ProblemKind.FAILURE: (_count_failed(FAILED), _count_failed(FAILED_IN_ALL)),
    ProblemKind.WARNING: (_count_warned(WARNED), _count_warned(WARNED_IN_ALL)),
}
SELECT = {
    ProblemKind.FAILURE: (_select_failed(FAILED), _select_failed(FAILED_IN_ALL)),
    ProblemKind.WARNING: (_select_warned(WARNED), _select_warned(WARNED_IN_ALL)),
}
"""Each for one run, and for all of them."""


def problem_counts(tx: Transaction) -> ProblemCounts:
    """How many there are in all runs."""
    row = tx.first(COUNT_IN_ALL)
    return ProblemCounts(row["failed"], row["warnings"]) if row else ProblemCounts(0, 0)


def last_problem(tx: Transaction, kind: ProblemKind) -> int:
    """The greatest id that a problem of this kind can have now."""
    row = tx.first(SELECT_LAST[kind])
    return int(row["last"]) if row else 0


def count_problems(
    tx: Transaction, run_id: int | None, kind: ProblemKind, after: int, until: int
) -> list[CodeCount]:
    """The problems of a run, or of all, by code, after < id <= until."""
    rows = tx.fetch(COUNT[kind][run_id is None], run_id, after, until)
    return [
        CodeCount(row["code"], row["n"], row["first"], row["last"], bool(row["retryable"]))
        for row in rows
    ]


def problems(
    tx: Transaction,
    run_id: int | None,
    kind: ProblemKind,
    code: str,
    after: int,
    until: int,
    limit: int,
) -> list[Problem]:
    """Problems of one code in a run, or in all, after < id <= until, ascending."""
    rows = tx.fetch(SELECT[kind][run_id is None], run_id, after, until, code, limit)
    return [
        Problem(
            row["id"],
            row["item_id"],
            row["source_key"],
            number_of(row["source_key"]),
            readable(row["path"]),
            readable(row["detail"]),
            row["pending_id"],
            row["sha256"] or "",
        )
        for row in rows
    ]
