"""Failures and warnings of runs, looked through slice by slice."""

from __future__ import annotations

from adapters.sqlite.database import Transaction, readable
from engine.defects import ProblemKind
from engine.problems import CodeCount, Problem

# Failed items are found by their indexes, as there are few; of warnings a slice is read in order.
FAILED = """
SELECT id, source_key, path, error_code, error_message,
       work IS NOT NULL AND coalesce(promotion_id, run_id) = ?1 AS retryable
FROM migration_items WHERE state = 'failed' AND run_id = ?1 AND id > ?2 AND id <= ?3
UNION ALL
SELECT id, source_key, path, error_code, error_message, work IS NOT NULL
FROM migration_items
WHERE state = 'failed' AND promotion_id = ?1 AND run_id <> ?1 AND id > ?2 AND id <= ?3
"""
SELECT_LAST = {
    ProblemKind.FAILURE: "SELECT coalesce(max(id), 0) FROM migration_items",
    ProblemKind.WARNING: "SELECT coalesce(max(id), 0) FROM migration_warnings",
}
COUNT = {
    ProblemKind.FAILURE: f"""
SELECT error_code, count(*), min(id), max(id), max(retryable) FROM ({FAILED}) GROUP BY error_code
""",
    ProblemKind.WARNING: """
SELECT code, count(*), min(id), max(id), 0 FROM migration_warnings NOT INDEXED
WHERE run_id = ?1 AND id > ?2 AND id <= ?3 GROUP BY code
""",
}
SELECT = {
    ProblemKind.FAILURE: f"""
SELECT id, id, source_key, path, coalesce(error_message, '') FROM ({FAILED})
WHERE error_code = ?4 ORDER BY id LIMIT ?5
""",
    ProblemKind.WARNING: """
SELECT w.id, w.item_id, i.source_key, coalesce(i.path, ''), w.detail
FROM migration_warnings w NOT INDEXED LEFT JOIN migration_items i ON i.id = w.item_id
WHERE w.run_id = ?1 AND w.id > ?2 AND w.id <= ?3 AND w.code = ?4 ORDER BY w.id LIMIT ?5
""",
}


def last_problem(tx: Transaction, kind: ProblemKind) -> int:
    """The greatest id that a problem of this kind can have now."""
    row = tx.first(SELECT_LAST[kind])
    return int(row[0]) if row else 0


def count_problems(
    tx: Transaction, run_id: int, kind: ProblemKind, after: int, until: int
) -> list[CodeCount]:
    """The problems of a run by code, after < id <= until."""
    rows = tx.fetch(COUNT[kind], run_id, after, until)
    return [CodeCount(row[0], row[1], row[2], row[3], bool(row[4])) for row in rows]


def problems(
    tx: Transaction, run_id: int, kind: ProblemKind, code: str, after: int, until: int, limit: int
) -> list[Problem]:
    """Problems of one code, after < id <= until, ascending."""
    rows = tx.fetch(SELECT[kind], run_id, after, until, code, limit)
    return [Problem(row[0], row[1], row[2], readable(row[3]), readable(row[4])) for row in rows]
