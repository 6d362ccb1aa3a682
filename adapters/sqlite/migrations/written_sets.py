"""Which preview sets are being written is noted by what they hold, and so is what is to be removed:
others write the same folder, so a number alone does not tell whose a set is."""

from __future__ import annotations

from adapters.sqlite.database import Transaction
from adapters.sqlite.migrations.tables import rebuild

WRITES = """
CREATE TABLE migration_writes (
    sha256 TEXT NOT NULL,
    seq INTEGER NOT NULL,
    digests BLOB NOT NULL,
    confirmed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sha256, seq, digests)
) WITHOUT ROWID"""
REMOVALS = """
CREATE TABLE migration_removals (
    sha256 TEXT PRIMARY KEY,
    next_seq INTEGER NOT NULL,
    digests BLOB NOT NULL,
    confirmed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID"""
# A set that was left over, and that the count has passed since, was written again and is a
# model's. All that is not is still to be vacated, whatever it holds: the empty digests say so.
DROP_PASSED = """
DELETE FROM migration_removals
WHERE counted = 1 AND next_seq < (
    SELECT CASE WHEN json_valid(m.meta_json)
                THEN coalesce(json_extract(m.meta_json, '$.images_count'), 0) ELSE 0 END
    FROM models m WHERE m.sha256 = migration_removals.sha256)
"""


def change(tx: Transaction) -> None:
    """Take this step."""
    tx.execute(WRITES)
    tx.execute(DROP_PASSED)
    rebuild(tx, "migration_removals", REMOVALS, digests="X''")
