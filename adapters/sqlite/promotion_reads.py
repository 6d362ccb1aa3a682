"""What stage 2 asks of the journal: who is enlisted, what became of each, what is known."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from adapters.sqlite.database import Transaction, readable
from adapters.sqlite.records import pending_candidate, record_tags
from engine.facts.files import FileFacts
from engine.facts.states import ModelState
from engine.facts.work import Work, WorkItem

SELECT_WINDOW = """
SELECT p.place
FROM migration_promotions p CROSS JOIN migration_items i ON i.id = p.item_id
WHERE p.run_id = ? AND p.place > ? AND p.outcome IS NULL AND i.promotion_id = p.run_id
  AND i.work IS NOT NULL AND i.state <> 'failed'
ORDER BY p.place LIMIT 1
"""
SELECT_ENLISTED = """
SELECT i.id AS item_id, p.place, i.state, i.work, i.sha256 AS item_sha256, i.attempts, i.crashes,
       i.path AS enlisted_path, i.pending_id, {pending}
FROM migration_promotions p
JOIN migration_items i ON i.id = p.item_id
LEFT JOIN pending_import q ON q.id = i.pending_id
LEFT JOIN migration_hashes h ON h.path = q.path AND h.sha256 = i.sha256
WHERE p.run_id = ? AND p.place > ? AND p.place <= ? AND p.outcome IS NULL
  AND i.promotion_id = p.run_id AND i.work = ? AND i.state <> 'failed'
ORDER BY p.place LIMIT ?
""".format(
    pending="q.id, q.path, coalesce(q.sha256, '') AS sha256, coalesce(q.name, '') AS name, "
    "coalesce(q.type, '') AS type, coalesce(h.size, q.size_bytes, 0) AS size_bytes, "
    "coalesce(q.created_at, 0) AS created_at, coalesce(q.meta_json, '') AS meta_json"
)
SELECT_TAGS_OF = """
SELECT l.model_id AS model, t.id, t.name
FROM pending_model_tags l JOIN tags t ON t.id = l.tag_id
WHERE l.model_id IN (SELECT value FROM json_each(?)) ORDER BY l.model_id, t.id
"""
SELECT_CACHED_HASH = """
SELECT sha256 FROM migration_hashes WHERE path = ? AND size = ? AND mtime_ns = ? AND inode = ?
"""
SELECT_CACHED_HASHES = """
SELECT path, size, mtime_ns, inode, sha256 FROM migration_hashes
WHERE path IN (SELECT value FROM json_each(?))
"""
SELECT_PENDING_PATHS = """
SELECT id, path FROM pending_import WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id
"""
SELECT_UNUSED = """
SELECT name FROM migration_originals
WHERE needless = 1 AND name NOT IN (
    SELECT e.value FROM pending_import q,
        json_each(CASE WHEN json_valid(q.meta_json) THEN q.meta_json ELSE '{}' END, '$.images') e
    WHERE e.type = 'text')
ORDER BY name
"""
SELECT_KNOWN_PATHS = """
SELECT path FROM models WHERE path IN (SELECT value FROM json_each(?1))
UNION
SELECT path FROM pending_import WHERE path IN (SELECT value FROM json_each(?1))
"""
SELECT_OF_SIZES = """
SELECT size_bytes, sha256, path FROM models
WHERE size_bytes IN (SELECT value FROM json_each(?1))
UNION ALL
SELECT size_bytes, '', path FROM pending_import
WHERE size_bytes IN (SELECT value FROM json_each(?1))
"""


def promotion_window(tx: Transaction, run_id: int, after: int) -> int | None:
    """The first place > `after` of a promotion that has work left; None at the end."""
    row = tx.first(SELECT_WINDOW, run_id, after)
    return None if row is None else row["place"]


def enlisted(
    tx: Transaction, run_id: int, work: Work, after: int, until: int, limit: int
) -> list[WorkItem]:
    """Items of a promotion with this work, after < place <= until, ascending."""
    rows = tx.fetch(SELECT_ENLISTED, run_id, after, until, work, limit)
    tags = record_tags(tx.fetch(SELECT_TAGS_OF, _json([row["pending_id"] for row in rows])))
    return [
        WorkItem(
            id=row["item_id"],
            place=row["place"],
            state=ModelState(row["state"]),
            work=Work(row["work"]),
            sha256=row["item_sha256"],
            candidate=pending_candidate(row, tags.get(row["pending_id"], ())),
            attempts=row["attempts"],
            suspect=row["crashes"] > 0,
        )
        for row in rows
    ]


def cached_hash(tx: Transaction, path: str, facts: FileFacts) -> str | None:
    """The hash of a file that was hashed before and has not changed since."""
    row = tx.first(SELECT_CACHED_HASH, path, facts.size, facts.mtime_ns, str(facts.inode))
    return None if row is None else row["sha256"]


def cached_hashes(tx: Transaction, paths: Sequence[str]) -> dict[str, tuple[FileFacts, str]]:
    """Of those of the paths that were hashed before: how the file looked, and its hash."""
    return {
        row["path"]: (FileFacts(row["size"], row["mtime_ns"], int(row["inode"])), row["sha256"])
        for row in tx.fetch(SELECT_CACHED_HASHES, _json(list(paths)))
    }


def pending_paths(tx: Transaction, ids: Sequence[int]) -> dict[int, str]:
    """The paths of the pending models among `ids`."""
    rows = tx.fetch(SELECT_PENDING_PATHS, _json(list(ids)))
    return {row["id"]: readable(row["path"]) for row in rows}


def unused_originals(tx: Transaction) -> list[str]:
    """Adopted originals that nothing refers to any more."""
    return [row["name"] for row in tx.fetch(SELECT_UNUSED)]


def known_paths(tx: Transaction, paths: Sequence[str]) -> set[str]:
    """Those of the paths that an active or a pending model has."""
    return {row["path"] for row in tx.fetch(SELECT_KNOWN_PATHS, _json(list(paths)))}


def records_of_sizes(tx: Transaction, sizes: Sequence[int]) -> list[tuple[int, str, str]]:
    """(size, sha256, path) of models of these sizes in bytes; no hash for those that wait."""
    return [tuple(row) for row in tx.fetch(SELECT_OF_SIZES, _json(list(sizes)))]


def _json(values: list[int] | list[str]) -> str:
    return msgspec.json.encode(values).decode()
