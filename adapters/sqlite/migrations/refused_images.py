"""Images that could not be carried are remembered, so that they can be offered again."""

from __future__ import annotations

from adapters.sqlite.database import Transaction

REFUSED = """
CREATE TABLE migration_refused (
    item_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    stamp TEXT NOT NULL,
    PRIMARY KEY (item_id, name)
) WITHOUT ROWID"""
# Until now they were only told of, by name. How their files looked is not known: those of which
# there are any are tried once more.
TOLD_OF = """
INSERT OR IGNORE INTO migration_refused (item_id, name, stamp)
SELECT w.item_id, substr(w.detail, 1, instr(w.detail, ': ') - 1), ''
FROM migration_warnings w
JOIN migration_items i ON i.id = w.item_id
JOIN migration_runs r ON r.id = w.run_id AND r.kind = 'legacy'
WHERE w.code IN ('image_missing', 'image_unreadable', 'image_too_large')
  AND instr(w.detail, ': ') > 1
"""


def change(tx: Transaction) -> None:
    """Take this step."""
    tx.execute(REFUSED)
    tx.execute(TOLD_OF)
