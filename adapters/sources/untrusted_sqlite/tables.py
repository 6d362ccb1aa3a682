"""Rows of one table of an untrusted database, in order of key, around whatever is damaged."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from sys import getsizeof
from typing import Literal

import msgspec

from adapters.sources.untrusted_sqlite.bounds import FIRST_KEY, LAST_KEY
from adapters.sources.untrusted_sqlite.cells import Cell, LostCell, Row
from adapters.sources.untrusted_sqlite.database import MAX_CELL_BYTES, Damaged, Database, Oversized

BEFORE_FIRST = FIRST_KEY - 1
"""Every key is greater."""

PAGE_BYTES = 2 * 1024 * 1024
"""A page of rows ends early once it holds this much, however many rows were asked for: several
pages are on their way at once, each more than once over."""

# Keys are found by the table's own b-tree alone: an index may be damaged while the table is not.
READ_ROWS = """
    SELECT {key}, {columns} FROM {table} NOT INDEXED
    WHERE {key} >= ? ORDER BY {key} LIMIT ?
"""
READ_CELL = "SELECT {column} FROM {table} NOT INDEXED WHERE {key} = ?"
READ_KEYS = "SELECT {key} FROM {table} NOT INDEXED WHERE {key} >= ? ORDER BY {key} LIMIT ?"
COUNT_BY_INDEX = "SELECT count(*) FROM {table}"
COUNT_BY_TABLE = "SELECT count(*) FROM {table} NOT INDEXED"
FIND_INDEXES = """
    SELECT name FROM pragma_index_list(?) WHERE NOT partial AND typeof(name) = 'text' ORDER BY seq
"""
# The plus keeps SQLite from looking the keys up in the table, which is to be held against this.
COUNT_BEHIND = "SELECT count(*) FROM {table} INDEXED BY {index} WHERE +{key} >= ?"

_KEY_NAMES = ("rowid", "_rowid_", "oid")
_STEPS_WITHIN_PAGE = 256


class LostRange(msgspec.Struct, frozen=True):
    """Keys of which no row can be read: `first` to `last`, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        if self.first == FIRST_KEY:
            return "all rows" if self.last == LAST_KEY else f"rows up to {self.last}"
        if self.last == LAST_KEY:
            return f"rows from {self.first} on"
        return (
            f"row {self.first}" if self.first == self.last else f"rows {self.first} to {self.last}"
        )


class Page(msgspec.Struct):
    """Consecutive rows, each `(key, cell, …)`, and the ranges that were lost among them."""

    rows: list[Row] = []
    lost: list[LostRange] = []

    @property
    def last(self) -> int:
        """The greatest key that it tells of."""
        found = [row[0] for row in self.rows[-1:]]
        return max(found + [lost.last for lost in self.lost], default=FIRST_KEY)


class Disordered(Damaged):
    """A scan met a key that does not follow the one before it, or belongs on another page."""


class NoRowid(Exception):
    """The table was declared WITHOUT ROWID, so its rows have no number."""


