"""One model of a tree, from all that lies beside it and in it, as the row of a source."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from adapters.regular import regular
from adapters.sources import documents, merging
from adapters.sources.beside import matching, previews
from adapters.sources.beside.opening import placed
from adapters.sources.facts import Facts, ModelFile, Origin, Told, stem_of
from adapters.sources.folders.examples import Examples
from adapters.sources.folders.tree import Folder, Place, keyed
from adapters.sources.headers import reader as headers
from adapters.sources.reaching import Reach
from engine.facts.records import Prompts
from engine.facts.source import Defect, ImageRef, Notice, SourceModel

State = tuple[str, int, int]
"""The name of a file, its size in bytes, and when it was written, in ns since 1970."""

_MS = 1_000_000
_GONE: State = ("", -1, 0)


class Models:
    """Reads the models of one tree."""

    def __init__(
        self,
        reach: Reach,
        layout: Origin | None,
        examples: Examples,
        *,
        trusted: bool,
        videos: bool,
    ) -> None:
        self._reach = reach
        self._layout = layout
        self._examples = examples
        self._trusted = trusted
        self._videos = videos
        self._last: tuple[Folder, str, tuple[Told, ...]] | None = None

    def version(self, place: Place) -> bytes:
        """What another version of a model would have otherwise: the names, sizes and times of its
        file, of its sidecars and of the pictures called as it is."""
        return msgspec.json.encode([place.folder.type, *self._states(place)])

    def model(self, place: Place, version: bytes) -> SourceModel:
        """The model, whatever is wrong with what is told of it."""
        folder, name = place.folder, place.name
        states = self._states(place)
        own = states[0]
        found = own[1] >= 0
        file = ModelFile(name, own[1] if found else None)
        told = list(self._beside(folder, file.stem))
        if found and headers.has_header(name):
            told.append(headers.read(name, partial(self._reach.open, folder.path, name)))
        facts = merging.merged(file, told)
        pictures, notices = self._pictures(folder, file, told, facts)
        return SourceModel(
            key=place.key,
            verbatim=_verbatim(states, told),
            path=keyed(os.path.join(folder.path, name)),  # noqa: PTH118  text
            name=keyed(facts.name),
            type=folder.type or facts.type,
            size_bytes=file.size,
            created_at=facts.created_at or own[2] // _MS,
            description=facts.description,
            community_links=facts.community_links,
            prompts=Prompts(facts.positive, facts.negative),
            images=pictures,
            tags=facts.tags,
            warnings=(*facts.notices, *notices, *_lost(folder, name, found)),
            defect=_defect(folder, name),
            version=version,
            claimed_sha256=facts.claimed.sha256 if facts.claimed else "",
            claimed_by=facts.claimed.by if facts.claimed else "",
            sha256=facts.claimed.sha256 if facts.claimed and self._trusted else "",
        )

    def _states(self, place: Place) -> list[State]:
        """The model's file first; what is gone meanwhile is as if it was not there."""
        folder, name = place.folder, place.name
        family = folder.families[stem_of(name)]
        beside = [*family.sidecars.values(), *folder.pictures.get(family.stem, ())]
        return [self._state(folder, name), *(self._state(folder, other) for other in beside)]

    def _state(self, folder: Folder, name: str) -> State:
        if name in folder.lost or name in folder.outside:
            return _GONE
        try:
            found = self._reach.look(folder.path, name)
        except (OSError, ValueError):
            return _GONE
        return keyed(name), found.st_size, found.st_mtime_ns

    def _beside(self, folder: Folder, stem: str) -> tuple[Told, ...]:
        """What the sidecars of a family tell, read once for models that share them."""
        if self._last is None or self._last[0] is not folder or self._last[1] != stem:
            read = partial(content, self._reach, folder.path)
            self._last = folder, stem, matching.read(folder.families[stem], read)
        return self._last[2]

    def _pictures(
        self, folder: Folder, file: ModelFile, told: Sequence[Told], facts: Facts
    ) -> tuple[tuple[ImageRef, ...], list[Notice]]:
        found = previews.pictures(file, told, folder.listing, self._layout)
        notices = [] if found else list(previews.missing(told, folder.listing))
        images = [
            placed(folder.path, file.name, picture)
            for picture in found
            if self._videos or not picture.video
        ]
        images += self._examples.of(facts, told, notices)
        if not self._videos:
            notices += [previews.skipped(picture) for picture in found if picture.video]
        return tuple(images), notices


def content(reach: Reach, folder: str, name: str) -> bytes:
    """A sidecar, as much of it as is read of any. Raises OSError."""
    with os.fdopen(regular(reach.open(folder, name)), "rb") as file:
        return file.read(min(os.fstat(file.fileno()).st_size, documents.MAX_BYTES) + 1)


def _verbatim(states: Sequence[State], told: Sequence[Told]) -> bytes:
    """All that is told of a model, as it was written."""
    row: dict[str, Any] = {
        "files": states,
        "sidecars": {keyed(source.file): source.text for source in told if not _within(source)},
    }
    header = next((source for source in told if _within(source)), None)
    if header is not None and header.text:
        row["header"] = msgspec.Raw(header.text.encode())
    return msgspec.json.encode(row)


def _within(source: Told) -> bool:
    return source.origin is Origin.HEADER


def _lost(folder: Folder, name: str, found: bool) -> list[Notice]:
    if found or name in folder.outside:
        return []
    path = keyed(os.path.join(folder.path, name))  # noqa: PTH118  text
    return [Notice("file_missing", f"no file at {path}")]


def _defect(folder: Folder, name: str) -> Defect | None:
    path = os.path.join(folder.path, name)  # noqa: PTH118  text
    if name in folder.outside:
        return Defect(
            "link_not_followed",
            f"{keyed(path)} is a link to {keyed(os.path.realpath(path))}, outside the folders "
            "that were named. Name the folder it leads to as a root as well, then migrate again.",
        )
    if keyed(path) != path or "\0" in path:
        return Defect(
            "row_invalid",
            f"The name of {keyed(path)} is no valid UTF-8, and no database can hold it. "
            "Rename the file or its folder, then migrate again.",
        )
    return None
