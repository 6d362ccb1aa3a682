"""What the journal knows of an item, and how it moves: compare-and-set on its state."""

from __future__ import annotations

import msgspec

from adapters.sqlite.database import Row, Transaction
from engine.errors import StaleTransition
from engine.facts.promotion_report import Outcome
from engine.facts.records import ModelRecord
from engine.facts.source import Defect
from engine.facts.states import ModelState
from engine.facts.work import Work, WorkItem

# Only what offers refused images of a row again has no digest of the row.
ITEM_COLUMNS = """
id, run_id, promotion_id, pending_id, state, failed_in, work,
digest IS NULL AND source_id IS NOT NULL AND promotion_id IS NULL AS offered
"""
SELECT_ITEM = f"SELECT {ITEM_COLUMNS} FROM migration_items WHERE id = ?"
SELECT_SIBLINGS = f"""
SELECT {ITEM_COLUMNS} FROM migration_items
WHERE pending_id = ? AND id <> ? AND state <> 'promoted'
"""
MOVE = "UPDATE migration_items SET state = ?, updated_at = ? WHERE id = ? AND state = ?"
SET_OUTCOME = """
UPDATE migration_promotions
SET outcome = ?, code = ?, detail = ?, existing_sha256 = ?, existing_path = ?
WHERE run_id = ? AND item_id = ?
"""


class Item(msgspec.Struct, frozen=True):
    """What the journal knows of an item, to move it and to count it."""

    id: int
    run_id: int
    promotion_id: int | None
    pending_id: int | None
    state: ModelState
    failed_in: ModelState | None
    work: Work | None
    offered: bool
    """Whether it only adds images to a model, which had been refused before."""

    @property
    def has_work(self) -> bool:
        """Whether it counts among the work of its run; a failed item's work waits for a retry."""
        return self.work is not None and self.state is not ModelState.FAILED

    @property
    def working_run(self) -> int:
        """The run that works on it now."""
        return self.run_id if self.promotion_id is None else self.promotion_id

    def count_state(self, tx: Transaction, state: str, amount: int = 1) -> None:
        """Move a state's count in the run that recorded it and in the one that promotes it."""
        for run_id in {self.run_id, self.working_run}:
            tx.count(run_id, state, amount)


def item_from(row: Row) -> Item:
    """An item from its `ITEM_COLUMNS`."""
    return Item(
        id=row["id"],
        run_id=row["run_id"],
        promotion_id=row["promotion_id"],
        pending_id=row["pending_id"],
        state=ModelState(row["state"]),
        failed_in=ModelState(row["failed_in"]) if row["failed_in"] else None,
        work=Work(row["work"]) if row["work"] else None,
        offered=bool(row["offered"]),
    )


def item_of(tx: Transaction, item_id: int) -> Item:
    """An item as it is now."""
    row = tx.first(SELECT_ITEM, item_id)
    assert row is not None, f"there is no item {item_id}"
    return item_from(row)


def claimed(tx: Transaction, work: WorkItem, target: str) -> Item:
    """The item that a worker reports on, if it is still as the worker knew it.

    Raises `StaleTransition`.
    """
    row = tx.first(SELECT_ITEM, work.id)
    if row is None or row["state"] != work.state or row["work"] != work.work:
        raise StaleTransition(work.id, work.state, target)
    return item_from(row)


def set_outcome(
    tx: Transaction,
    item: Item,
    outcome: Outcome,
    defect: Defect | None = None,
    existing: ModelRecord | None = None,
) -> None:
    """What became of an item in the promotion that works on it."""
    tx.execute(
        SET_OUTCOME,
        outcome,
        defect.code if defect else None,
        defect.message if defect else None,
        existing.sha256 if existing else None,
        existing.path if existing else None,
        item.promotion_id,
        item.id,
    )


def move(tx: Transaction, item_id: int, source: ModelState, target: ModelState, at: int) -> None:
    """One transition. Raises `StaleTransition` when the item is not in `source`."""
    if tx.execute(MOVE, target, at, item_id, source) != 1:
        raise StaleTransition(item_id, source, target)


def siblings(tx: Transaction, item: Item) -> list[Item]:
    """Other items that share an item's place in the queue: versions of its row, or of its path."""
    return [item_from(row) for row in tx.fetch(SELECT_SIBLINGS, item.pending_id, item.id)]
