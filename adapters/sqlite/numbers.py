"""Which numbers were given, to items and to models in the queue: none is given twice."""

from __future__ import annotations

import msgspec

from adapters.sqlite.database import Transaction
from engine.facts.records import MAX_SAFE_INTEGER

LAST_ITEM = """
max(coalesce((SELECT max(id) FROM migration_items), 0),
    coalesce((SELECT max(item_id) FROM migration_discarded), 0))
"""
"""The largest number that an item ever had, 0 before the first. History and verbatim rows outlive
their item under its number."""

SELECT_LAST_ITEM = f"SELECT {LAST_ITEM}"
SELECT_TAKEN_PENDING_IDS = """
SELECT id FROM pending_import WHERE id IN (SELECT value FROM json_each(?1))
UNION
SELECT pending_id FROM migration_items WHERE pending_id IN (SELECT value FROM json_each(?1))
UNION
SELECT pending_id FROM migration_promotions
WHERE pending_id IN (SELECT value FROM json_each(?1)) AND outcome IN ('success', 'deleted')
"""
SELECT_LAST_PENDING_ID = """
SELECT max(coalesce((SELECT max(id) FROM pending_import WHERE id < ?1), 0),
           coalesce((SELECT max(pending_id) FROM migration_items
                     WHERE pending_id IS NOT NULL AND pending_id < ?1), 0),
           coalesce((SELECT max(pending_id) FROM migration_promotions
                     WHERE pending_id < ?1), 0))
"""


def last_item(tx: Transaction) -> int:
    """`LAST_ITEM`."""
    return _number(tx, SELECT_LAST_ITEM)


def last_pending_id(tx: Transaction) -> int:
    """The largest number in the queue, or that was asked for there, 0 before the first."""
    return _number(tx, SELECT_LAST_PENDING_ID, MAX_SAFE_INTEGER)


def taken_pending_ids(tx: Transaction, numbers: list[int]) -> set[int]:
    """Those of `numbers` that a model in the queue has, or had before it left."""
    asked = msgspec.json.encode(numbers).decode()
    return {row[0] for row in tx.fetch(SELECT_TAKEN_PENDING_IDS, asked)}


def _number(tx: Transaction, sql: str, *values: int) -> int:
    row = tx.first(sql, *values)
    return int(row[0]) if row else 0
