"""Which kinds of sources lie at a location, and what is in them. Blocks: for a thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath

import msgspec

from engine.errors import (
    FolderRefused,
    LibraryMisplaced,
    NothingRecognised,
    SeveralKinds,
    SourceIsLibrary,
    SourceMissing,
    SourceUnreadable,
)
from engine.facts.recognition import DAMAGED, Contents, Found, Likeness, Look
from engine.facts.requests import ImportRequest
from engine.facts.source import SourceModel, SourceRef
from engine.ports.place import LibraryPlace
from engine.ports.source import SourceKind, kind_of, never

CHUNK_ROWS = 1000


class Tally:
    """What was seen of a source so far."""

    def __init__(self) -> None:
        self.models = 0
        self.claimed = 0
        self.images = 0
        self.damaged = 0
        self.contents = Contents()

    def add(self, model: SourceModel) -> None:
        """Count a model."""
        self.models += 1
        self.claimed += bool(model.claimed_sha256 or model.sha256)
        self.images += len(model.images)
        self.damaged += any(notice.code in DAMAGED for notice in model.warnings)

    def found(self, source: SourceRef, *, complete: bool) -> Found:
        """What was seen, as it is told."""
        return Found(
            kind=source.kind,
            layout=source.layout,
            location=source.location,
            models=self.models,
            sidecars=self.contents.sidecars,
            claimed_hashes=self.claimed,
            images=self.images,
            videos=self.contents.videos,
            damaged=self.damaged,
            roots=list(source.options.roots),
            complete=complete,
        )


def candidates(kinds: Mapping[str, SourceKind], source: SourceRef) -> list[SourceRef]:
    """The sources that lie where one is named, of the kind that is named or of any.

    Sure ones where there are any, else those that are possible.
    """
    if source.kind:
        return [source]
    likeness = {name: kind.recognised(Path(source.location)) for name, kind in kinds.items()}
    for wanted in (Likeness.SURE, Likeness.POSSIBLE):
        if names := [name for name, found in likeness.items() if found is wanted]:
            return [msgspec.structs.replace(source, kind=name) for name in names]
    return []


def recognised(kinds: Mapping[str, SourceKind], source: SourceRef) -> SourceRef:
    """The one source that lies there.

    Raises `SourceMissing`, `NothingRecognised`, `SeveralKinds`.
    """
    found = candidates(kinds, source)
    if not found:
        if not Path(source.location).exists():
            raise SourceMissing(source.location)
        raise NothingRecognised(source.location, [kind.looked_for for kind in kinds.values()])
    if len(found) > 1:
        raise SeveralKinds(source.location, [candidate.kind for candidate in found])
    return found[0]


def settled(
    kinds: Mapping[str, SourceKind], request: ImportRequest, place: LibraryPlace
) -> ImportRequest:
    """The request with its source as its kind settles it, for the library at a place.

    Raises `SourceMissing`, `NothingRecognised`, `SeveralKinds`, `UnknownSourceKind`,
    `OptionRefused`, `FolderRefused`, `SourceIsLibrary`, `LibraryMisplaced`.
    """
    try:
        named = recognised(kinds, request.source)
        kind = kind_of(kinds, named)
        source = kind.settled(named)
    except (NothingRecognised, SourceUnreadable):
        _refuse_library(request.source, place)
        raise
    _refuse_library(source, place)
    home = kind.home(source)
    if home and _lies_in(place.folder, Path(home)):
        raise LibraryMisplaced(str(place.folder), home)
    beside = Path(source.location).parent
    if (
        Path(source.location).is_file()
        and _lies_in(place.folder, beside)
        and (_lies_in(beside, place.folder))
    ):
        # Its images would be looked for where the library keeps its own.
        raise LibraryMisplaced(str(place.folder), str(beside))
    for root in source.options.roots:
        if request.within is not None and not _lies(root.folder, request.within):
            raise FolderRefused(root.folder)
    return msgspec.structs.replace(request, source=source)


def _refuse_library(source: SourceRef, place: LibraryPlace) -> None:
    if place.is_library(Path(source.location)):
        raise SourceIsLibrary(source.location)


def _lies_in(folder: Path, home: Path) -> bool:
    """Whether a folder is another, or lies below it, once links are followed."""
    try:
        return folder.resolve().is_relative_to(home.resolve())
    except (OSError, ValueError):
        return False


def _lies(folder: str, within: Sequence[str]) -> bool:
    return any(PurePath(folder).is_relative_to(allowed) for allowed in within)


def look(
    kinds: Mapping[str, SourceKind],
    source: SourceRef,
    scratch: Path,
    checkpoint: Callable[[], None] = never,
) -> Look:
    """All sources at a location, each read whole; nothing is written but in `scratch`.

    Raises what `recognised` raises but `SeveralKinds`, and what opening and reading raises.
    """
    found = candidates(kinds, source)
    if not found:
        recognised(kinds, source)
    told = []
    for candidate in found:
        kind = kind_of(kinds, candidate)
        whole = kind.settled(candidate)
        tally = Tally()
        with kind.open(whole, scratch, checkpoint) as opened:
            for chunk in opened.chunks("", CHUNK_ROWS):
                for model in chunk.models:
                    tally.add(model)
            tally.contents = opened.contents
        told.append(tally.found(whole, complete=True))
    return Look(source.location, told)
