"""The legacy library as a source: what is asked of it, and in which order it is read."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeAlias

import msgspec

from adapters.sources.hikaze1 import mapping
from adapters.sources.hikaze1.mapping import RowMapping
from adapters.sources.hikaze1.tags import Links, TagList
from adapters.sources.moving import moved, unused_mappings
from adapters.sources.remapping import PathMap, path_map
from adapters.sources.untrusted_sqlite import snapshot
from adapters.sources.untrusted_sqlite.bounds import LAST_KEY
from adapters.sources.untrusted_sqlite.copied import copied
from adapters.sources.untrusted_sqlite.database import Database
from adapters.sources.untrusted_sqlite.tables import BEFORE_FIRST, NoRowid, Page, Table
from engine.errors import SeveralSources, SourceUnreadable
from engine.facts.files import ImageFolder
from engine.facts.recognition import Contents, Likeness
from engine.facts.source import (
    Notice,
    SourceChunk,
    SourceModel,
    SourceRef,
    SourceStamp,
    SourceTag,
)
from engine.ports.files import ImageFiles
from engine.ports.source import Known, Source, SourceImages, never, nothing_known

DATABASE_NAME = "hikaze_mm.sqlite3"
"""What the legacy application calls its database."""


DatabasesIn: TypeAlias = Callable[[Path], list[Path]]
"""Legacy databases in a folder, or where an application in it keeps them."""


def within_no_folder(_: Path) -> list[Path]:
    """Databases of whoever looks into no folder."""
    return []


class Hikaze1:
    """Opens libraries of Hikaze Model Manager 1: a database file, and a folder of images."""

    def __init__(self, files: ImageFiles, databases_in: DatabasesIn = within_no_folder) -> None:
        self._files = files
        self._databases_in = databases_in

    @property
    def looked_for(self) -> str:
        """What marks a location as one of this kind."""
        return f"{DATABASE_NAME}, the database of Hikaze Model Manager 1"

    def recognised(self, location: Path) -> Likeness:
        """A folder with a database where the application keeps it; a file may be one by any
        name."""
        if location.is_file():
            return Likeness.SURE if location.name == DATABASE_NAME else Likeness.POSSIBLE
        return Likeness.SURE if self._databases_in(location) else Likeness.NONE

    def settled(self, source: SourceRef) -> SourceRef:
        """The database of a folder; images beside it, in `images`, where no others were named.

        Raises `OptionRefused`; `SeveralSources` and `SourceUnreadable` for a folder that holds more
        than one database, or none.
        """
        source.require_known("images", "map")
        path_map(source.location, source.options.map)
        location = self._database(Path(source.location))
        images = source.options.images or str(location.parent / "images")
        options = msgspec.structs.replace(source.options, images=images)
        return msgspec.structs.replace(source, location=str(location), options=options)

    def _database(self, location: Path) -> Path:
        if not location.is_dir():
            return location
        match self._databases_in(location):
            case [database]:
                return database
            case []:
                raise SourceUnreadable(
                    str(location),
                    f"it is a folder, and there is no {DATABASE_NAME} in it, in its `data`, nor in "
                    "`custom_nodes/*/data`.",
                )
            case several:
                raise SeveralSources(str(location), [str(database) for database in several])

    def home(self, source: SourceRef) -> str:
        """Where its database lies, with the images; a copy that lies somewhere has none."""
        folder = Path(source.location).parent
        return str(folder) if (folder / "images").is_dir() else ""

    def fingerprint(self, source: SourceRef) -> str:
        """A digest of the database's files. Raises `SourceMissing`, `SourceUnreadable`."""
        return snapshot.fingerprint(Path(source.location))

    def stamp(self, source: SourceRef) -> SourceStamp:
        """What the file system says. Raises `SourceMissing`, `SourceUnreadable`."""
        return snapshot.stamp(Path(source.location))

    def recorded(self, source: SourceRef, key: str, verbatim: bytes) -> SourceModel | None:
        """A row as it was recorded before."""
        found = mapping.recorded(key, verbatim)
        return found and moved(found, path_map(source.location, source.options.map))

    def images(self, source: SourceRef) -> SourceImages:
        """The image folder: what was named is that folder, and where the database lies."""
        folder = source.options.images
        within = (folder, str(Path(source.location).parent))
        return self._files.in_folder(ImageFolder(folder, within))

    @contextmanager
    def open(
        self, source: SourceRef, scratch: Path, checkpoint: Callable[[], None] = never
    ) -> Iterator[Source]:
        """Copy the database file into `scratch`, and open the copy.

        The copy is removed again at the end. Raises `SourceMissing`, `SourceUnreadable`, and
        `StorageFailed` when `scratch` cannot take the copy.
        """
        with copied(Path(source.location), scratch, checkpoint) as database:
            paths = path_map(source.location, source.options.map)
            with closing(Library(database, scratch, paths)) as library:
                yield library


