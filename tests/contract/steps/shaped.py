"""A step that gives a table another shape: a column less, one more, and one with other values."""

from __future__ import annotations

from adapters.sqlite.database import Transaction
from adapters.sqlite.migrations.tables import rebuild

WARNINGS = """
CREATE TABLE migration_warnings (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES migration_runs(id),
    item_id INTEGER,
    code TEXT NOT NULL,
    shown INTEGER NOT NULL DEFAULT 7
)
"""


def change(tx: Transaction) -> None:
    rebuild(tx, "migration_warnings", WARNINGS, code="upper(code)")
