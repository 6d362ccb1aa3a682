"""The tags of a legacy library, and which of them each model carries."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from adapters.sources.untrusted_sqlite.cells import (
    BrokenText,
    Cell,
    LostCell,
    Row,
    shown,
    without_nul,
)
from adapters.sources.untrusted_sqlite.database import Damaged, Database
from adapters.sources.untrusted_sqlite.tables import BEFORE_FIRST, Table
from engine.facts.source import Notice, SourceTag

INDEXED_BY_MODEL = """
    SELECT 1 FROM pragma_index_list('model_tags') AS listed
    JOIN pragma_index_info(listed.name) AS held
    WHERE held.seqno = 0 AND held.name = 'model_id' COLLATE NOCASE AND NOT listed.partial
"""
LINKS_OF_RANGE = """
    SELECT model_id, tag_id FROM model_tags
    WHERE model_id BETWEEN ? AND ? ORDER BY model_id, tag_id
"""
COUNT_ORPHANS = """
    SELECT count(*) FROM model_tags AS link
    WHERE NOT EXISTS (SELECT 1 FROM models NOT INDEXED WHERE models.{key} = link.model_id)
"""
MAKE_COPY = "CREATE TABLE model_tags (model_id, tag_id, UNIQUE (model_id, tag_id))"
FILL_COPY = "INSERT OR IGNORE INTO model_tags (model_id, tag_id) VALUES (?, ?)"
COPY_GUARDS = ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF")

_NOT_THERE = "which is not there or has no usable name"
COPY_NAME = "links.sqlite3"
_PAGE = 10_000


class TagList:
    """The tags that can be used: `listed` by ascending id, `names` by any id that stands for one.

    Two tags of one name are one tag, the first; links to the second lead to it, too. A NUL in a
    name is replaced, by which two names may become one.
    """

    def __init__(self, table: Table | None) -> None:
        self.listed: list[SourceTag] = []
        self.names: dict[Cell, str] = {}
        self.warnings: list[Notice] = []
        if table is None:
            return
        for page in table.pages(BEFORE_FIRST, _PAGE):
            for _, tag_id, name in page.rows:
                self._add(tag_id, name)
            for lost in page.lost:
                detail = f"tags: damaged pages, not found: {lost}."
                self.warnings.append(Notice("tags_damaged", detail))
        self._settle()

    def carried(self, tag_ids: list[Cell]) -> tuple[tuple[str, ...], list[Notice]]:
        """The names that a model's links lead to, each once, and what was wrong with the others."""
        names = self.names
        try:
            return tuple(dict.fromkeys([names[tag_id] for tag_id in tag_ids])), []
        except KeyError:
            known = dict.fromkeys(names[tag_id] for tag_id in tag_ids if tag_id in names)
            missing = dict.fromkeys(tag_id for tag_id in tag_ids if tag_id not in names)
            return tuple(known), [
                Notice("tag_missing", f"The row is linked to tag {shown(tag_id)}, {_NOT_THERE}.")
                for tag_id in missing
            ]

    def _add(self, tag_id: Cell, name: Cell) -> None:
        if not isinstance(tag_id, int):
            detail = f"The tag {shown(name)} has no usable id but {shown(tag_id)}."
        elif tag_id in self.names:
            detail = f"The tag {shown(name)} has the id {tag_id}, which another tag has."
        elif not isinstance(name, str) or not name.strip():
            shape = "text that is no valid UTF-8" if isinstance(name, BrokenText) else shown(name)
            detail = f"Tag {tag_id} has no usable name but {shape}."
        else:
            self.names[tag_id] = without_nul(name)
            if "\0" in name:
                detail = f"Tag {tag_id}, {shown(name)}, holds a NUL; replaced by U+FFFD."
                self.warnings.append(Notice("invalid_text", detail))
            return
        self.warnings.append(Notice("tag_unreadable", detail))

    def _settle(self) -> None:
        """List the tags by id; the `id` of a table of another making may not be its key."""
        first_of: dict[str, int] = {}
        for tag_id, name in sorted((int(str(tag)), name) for tag, name in self.names.items()):
            first = first_of.setdefault(name, tag_id)
            if first == tag_id:
                self.listed.append(SourceTag(tag_id, name))
            else:
                detail = f"Tag {tag_id} has the name of tag {first}, {shown(name)}; they are one."
                self.warnings.append(Notice("tag_duplicate", detail))


class Links:
    """Which tags each model carries, for any range of models, without holding more than that.

    A table without an index by model, or with a damaged one, is first copied into a database of
    our own in `scratch`: one pass then, instead of one for each range.
    """

    def __init__(self, database: Database, table: Table, scratch: Path) -> None:
        self._warnings: list[Notice] = []
        self._database = database
        self._table = table
        self._copy_path = scratch / COPY_NAME
        self._copy: sqlite3.Connection | None = None
        if database.first(INDEXED_BY_MODEL) is None:
            self._make_copy()

    def of(self, first: int, last: int) -> dict[Cell, list[Cell]]:
        """The tag ids of each model from `first` to `last` that has any, ascending."""
        if self._copy is None:
            with suppress(Damaged):
                return _grouped(self._database.rows(LINKS_OF_RANGE, (first, last)))
        copy = self._copy or self._make_copy()
        return _grouped(copy.execute(LINKS_OF_RANGE, (first, last)))

    def orphans(self, models_key: str) -> int:
        """How many links lead from a model that is gone; 0 where damage leaves that unknown."""
        with suppress(Damaged):
            statement = COUNT_ORPHANS.format(key=models_key)
            return sum(counted for (counted,) in self._database.rows(statement))
        return 0

    def take_warnings(self) -> list[Notice]:
        """What was found to be wrong with the links since this was last asked."""
        taken, self._warnings = self._warnings, []
        return taken

    def close(self) -> None:
        """Remove the copy, if one was made."""
        if self._copy is not None:
            self._copy.close()
            self._copy_path.unlink(missing_ok=True)

    def _make_copy(self) -> sqlite3.Connection:
        self._copy_path.unlink(missing_ok=True)
        copy = sqlite3.connect(self._copy_path, isolation_level=None, check_same_thread=False)
        self._copy = copy
        for guard in COPY_GUARDS:
            copy.execute(guard)
        copy.execute(MAKE_COPY)
        for page in self._table.pages(BEFORE_FIRST, _PAGE):
            copy.execute("BEGIN")
            copy.executemany(FILL_COPY, _storable(page.rows))
            copy.execute("COMMIT")
            for lost in page.lost:
                detail = f"model_tags: damaged pages, not found: {lost}."
                self._warnings.append(Notice("tag_links_unreadable", detail))
        return copy


def _grouped(links: Iterable[tuple[Cell, Cell]]) -> dict[Cell, list[Cell]]:
    grouped: defaultdict[Cell, list[Cell]] = defaultdict(list)
    for model_id, tag_id in links:
        grouped[model_id].append(tag_id)
    return grouped


def _storable(rows: Iterable[Row]) -> Iterator[tuple[int, Cell]]:
    """The links that a range of models can ask for."""
    for _, model_id, tag_id in rows:
        if isinstance(model_id, int):
            yield model_id, shown(tag_id) if isinstance(tag_id, LostCell) else tag_id