class Library:
    """An opened copy of a legacy library: a `Source`.

    Raises `SourceUnreadable` from any method when the copy turns out to be beyond reading.
    """

    def __init__(self, database: Database, scratch: Path, paths: PathMap) -> None:
        self._database = database
        self._paths = paths
        self._scratch = scratch
        columns = _model_columns(database)
        self._mapping = RowMapping(columns)
        try:
            # The None gives the mapping a NULL for each column that the table does not have.
            self._models = Table(database, "models", columns, [None, *columns])
        except NoRowid as error:
            raise database.refused("the rows of its table `models` have no number.") from error
        if not self._models.readable():
            raise database.refused(
                "it is damaged, and not one row of `models` can be read. "
                "Restore it from a backup, or try `sqlite3 .recover`."
            )
        self._reading: list[Generator[Page, None, None]] = []
        self._rows: int | None = None
        self._tags: TagList | None = None
        self._links: Links | None = None

    @property
    def contents(self) -> Contents:
        """Nothing lies beside the rows but images."""
        return Contents()

    @property
    def rows(self) -> int:
        """How many models there are; in a damaged table, how many can be told."""
        if self._rows is None:
            self._rows = self._models.count()
        return self._rows

    def tags(self) -> tuple[list[SourceTag], list[Notice]]:
        """All tags by ascending id, linked or not, and what was wrong with tags and links."""
        tags = self._read_tags()
        warnings = list(tags.warnings)
        if self._links is not None and (orphans := self._links.orphans(self._models.key)):
            detail = f"{orphans} links lead from models that are gone; they are left out."
            warnings.append(Notice("tag_link_orphaned", detail))
        return list(tags.listed), warnings

    def chunks(self, after: str, size: int, known: Known = nothing_known) -> Iterator[SourceChunk]:
        """Rows by their numbers, ascending, at most `size` (1 or more) at once.

        A cursor is the number that was reached. A chunk is smaller where its rows are large, and
        one that only tells of lost rows is empty.
        """
        if size < 1:
            raise ValueError(f"a chunk holds at least one row, not {size}")
        tags, reached = self._read_tags(), int(after) if after else BEFORE_FIRST
        pages = self._models.pages(reached, size)
        self._reading.append(pages)
        try:
            found = 0
            for page in pages:
                yield self._moved(self._chunk(page, tags))
                found += len(page.rows)
            yield from self._unfound(reached, found)
            if not after and (unused := unused_mappings(self._paths)):
                yield SourceChunk([], str(LAST_KEY), unused)
        finally:
            pages.close()
            self._reading.remove(pages)

    def close(self) -> None:
        """End reading, so that the copy can be removed, and remove what was put beside it."""
        for pages in self._reading:
            pages.close()
        if self._links is not None:
            self._links.close()

    def _chunk(self, page: Page, tags: TagList) -> SourceChunk:
        rows, links = page.rows, self._links
        model, cursor = self._mapping.model, str(page.last)
        warnings = [
            Notice("rows_unreadable", f"models: damaged pages, not found: {lost}.")
            for lost in page.lost
        ]
        if links is None or not rows:
            return SourceChunk([model(row) for row in rows], cursor, warnings)
        linked = links.of(rows[0][0], rows[-1][0])
        warnings += links.take_warnings()
        models: list[SourceModel] = []
        for row in rows:
            tag_ids = linked.get(row[0])
            models.append(model(row, *tags.carried(tag_ids)) if tag_ids else model(row))
        return SourceChunk(models, cursor, warnings)

    def _moved(self, chunk: SourceChunk) -> SourceChunk:
        """The chunk with its paths as they are on this machine."""
        if not self._paths.given:
            return chunk
        models = [moved(model, self._paths) for model in chunk.models]
        return SourceChunk(models, chunk.cursor, chunk.warnings)

    def _unfound(self, after: int, found: int) -> Iterator[SourceChunk]:
        """An empty chunk that tells of rows which an index knows of, but which were not found."""
        expected = self._models.count_by_index(after) if after < LAST_KEY else None
        if expected is not None and expected > found:
            detail = f"models: of {expected} rows that an index knows of, {found} were found."
            yield SourceChunk([], str(LAST_KEY), [Notice("rows_unreadable", detail)])

    def _read_tags(self) -> TagList:
        if self._tags is None:
            listed = self._table("tags", ("id", "name"))
            linked = self._table("model_tags", ("model_id", "tag_id"))
            tags = TagList(listed)
            for name, table in (("tags", listed), ("model_tags", linked)):
                if table is None:
                    detail = f"There is no usable table {name}; models go on without tags."
                    tags.warnings.append(Notice("tags_unreadable", detail))
            if listed is not None and linked is not None:
                self._links = Links(self._database, linked, self._scratch)
            self._tags = tags
        return self._tags

    def _table(self, name: str, columns: Sequence[str]) -> Table | None:
        """A table that can be done without; None where it is not there, or of another shape."""
        stored = self._database.columns(name)
        if stored is None or not {column.lower() for column in stored}.issuperset(columns):
            return None
        try:
            return Table(self._database, name, stored, columns)
        except NoRowid:
            return None


def _model_columns(database: Database) -> list[str]:
    columns = database.columns("models")
    if columns is None:
        raise database.refused(
            "it has no table `models`, so it is no library of Hikaze Model Manager 1."
        )
    names = {column.lower() for column in columns}
    if "sha256" in names and "hash_hex" not in names:
        raise database.refused("it is a library of version 2, and none of version 1.")
    if "path" not in names:
        raise database.refused("its table `models` has no column `path`.")
    return columns
