"""InvokeAI's library as a kind of source: its database, its models and its pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

import msgspec

from adapters.sources import remapping
from adapters.sources.beside.opening import PlacedPictures
from adapters.sources.invokeai import installation
from adapters.sources.invokeai.installation import COVERS, Installation
from adapters.sources.invokeai.library import InvokeLibrary
from adapters.sources.reaching import Reaching
from adapters.sources.remapping import PathMap
from adapters.sources.untrusted_sqlite import snapshot
from adapters.sources.untrusted_sqlite.copied import copied
from engine.errors import SourceMissing
from engine.facts.files import Root
from engine.facts.recognition import Likeness
from engine.facts.source import HashClaims, SourceModel, SourceRef, SourceStamp
from engine.ports.source import Source, SourceImages, never

KIND = "invokeai"
LAYOUT = "invokeai"
_OPTIONS = ("roots", "map", "hashes")


class InvokeAi:
    """Opens libraries of InvokeAI 4.0 and later."""

    def __init__(self, reaching: Reaching) -> None:
        self._reaching = reaching

    @property
    def looked_for(self) -> str:
        """What marks a location as one of this kind."""
        return "databases/invokeai.db, the database of InvokeAI"

    def recognised(self, location: Path) -> Likeness:
        """A folder with a database in its place, or such a file."""
        try:
            found = installation.found(location.resolve(), PathMap())
        except (OSError, RuntimeError, ValueError):
            return Likeness.NONE
        if found is None or not Path(found.database).is_file():
            return Likeness.NONE
        by_name = Path(found.database).name == installation.DATABASE
        return Likeness.SURE if by_name else Likeness.NONE

    def settled(self, source: SourceRef) -> SourceRef:
        """The reference with the folder of models, links followed, as one of its roots.

        Raises `OptionRefused`, `SourceMissing`.
        """
        source.require_known(*_OPTIONS)
        found = _installation(source)
        roots = {os.path.realpath(root.folder): root.type for root in source.options.roots}
        roots.setdefault(os.path.realpath(found.models), "")
        databases = Path(found.database).parent
        if not databases.is_relative_to(Path(found.location)) and found.location != found.database:
            roots.setdefault(os.path.realpath(databases), "")
        options = msgspec.structs.replace(
            source.options, roots=tuple(Root(kind, folder) for folder, kind in roots.items())
        )
        return SourceRef(KIND, found.location, options, LAYOUT)

    def home(self, source: SourceRef) -> str:
        """None: a library may lie anywhere."""
        return ""

    def fingerprint(self, source: SourceRef) -> str:
        """A digest of the database's files, and of the names and times of its pictures."""
        found = _installation(source)
        digest = blake2b(snapshot.fingerprint(Path(found.database)).encode(), digest_size=16)
        digest.update(msgspec.json.encode(source.options))
        folder = str(Path(found.models) / COVERS)
        with self._reaching(_reached(source)) as reach, suppress(OSError, ValueError):
            for name, _ in sorted(reach.entries(folder)):
                state = reach.look(folder, name)
                told = f"{name}\0{state.st_size}\0{state.st_mtime_ns}\n"
                digest.update(told.encode(errors="surrogateescape"))
        return digest.hexdigest()

    def stamp(self, source: SourceRef) -> SourceStamp:
        """What the file system says of the database."""
        return snapshot.stamp(Path(_installation(source).database))

    @contextmanager
    def open(
        self, source: SourceRef, scratch: Path, checkpoint: Callable[[], None] = never
    ) -> Iterator[Source]:
        """Copy the database into `scratch`, and open the copy, which is removed at the end."""
        paths = _paths(source)
        found = _installation(source, paths)
        with (
            copied(Path(found.database), scratch, checkpoint) as database,
            self._reaching(_reached(source)) as reach,
        ):
            trusted = source.options.hashes is HashClaims.TRUST
            yield InvokeLibrary(database, found, reach, paths, trusted=trusted)

    def recorded(self, source: SourceRef, key: str, verbatim: bytes) -> SourceModel | None:
        """Not told: what was recorded are files as they were, and how they were read then."""
        return None

    def images(self, source: SourceRef) -> SourceImages:
        """What opens its cover pictures, and those in the headers of its models."""
        return PlacedPictures(self._reaching, _reached(source), source.location)


def _paths(source: SourceRef) -> PathMap:
    return remapping.path_map(source.location, source.options.map)


def _installation(source: SourceRef, paths: PathMap | None = None) -> Installation:
    """The installation at a location. Raises `SourceMissing`, `SourceUnreadable`."""
    location = Path(os.path.realpath(source.location))
    found = installation.found(location, paths or _paths(source))
    if found is None or not location.exists():
        raise SourceMissing(source.location)
    return found


def _reached(source: SourceRef) -> tuple[str, ...]:
    return tuple(root.folder for root in source.options.roots)
