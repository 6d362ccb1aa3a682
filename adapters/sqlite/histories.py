"""What is told after the fact: transitions, conflicts that are known, how much there is."""

from __future__ import annotations

from adapters.sqlite.database import Row, Transaction, readable
from adapters.sqlite.holdings import held
from engine.facts.promotion_report import Conflict, ExistingSide, PendingSide
from engine.facts.reports import LibraryCounts, Step, TypeCount
from engine.facts.source import number_of

STEP_COLUMNS = """
CASE WHEN p.started_at <= h.at THEN p.id ELSE i.run_id END AS run_id,
i.id, i.source_key, i.path, h.from_state, h.to_state, h.at
"""
# The history is looked through once: it has no index by item, which every transition would pay.
SELECT_ITEM_STEPS = f"""
SELECT {STEP_COLUMNS} FROM migration_history h
CROSS JOIN migration_items i ON i.id = h.item_id
LEFT JOIN migration_runs p ON p.id = i.promotion_id
WHERE h.item_id IN (SELECT value FROM json_each(?)) ORDER BY h.id
"""
SELECT_ITEMS_OF_HASH = """
SELECT json_group_array(id) AS ids FROM migration_items WHERE sha256 = ?
"""
SELECT_LAST_PROMOTION = "SELECT max(id) AS id FROM migration_runs WHERE kind = 'promotion'"
SELECT_IS_PROMOTION = "SELECT id FROM migration_runs WHERE id = ? AND kind = 'promotion'"
SELECT_KNOWN_CONFLICTS = """
SELECT q.id, q.path, m.sha256 AS existing_sha256, m.path AS existing_path
FROM pending_import q CROSS JOIN models m ON m.sha256 = q.sha256
WHERE q.id > ? AND q.sha256 <> '' ORDER BY q.id LIMIT ?
"""
COUNT_TYPES = "SELECT coalesce(type, '') AS t, count(*) AS n FROM models GROUP BY t ORDER BY t"


def model_history(tx: Transaction, sha256: str) -> list[Step]:
    """Every transition of the items that became this model, in order."""
    row = tx.first(SELECT_ITEMS_OF_HASH, sha256)
    return [_step(step) for step in tx.fetch(SELECT_ITEM_STEPS, row["ids"])] if row else []


def item_history(tx: Transaction, item_id: int) -> list[Step]:
    """Every transition of an item, in order."""
    return [_step(step) for step in tx.fetch(SELECT_ITEM_STEPS, f"[{item_id}]")]


def _step(row: Row) -> Step:
    return Step(
        row["run_id"],
        row["id"],
        row["source_key"],
        number_of(row["source_key"]),
        readable(row["path"]),
        row["from_state"],
        row["to_state"],
        row["at"],
    )


def promotion_run(tx: Transaction, run_id: int | None) -> int | None:
    """The id of a run, or of the last one, if it is a promotion."""
    if run_id is None:
        row = tx.first(SELECT_LAST_PROMOTION)
    else:
        row = tx.first(SELECT_IS_PROMOTION, run_id)
    return None if row is None else row["id"]


def known_conflicts(tx: Transaction, after: int, limit: int) -> list[Conflict]:
    """Models that wait and whose known content is active, ascending by id."""
    return [
        Conflict(
            PendingSide(row["id"], readable(row["path"])),
            ExistingSide(row["existing_sha256"], readable(row["existing_path"])),
        )
        for row in tx.fetch(SELECT_KNOWN_CONFLICTS, after, limit)
    ]


def library_counts(tx: Transaction) -> LibraryCounts:
    """How much the library holds."""
    types = [TypeCount(readable(row["t"]), row["n"]) for row in tx.fetch(COUNT_TYPES)]
    found = held(tx)
    models = sum(t.models for t in types)
    return LibraryCounts(
        models, found.pending, types, found.conflicts, found.failed, found.warnings
    )
