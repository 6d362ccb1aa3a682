"""How a library's tables are brought up to date: the steps it lacks, in one transaction."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from importlib import import_module

from adapters.sqlite import migrations
from adapters.sqlite.database import Transaction, transaction
from adapters.sqlite.schema import JOURNAL_TABLES, statements

SET_VERSION = "UPDATE migration_meta SET value = ? WHERE key = 'journal_version'"
SELECT_TRIGGERS = r"""
SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'migration\_%' ESCAPE '\'
"""
SELECT_OURS = r"""
SELECT type, name, sql FROM sqlite_master
WHERE type IN ('index', 'trigger') AND sql IS NOT NULL AND name LIKE 'migration\_%' ESCAPE '\'
"""

_DECLARED = re.compile(r"CREATE (?:INDEX|TRIGGER) (\w+)")


def upgrade(connection: sqlite3.Connection, version: int) -> None:
    """Take a library from `version` to the newest, or leave it as it is.

    References are not enforced afterwards: that cannot be changed within a transaction.
    """
    connection.execute("PRAGMA foreign_keys = OFF")
    with transaction(connection) as tx:
        for (name,) in tx.fetch(SELECT_TRIGGERS):
            tx.execute(f"DROP TRIGGER {name}")
        for number, name in enumerate(migrations.STEPS[version - 1 :], version + 1):
            _step(name)(tx)
            tx.execute(SET_VERSION, str(number))
        settle(tx)


def _step(name: str) -> Callable[[Transaction], None]:
    change: Callable[[Transaction], None] = import_module(f".{name}", migrations.__name__).change
    return change


def settle(tx: Transaction) -> None:
    """Have the indexes and triggers that a new library has, and no others of ours."""
    declared = {
        found[1]: statement.rstrip(";")
        for statement in statements(JOURNAL_TABLES)
        if (found := _DECLARED.match(statement))
    }
    there = {name: (kind, sql) for kind, name, sql in tx.fetch(SELECT_OURS)}
    for name, (kind, sql) in there.items():
        if declared.get(name) != sql:
            tx.execute(f"DROP {kind} {name}")
    for name, statement in declared.items():
        if name not in there or there[name][1] != statement:
            tx.execute(statement)
