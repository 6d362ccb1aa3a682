"""Items know the hash that their source tells of them, and by whom it is told."""

from __future__ import annotations

from adapters.sqlite.database import Transaction

ADD_CLAIM = "ALTER TABLE migration_items ADD COLUMN claimed_sha256 TEXT NOT NULL DEFAULT ''"
ADD_CLAIMANT = "ALTER TABLE migration_items ADD COLUMN claimed_by TEXT NOT NULL DEFAULT ''"


def change(tx: Transaction) -> None:
    """Until now a source's hash was an identity, or nothing."""
    tx.execute(ADD_CLAIM)
    tx.execute(ADD_CLAIMANT)
