"""How models that wait are edited, and how many models are tagged at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from adapters.sqlite.catalogue import known_tags
from adapters.sqlite.database import Transaction, readable
from adapters.sqlite.reads import pending
from adapters.sqlite.records import PENDING_COLUMNS, stored_pending, tag_ids, write_pending
from engine.errors import InvalidEdit, InWork, UnknownPending
from engine.facts.catalogue import TagReport, patched
from engine.facts.records import PendingModelRecord
from engine.facts.source import Defect
from engine.ports.changes import ChangeTags, EditPending

SELECT_PENDING = f"SELECT {PENDING_COLUMNS} FROM pending_import WHERE id = ?"
SELECT_ANOTHER = "SELECT id FROM pending_import WHERE path = ? AND id <> ?"
# What a worker has in hand it read before: an edit meanwhile would be lost without a word.
SELECT_IN_WORK = """
SELECT DISTINCT i.pending_id FROM migration_items i
JOIN migration_runs r ON r.id = coalesce(i.promotion_id, i.run_id)
WHERE i.pending_id IN (SELECT value FROM json_each(?)) AND i.work IS NOT NULL
  AND (i.work IN ('previews', 'originals') OR (i.state <> 'failed' AND r.status = 'running'))
"""
SELECT_HASHED = """
SELECT 1 FROM migration_items WHERE pending_id = ? AND work = 'promotion' LIMIT 1
"""
SET_PATH = "UPDATE pending_import SET path = ?, sha256 = '' WHERE id = ?"
SET_ITEM_PATH = "UPDATE migration_items SET path = ? WHERE pending_id = ?"
UNLINK_ALL = "DELETE FROM pending_model_tags WHERE model_id = ?"
LINK_PENDING = "INSERT OR IGNORE INTO pending_model_tags (model_id, tag_id) VALUES (?, ?)"
LINK_MODEL = "INSERT OR IGNORE INTO model_tags (model_hash, tag_id) VALUES (?, ?)"
UNLINK_MODELS = """
DELETE FROM model_tags
WHERE model_hash IN (SELECT value FROM json_each(?)) AND tag_id IN (SELECT value FROM json_each(?))
"""
UNLINK_PENDING = """
DELETE FROM pending_model_tags
WHERE model_id IN (SELECT value FROM json_each(?)) AND tag_id IN (SELECT value FROM json_each(?))
"""
SELECT_TAGS_NAMED = "SELECT id FROM tags WHERE name IN (SELECT value FROM json_each(?))"
SELECT_MODELS = "SELECT sha256 FROM models WHERE sha256 IN (SELECT value FROM json_each(?))"
SELECT_STILL_PENDING = "SELECT id FROM pending_import WHERE id IN (SELECT value FROM json_each(?))"
SELECT_FAILED = """
SELECT q.id, i.error_code, i.error_message FROM migration_items i
JOIN pending_import q ON q.id = i.pending_id AND q.path = i.path WHERE i.state = 'failed'
"""
SELECT_DISPUTED = """
SELECT q.id FROM pending_import q CROSS JOIN models m ON m.sha256 = q.sha256 WHERE q.sha256 <> ''
"""


def edit_pending(tx: Transaction, change: EditPending) -> PendingModelRecord:
    """Change fields of a model that waits. Raises `UnknownPending`, `InvalidEdit`, `InWork`."""
    number, patch = change.pending_id, change.patch
    row = tx.first(SELECT_PENDING, number)
    if row is None:
        raise UnknownPending(number)
    if _in_work(tx, [number]):
        raise InWork(number)
    found = stored_pending(row)
    if patch.path is not UNSET and patch.path != found.record.path:
        _move(tx, number, patch.path)
        found = stored_pending(tx.first(SELECT_PENDING, number) or row)
    write_pending(tx, [(patched(found.record, patch), found.extra)])
    if patch.tags is not UNSET:
        ids = known_tags(tx, patch.tags)
        tx.execute(UNLINK_ALL, number)
        tx.many(LINK_PENDING, [(number, tag_id) for tag_id in ids])
    (edited,) = pending(tx, number - 1, 1)
    return edited


def _move(tx: Transaction, number: int, path: str) -> None:
    """What was known of the file at the old path is not known of the one at the new one."""
    another = tx.first(SELECT_ANOTHER, path, number)
    if another is not None:
        raise InvalidEdit(f"Model {another['id']}, which waits too, has this path.")
    if tx.first(SELECT_HASHED, number) is not None:
        raise InvalidEdit(
            "Its file was read already, and its promotion is not finished. Promote it again, "
            "or give it another path once it is in the library."
        )
    tx.execute(SET_PATH, path, number)
    tx.execute(SET_ITEM_PATH, path, number)


def change_tags(tx: Transaction, change: ChangeTags) -> TagReport:
    """Tag and untag models; those that are not there, or in hand, are told of."""
    hashes = [row["sha256"] for row in tx.fetch(SELECT_MODELS, _json(change.hashes))]
    pending = {row["id"] for row in tx.fetch(SELECT_STILL_PENDING, _json(change.pending))}
    busy = _in_work(tx, sorted(pending))
    free = sorted(pending - busy)
    added = tag_ids(tx, change.add).values() if hashes or free else ()
    tx.many(LINK_MODEL, [(sha256, tag_id) for sha256 in hashes for tag_id in added])
    tx.many(LINK_PENDING, [(number, tag_id) for number in free for tag_id in added])
    removed = _json([row["id"] for row in tx.fetch(SELECT_TAGS_NAMED, _json(change.remove))])
    tx.execute(UNLINK_MODELS, _json(hashes), removed)
    tx.execute(UNLINK_PENDING, _json(free), removed)
    known: set[str | int] = {*hashes, *pending}
    asked: list[str | int] = [*change.hashes, *change.pending]
    unknown = [one for one in asked if one not in known]
    return TagReport(len(hashes), len(free), unknown, sorted(busy))


def pending_marks(tx: Transaction) -> tuple[dict[int, Defect], set[int]]:
    """Why the last promotion of pending models failed, and which of them are in conflict."""
    failed = {
        row["id"]: Defect(row["error_code"], readable(row["error_message"] or ""))
        for row in tx.fetch(SELECT_FAILED)
    }
    return failed, {row["id"] for row in tx.fetch(SELECT_DISPUTED)}


def _in_work(tx: Transaction, numbers: Sequence[int]) -> set[int]:
    return {row["pending_id"] for row in tx.fetch(SELECT_IN_WORK, _json(numbers))}


def _json(values: Sequence[Any]) -> str:
    return msgspec.json.encode(values).decode()
