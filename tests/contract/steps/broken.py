"""A step that fails when it has done something."""

from __future__ import annotations

from adapters.sqlite.database import Transaction


def change(tx: Transaction) -> None:
    tx.execute("DROP TABLE migration_warnings")
    tx.execute("DROP TABLE nothing_of_ours")
