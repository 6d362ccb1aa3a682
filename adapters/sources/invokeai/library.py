"""InvokeAI's library as an opened source: the rows of its database, and the files they name."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec

from adapters.regular import is_regular
from adapters.sources import merging, values
from adapters.sources.beside.opening import placed
from adapters.sources.facts import ModelFile, Picture, Told
from adapters.sources.headers import reader as headers
from adapters.sources.invokeai import mapping
from adapters.sources.invokeai.installation import COVERS, Installation
from adapters.sources.moving import unused_mappings
from adapters.sources.reaching import Reach
from adapters.sources.remapping import PathMap, is_absolute, is_windows
from adapters.sources.untrusted_sqlite.cells import Cell, Row
from adapters.sources.untrusted_sqlite.database import Database
from adapters.sources.untrusted_sqlite.tables import BEFORE_FIRST, NoRowid, Table
from adapters.sources.wording import keepable, shown
from engine.facts.recognition import Contents
from engine.facts.records import Prompts
from engine.facts.source import Defect, ImageRef, Notice, SourceChunk, SourceModel, SourceTag
from engine.ports.source import Known, nothing_known

END = "end"
ADVICE = "Mend or remove it in InvokeAI, then migrate again."
_MS = 1_000_000


class InvokeLibrary:
    """Implements `engine.ports.source.Source`."""

    def __init__(
        self,
        database: Database,
        installation: Installation,
        reach: Reach,
        paths: PathMap,
        *,
        trusted: bool,
    ) -> None:
        self._installation = installation
        self._reach = reach
        self._paths = paths
        self._trusted = trusted
        stored = database.columns("models")
        if stored is None or not {"id", "config"}.issubset(stored):
            raise database.refused(
                "it has no table `models` as InvokeAI 4.0 and later have it. "
                "Open it once with a later version of InvokeAI, then try again."
            )
        self._columns = [name if name in stored else None for name in mapping.COLUMNS]
        try:
            self._table = Table(database, "models", stored, self._columns)
        except NoRowid as error:
            raise database.refused("the rows of its table `models` have no number.") from error

    @property
    def rows(self) -> int:
        """How many models the database has."""
        return self._table.count()

    @property
    def contents(self) -> Contents:
        """Nothing lies beside the rows but covers."""
        return Contents()

    def tags(self) -> tuple[list[SourceTag], list[Notice]]:
        """InvokeAI has no tags."""
        return [], []

    def chunks(self, after: str, size: int, known: Known = nothing_known) -> Iterator[SourceChunk]:
        """Rows by their numbers; a cursor is the number that was reached."""
        if after == END:
            return
        pages = self._table.pages(int(after) if after else BEFORE_FIRST, size)
        try:
            for page in pages:
                lost = [
                    Notice("rows_unreadable", f"models: damaged pages, not found: {lost}.")
                    for lost in page.lost
                ]
                yield SourceChunk([self._model(row) for row in page.rows], str(page.last), lost)
        finally:
            pages.close()
        yield SourceChunk([], END, [] if after else unused_mappings(self._paths))

    def _model(self, row: Row) -> SourceModel:
        number, written, cell, created_at = row
        key = keepable(written) if isinstance(written, str) and written else f"row {number}"
        document = mapping.config(cell)
        source = mapping.tells(key, document, created_at)
        path = (document.fields or {}).get("path")
        if not isinstance(path, str) or not path.strip() or "\0" in path:
            reason = f"Row {key} of models names no path: {shown(path)}."
            return _unusable(key, row, f"{reason} {ADVICE}")
        if path.startswith(mapping.EXTERNAL):
            reason = f"Row {key} of models is a model of a web service, {shown(path)}: no file."
            return _unusable(key, row, f"{reason} Nothing need be done.", source)
        sized = (document.fields or {}).get("file_size")
        return self._described(key, row, source, self._whole(path), values.number(sized))

    def _whole(self, path: str) -> str:
        if is_absolute(path):
            return self._paths.translated(path)
        return os.path.normpath(os.path.join(self._installation.models, path))  # noqa: PTH118

    def _described(
        self, key: str, row: Row, source: Told, path: str, told_size: int | None
    ) -> SourceModel:
        folder, name = os.path.split(path)
        state = self._look(path)
        is_folder = state is not None and stat.S_ISDIR(state.st_mode)
        size = state.st_size if state is not None and is_regular(state) else None
        file = ModelFile(name, size)
        told = [mapping.of_folder(source) if is_folder else source]
        if size is not None and headers.has_header(name) and self._within(path):
            told.append(headers.read(name, partial(self._reach.open, folder, name)))
        facts = merging.merged(file, told)
        claimed = facts.claimed
        cover, cover_state = self._cover(key)
        written_at = 0 if state is None else state.st_mtime_ns // _MS
        verbatim = _verbatim(row, told, cover_state, size)
        missing = Notice("file_missing", f"no file at {keepable(path)}")
        return SourceModel(
            key=key,
            verbatim=verbatim,
            version=verbatim + path.encode(errors="surrogatepass"),
            path=keepable(path),
            name=keepable(facts.name),
            type=facts.type,
            size_bytes=size if size is not None else told_size,
            created_at=facts.created_at or written_at,
            sha256=claimed.sha256 if claimed and self._trusted else "",
            description=facts.description,
            community_links=facts.community_links,
            prompts=Prompts(facts.positive, facts.negative),
            images=(*cover, *self._embedded(folder, name, told)),
            tags=facts.tags,
            warnings=(*facts.notices, *([missing] if state is None else [])),
            defect=_folder_model(path) if is_folder else None,
            claimed_sha256=claimed.sha256 if claimed else "",
            claimed_by=claimed.by if claimed else "",
        )

    def _look(self, path: str) -> os.stat_result | None:
        """What lies at a path, links followed; None where nothing does, or none may look."""
        if is_windows(path) and (os.name != "nt" or path[0] in "\\/"):
            return None  # asking a server for a share hands it who asks
        try:
            return os.stat(path)  # noqa: PTH116  text, as all here
        except (OSError, ValueError):
            return None

    def _within(self, path: str) -> bool:
        """Whether a file may be opened: it lies below the folders that were named."""
        try:
            self._reach.leads(*os.path.split(path))
        except (OSError, ValueError):
            return False
        return True

    def _cover(self, key: str) -> tuple[list[ImageRef], list[int]]:
        """The picture of a model, and its size and time."""
        folder, name = os.path.join(self._installation.models, COVERS), f"{key}.webp"  # noqa: PTH118
        if name != os.path.basename(name):  # noqa: PTH119
            return [], []
        try:
            found = self._reach.look(folder, name)
        except (OSError, ValueError):
            return [], []
        return [placed(folder, name, Picture(name))], [found.st_size, found.st_mtime_ns]

    def _embedded(self, folder: str, name: str, told: list[Told]) -> list[ImageRef]:
        places = [place for source in told for place in source.embedded]
        return [placed(folder, name, Picture(name, place)) for place in places]


def _verbatim(row: Row, told: list[Told], cover: list[int], size: int | None) -> bytes:
    """The row as it was, and what else tells whether anything has changed."""
    number, *cells = row
    kept: dict[str, Any] = {"row": number}
    kept |= {name: _kept(cell) for name, cell in zip(mapping.COLUMNS, cells, strict=True)}
    kept |= {"cover": cover, "size": size}
    if len(told) > 1 and told[1].text:
        kept["header"] = msgspec.Raw(told[1].text.encode())
    return msgspec.json.encode(kept)


def _kept(cell: Cell) -> object:
    if isinstance(cell, str):
        return keepable(cell)
    return cell if cell is None or isinstance(cell, int | float) else shown(cell)


def _unusable(key: str, row: Row, message: str, source: Told | None = None) -> SourceModel:
    return SourceModel(
        key=key,
        verbatim=_verbatim(row, [], [], None),
        path="",
        name=source.name if source else "",
        warnings=source.notices if source else (),
        defect=Defect("row_invalid", message),
    )


def _folder_model(path: str) -> Defect:
    return Defect(
        "folder_model",
        f"{keepable(path)} is a folder of several files, as diffusers keeps models. A library "
        "knows a model by one file; convert it to a single file and scan for that.",
    )