class Table:
    """One ordinary table; `columns` None stands for a NULL in that place.

    Raises `NoRowid`.
    """

    def __init__(
        self, database: Database, name: str, stored: Sequence[str], columns: Sequence[str | None]
    ) -> None:
        self._database = database
        self._name = name
        taken = {column.lower() for column in stored}
        # A column may be called rowid without being the row's number.
        self.key = next(name for name in _KEY_NAMES if name not in taken)
        self._selected = ["NULL" if column is None else quoted(column) for column in columns]
        names = {
            "table": quoted(name),
            "key": self.key,
            "columns": ", ".join(self._selected or ["NULL"]),
        }
        self._read_rows = READ_ROWS.format_map(names)
        self._read_keys = READ_KEYS.format_map(names)
        self._read_cells = [
            READ_CELL.format_map({**names, "column": column}) for column in self._selected
        ]
        self._bounds = database.bounds(name)
        self._counts = [
            statement.format_map(names) for statement in (COUNT_BY_INDEX, COUNT_BY_TABLE)
        ]
        if not database.compiles(self._read_keys, (0, 1)):
            raise NoRowid

    def count(self) -> int:
        """How many rows there are; of a damaged table, how many can be read."""
        for statement in self._counts:
            with suppress(Damaged):
                return sum(counted for (counted,) in self._database.rows(statement))
        return sum(len(page.rows) for page in self.pages(BEFORE_FIRST, 1000))

    def count_by_index(self, after: int) -> int | None:
        """How many rows behind `after` an index knows of; None where none is there and sound."""
        for (index,) in list(self._database.rows(FIND_INDEXES, (self._name,))):
            names = {"table": quoted(self._name), "key": self.key, "index": quoted(index)}
            statement = COUNT_BEHIND.format_map(names)
            with suppress(Damaged):
                found = self._database.first(statement, (max(after + 1, FIRST_KEY),))
                return None if found is None else int(found[0])
        return None

    def readable(self) -> bool:
        """Whether the table is empty, or at least one row of it can be found."""
        with closing(self.pages(BEFORE_FIRST, 1)) as pages:
            page = next(pages, None)
        return page is None or bool(page.rows)

    def pages(self, after: int, size: int) -> Generator[Page, None, None]:
        """Rows whose key is greater than `after`, at most `size` in a page.

        Memory does not depend on the number of rows; close the generator if it is left early.
        Which rows are found does not depend on `size`.
        """
        page, held = Page(), 0
        with closing(self._walk(after)) as found:
            for row in found:
                if isinstance(row, LostRange):
                    page.lost.append(row)
                    continue
                page.rows.append(row)
                held += sum(map(getsizeof, row))
                if len(page.rows) >= size or held > PAGE_BYTES:
                    yield page
                    self._database.renew_deadline()
                    page, held = Page(), 0
        if page.rows or page.lost:
            yield page

    def _walk(self, after: int) -> Generator[Row | LostRange, None, None]:
        """All rows behind `after`, and the ranges between them that are lost.

        Of a page on which there was any damage, every key is lost that is not found.
        """
        last, suspect = max(after, BEFORE_FIRST), BEFORE_FIRST - 1
        while last < LAST_KEY:
            try:
                with closing(self._scan(last, suspect)) as found:
                    for row in found:
                        if last < suspect and row[0] > last + 1:
                            yield LostRange(last + 1, min(row[0] - 1, suspect))
                        yield row
                        last = row[0]
                break
            except Damaged as damage:
                first = self._probe(last + 1)
                key = self._search(last + 1) if first is False else first
                # The damage may be further on, or in a cell alone; a cell can be merely too large.
                sound = isinstance(damage, Oversized) or self._follows(key, last)
                if isinstance(damage, Disordered) or not sound:
                    suspect = self._suspect(last + 1, key)
            if key is None:
                break
            if last < suspect and key > last + 1:
                yield LostRange(last + 1, min(key - 1, suspect))
            yield self._row(key)
            last = key
        if last < suspect:
            yield LostRange(last + 1, suspect)

    def _follows(self, key: int | None, last: int) -> bool:
        """Whether a walk leads from the row `last` to the row `key` without any between."""
        if key == last + 1:
            return True
        with suppress(Damaged):
            start = max(last, FIRST_KEY)
            return [found for (found,) in self._database.rows(self._read_keys, (start, 2))] == [
                last,
                key,
            ]
        return False

    def _suspect(self, start: int, key: int | None) -> int:
        """The last key of the pages from that of `start` to the one before that of `key`."""
        if key is None:
            return LAST_KEY
        return max(self._bounds.around(start)[1], self._bounds.around(key)[0] - 1)

    def _scan(self, last: int, suspect: int) -> Generator[Row, None, None]:
        """All rows behind `last`, up to the first damage.

        The scan sets out from the page before the one of `last`, unless that is known to be
        damaged. Where cells were overwritten, keys are out of order or on a page where they do
        not belong, and a search for what follows `last` could pass over rows unnoticed; a walk
        does not. Each row is held back until the next one is known to follow it.
        """
        start = max(last, FIRST_KEY)
        before = self._bounds.around(start)[0] - 1
        if before > suspect:
            start = max(before, FIRST_KEY)
        bound = self._bounds.around(start)[1]
        held: Row | None = None
        with closing(self._database.rows(self._read_rows, (start, -1))) as found:
            for row in found:
                key: int = row[0]
                if key > bound:
                    bound = self._bounds.around(bound + 1)[1]
                    if key > bound:  # no sound page is empty: the next row is on the next page
                        break
                if held is None:
                    if key <= last:
                        continue
                elif key <= held[0]:
                    if key > last:  # what is held is as likely to be out of order
                        held = None
                    break
                else:
                    yield held
                    last = held[0]
                held = row
            else:
                if held is not None:
                    yield held
                return
        if held is not None:
            yield held
        raise Disordered

    def _search(self, start: int) -> int | None:
        """The first key behind `start` that can be found, if any can.

        Within a page keys are tried one by one, as not all of its cells need be damaged; the
        next page to try is then the one behind it.
        """
        while start < LAST_KEY:
            bound = self._bounds.around(start)[1]
            steps = range(start + 1, min(start + _STEPS_WITHIN_PAGE, bound) + 1)
            for candidate in (*steps, bound + 1):
                key = self._probe(candidate) if candidate <= LAST_KEY else None
                if key is not False:
                    return key
            start = bound + 1
        return None

    def _probe(self, start: int) -> int | Literal[False] | None:
        """The first key from `start` on; None past the last row; False where a page is damaged."""
        try:
            found = self._database.first(self._read_keys, (start, 1))
        except Damaged:
            return False
        if found is None:
            return None
        key = int(found[0])
        bound = self._bounds.around(start)[1]
        if key > bound:  # the page holds no more: a search on the next one has to agree
            return key if self._probe(bound + 1) == key else False
        return key if key >= start else False

    def _row(self, key: int) -> Row:
        """One row, cell by cell where it cannot be read at once."""
        with suppress(Damaged):
            row = self._database.first(self._read_rows, (key, 1))
            if row is not None and row[0] == key:
                return row
        return (key, *(self._cell(statement, key) for statement in self._read_cells))

    def _cell(self, statement: str, key: int) -> Cell:
        try:
            found = self._database.first(statement, (key,))
        except Oversized:
            return LostCell(f"larger than {MAX_CELL_BYTES // 1024**2} MiB")
        except Damaged:
            found = None
        return LostCell("on a damaged page") if found is None else found[0]


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
