"""Trees of model files as a kind of source: what is asked of them, and in which order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

import msgspec

from adapters.sources.beside.matching import is_model
from adapters.sources.beside.opening import PlacedPictures
from adapters.sources.folders import layouts
from adapters.sources.folders.examples import Examples
from adapters.sources.folders.layouts import Layout
from adapters.sources.folders.library import FolderLibrary
from adapters.sources.folders.reading import Models
from adapters.sources.folders.tree import Folder, Tree, is_companion, keyed
from adapters.sources.reaching import Reach, Reaching
from adapters.sources.remapping import PathMap, path_map
from engine.errors import SourceMissing, SourceUnreadable
from engine.facts.files import Root
from engine.facts.recognition import Likeness
from engine.facts.source import HashClaims, SourceModel, SourceRef, SourceStamp
from engine.ports.source import Source, SourceImages, never

KIND = "folders"
_OPTIONS = ("images", "roots", "map", "hashes")


class Folders:
    """Opens trees of model files, whatever managers have put beside and into them."""

    def __init__(self, reaching: Reaching) -> None:
        self._reaching = reaching

    @property
    def looked_for(self) -> str:
        """What marks a location as one of this kind."""
        return (
            "folders of models of ComfyUI, AUTOMATIC1111 or Forge, Stability Matrix or SwarmUI, "
            "or model files in any folder"
        )

    def recognised(self, location: Path) -> Likeness:
        """A folder with the marks of some manager's, or any with a model file in it."""
        try:
            found = layouts.recognised(location.resolve(), PathMap())
        except (OSError, RuntimeError, ValueError):
            return Likeness.NONE
        if found.sure:
            return Likeness.SURE
        if not found.roots:
            return Likeness.NONE
        with self._reaching(layouts.outermost(found.roots)) as reach:
            tree = Tree(found.location, found.roots, reach, never)
            holds = any(place.name for place in tree.places())
        return Likeness.POSSIBLE if holds else Likeness.NONE

    def settled(self, source: SourceRef) -> SourceRef:
        """The reference with all folders that are looked into, links followed: those that were
        named, those of the layout that is recognised, those that its settings name.

        Raises `OptionRefused`, `SourceMissing`, `SourceUnreadable`.
        """
        source.require_known(*_OPTIONS)
        layout = layout_of(source)
        options = msgspec.structs.replace(
            source.options,
            images=_resolved(source.options.images),
            roots=layout.roots,
        )
        return msgspec.structs.replace(
            source, location=layout.location, options=options, layout=layout.name
        )

    def home(self, source: SourceRef) -> str:
        """None: a library may lie anywhere."""
        return ""

    def fingerprint(self, source: SourceRef) -> str:
        """A digest of the names, sizes and times of all files that are read of it."""
        return self._walked(source)[0]

    def stamp(self, source: SourceRef) -> SourceStamp:
        """The bytes of what is read of it beside the models themselves, and its fingerprint."""
        digest, size = self._walked(source)
        return SourceStamp(size, digest)

    @contextmanager
    def open(
        self, source: SourceRef, scratch: Path, checkpoint: Callable[[], None] = never
    ) -> Iterator[Source]:
        """Open its rows. Nothing is copied: each model is as it is when it is read."""
        paths = path_map(source.location, source.options.map)
        layout = layout_of(source, paths)
        with self._reaching(reached(source)) as reach:
            tree = Tree(source.location, source.options.roots, reach, checkpoint)
            models = Models(
                reach,
                layout.origin,
                Examples(reach, source.options.images, videos=False),
                trusted=source.options.hashes is HashClaims.TRUST,
                videos=False,
            )
            yield FolderLibrary(tree, models, reach, layout, paths)

    def recorded(self, source: SourceRef, key: str, verbatim: bytes) -> SourceModel | None:
        """Not told: what was recorded are files as they were, and how they were read then."""
        return None

    def images(self, source: SourceRef) -> SourceImages:
        """What opens pictures: files beside models, and those inside headers and sidecars."""
        return PlacedPictures(self._reaching, reached(source), source.location)

    def _walked(self, source: SourceRef) -> tuple[str, int]:
        """A digest of the names, sizes and times, and the bytes of sidecars and pictures."""
        digest, size = blake2b(digest_size=16), 0
        digest.update(msgspec.json.encode([source.location, source.options]))
        with self._reaching(reached(source)) as reach:
            for folder in Tree(source.location, source.options.roots, reach, never).folders():
                digest.update(f"\n{folder.path}\n".encode(errors="surrogateescape"))
                for name in folder.names:
                    size += _noted(reach, folder, name, digest.update)
                for name in sorted(folder.lost | folder.outside):
                    digest.update(f"{name}\0".encode(errors="surrogateescape"))
            for name, _ in _entries(reach, source.options.images):
                found = reach.look(source.options.images, name)
                digest.update(f"{keyed(name)}\0{found.st_mtime_ns}\n".encode())
        return digest.hexdigest(), size


def layout_of(source: SourceRef, paths: PathMap | None = None) -> Layout:
    """The layout of what lies there, with the roots that were named.

    Raises `SourceMissing`, `SourceUnreadable`.
    """
    location = Path(source.location)
    try:
        found = location.resolve(strict=True)
        with os.scandir(found):
            pass
    except (FileNotFoundError, RuntimeError, ValueError) as error:
        raise SourceMissing(source.location) from error
    except OSError as error:
        reason = f"{source.location}: {error.strerror}. Name a folder of models."
        raise SourceUnreadable(source.location, reason) from error
    layout = layouts.recognised(found, paths or path_map(source.location, source.options.map))
    named = [Root(root.type, root.folder) for root in source.options.roots]
    return layouts.with_roots(layout, named)


def reached(source: SourceRef) -> Sequence[str]:
    """The folders that are looked into: all that a person or the layout has named."""
    images = [source.options.images] if source.options.images else []
    return [*layouts.outermost(source.options.roots), *images]


def _resolved(folder: str) -> str:
    return str(Path(folder).resolve()) if folder else ""


def _entries(reach: Reach, folder: str) -> list[tuple[str, int]]:
    try:
        return sorted(reach.entries(folder)) if folder else []
    except (OSError, ValueError):
        return []


def _noted(reach: Reach, folder: Folder, name: str, note: Callable[[bytes], None]) -> int:
    """The bytes of a file that is read whole, once all that tells its state is noted."""
    if not (is_model(name) or is_companion(name)):
        return 0
    try:
        found = reach.look(folder.path, name)
    except (OSError, ValueError):
        return 0
    state = f"{name}\0{found.st_size}\0{found.st_mtime_ns}\n"
    note(state.encode(errors="surrogateescape"))
    return 0 if is_model(name) else found.st_size
