"""How the journal takes over what other programs did to the queue, before anything is decided.

Version 2 promotes and removes models that wait, and gives their numbers to others. An item follows
its model: by its path, and never by the number alone.
"""

from __future__ import annotations

from adapters.sqlite import runs, transitions
from adapters.sqlite.database import Transaction
from adapters.sqlite.departures import ACTIVE_AS, HELD
from adapters.sqlite.items import ITEM_COLUMNS, Item, item_from, set_outcome
from adapters.sqlite.numbers import last_pending_id
from adapters.sqlite.transitions import discard, promote
from adapters.sqlite.work import count_work
from engine.facts.decisions import NO_LONGER_PENDING, Whereabouts, whereabouts
from engine.facts.promotion_report import Outcome
from engine.ports.changes import CatchUp, Recover, SetRunState

# Named `i` for the expressions. Sorted by `+id`: for the order of `id` itself SQLite would go
# through all items, of which only few are pending.
SELECT_MOVED = f"""
SELECT {ITEM_COLUMNS}, path,
       (SELECT q.id FROM pending_import q WHERE q.path = i.path) AS waits_as,
       {ACTIVE_AS} AS active, {HELD} AS held,
       EXISTS (SELECT 1 FROM pending_import q WHERE q.id = i.pending_id) AS taken
FROM migration_items i
WHERE pending_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM pending_import q
    WHERE q.id = i.pending_id AND (q.path = i.path OR instr(i.path, char(65533)) > 0))
ORDER BY +id
"""
SET_NUMBER = "UPDATE migration_items SET pending_id = ? WHERE id = ?"
SET_HASH = "UPDATE migration_items SET sha256 = ? WHERE id = ?"


def catch_up(tx: Transaction, change: CatchUp) -> None:
    """Nothing: whoever applies changes has taken over what there was."""


def recover(tx: Transaction, change: Recover) -> None:
    """As `transitions.recover`, with what was done while nobody owned the library."""
    transitions.recover(tx, change)
    take_over(tx, change.at)


def set_run_state(tx: Transaction, change: SetRunState) -> None:
    """As `runs.set_run_state`; what the workers of a run had in hand is looked at once it ends."""
    runs.set_run_state(tx, change)
    if change.status is not change.status.RUNNING:
        take_over(tx, change.at)


def take_over(tx: Transaction, at: int) -> None:
    """Have every item that waits where its model waits, or end as its model did."""
    runs.note_others(tx)
    numbers: dict[tuple[int, str], int] = {}
    for row in tx.fetch(SELECT_MOVED):
        item = item_from(row)
        where = whereabouts(row["waits_as"], row["active"], held=bool(row["held"]))
        match where:
            case Whereabouts.PENDING:
                tx.execute(SET_NUMBER, row["waits_as"], item.id)
            case Whereabouts.ACTIVE:
                _promoted(tx, item, row["active"], at)
            case Whereabouts.NOWHERE:
                _removed(tx, item, at)
            case Whereabouts.UNDECIDED if row["taken"]:
                # Whoever works on it must not take the other's place for its own.
                place = (row["pending_id"], row["path"])
                if place not in numbers:
                    numbers[place] = max(last_pending_id(tx), *numbers.values(), 0) + 1
                tx.execute(SET_NUMBER, numbers[place], item.id)


def _promoted(tx: Transaction, item: Item, sha256: str, at: int) -> None:
    """Somebody has made its model active."""
    if item.has_work:
        count_work(tx, item.working_run, -1, 0)
        set_outcome(tx, item, Outcome.SUCCESS)
    tx.execute(SET_HASH, sha256, item.id)
    promote(tx, item, at)


def _removed(tx: Transaction, item: Item, at: int) -> None:
    """Somebody has removed its model, and it is not brought back."""
    if item.has_work:
        set_outcome(tx, item, Outcome.FAILED, NO_LONGER_PENDING)
    discard(tx, item, at)
