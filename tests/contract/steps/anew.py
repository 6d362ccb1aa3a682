"""A step that makes a table anew that others refer to, with all that is in it, and sets states."""

from __future__ import annotations

from adapters.sqlite.database import Transaction
from adapters.sqlite.migrations.tables import rebuild

SELECT_DEFINITION = "SELECT sql FROM sqlite_master WHERE name = ?"
# No transition leads there: it is a step's business what a state means.
SET_STATE = "UPDATE migration_items SET state = 'pending' WHERE state = 'imported'"


def change(tx: Transaction) -> None:
    for table in ("migration_runs", "migration_items"):
        [(definition,)] = tx.fetch(SELECT_DEFINITION, table)
        rebuild(tx, table, definition)
    tx.execute(SET_STATE)
