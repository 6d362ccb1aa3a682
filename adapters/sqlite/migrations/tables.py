"""What a step does to a table where `ALTER TABLE` does not suffice."""

from __future__ import annotations

from adapters.sqlite.database import Transaction

SELECT_COLUMNS = "SELECT name FROM pragma_table_info(?) ORDER BY cid"


def rebuild(tx: Transaction, table: str, definition: str, **values: str) -> None:
    """Make a table anew by its `CREATE TABLE` statement, and carry its rows along.

    Columns of the same name keep their values; `values` has an SQL expression over the old row
    for each that is to have another. What else is new gets its default, and what is gone is lost.
    """
    made = f"{table}_rebuilt"
    tx.execute(definition.replace(table, made, 1))
    before = _columns(tx, table)
    carried = {
        column: values.get(column, column)
        for column in _columns(tx, made)
        if column in values or column in before
    }
    names, sources = ", ".join(carried), ", ".join(carried.values())
    tx.execute(f"INSERT INTO {made} ({names}) SELECT {sources} FROM {table}")
    tx.execute(f"DROP TABLE {table}")
    tx.execute(f"ALTER TABLE {made} RENAME TO {table}")


def _columns(tx: Transaction, table: str) -> list[str]:
    return [name for (name,) in tx.fetch(SELECT_COLUMNS, table)]
