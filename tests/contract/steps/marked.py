"""A step that leaves a mark: the version that it was taken from."""

from __future__ import annotations

from adapters.sqlite.database import Transaction

MARK = """
INSERT INTO migration_meta (key, value)
SELECT 'taken from ' || value, value FROM migration_meta WHERE key = 'journal_version'
"""


def change(tx: Transaction) -> None:
    tx.execute(MARK)
