"""The folders of models below the roots of a layout, in one order whatever the disk's is.

A link that leads to something below the roots is passed over: what it leads to is found there. One
that leads elsewhere is not followed, and told. So no walk goes round in a loop, and no file is
found twice.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import PurePath
from typing import NamedTuple

from adapters.regular import is_regular
from adapters.sources.beside.matching import SUFFIXES, Family, Gathering, gathered, is_model
from adapters.sources.beside.previews import Listing, is_picture
from adapters.sources.folders.layouts import outermost
from adapters.sources.folders.types import Types
from adapters.sources.reaching import Reach
from engine.facts.files import Root
from engine.facts.source import Notice

PASSED_OVER = frozenset(
    {".git", ".downloads", ".lm-pending-delete", ".download_cache", ".convert_cache", ".cache"}
    | {"__pycache__", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found"}
)
"""Folders of what is on its way in or out, of caches and of systems."""

MAX_DEPTH = 64
"""Folders below folders that are looked into; no person keeps models deeper."""

_SLASH = "/"
_BEFORE_NAMES = "\x01"
"""The place of what is told of a folder itself: before everything in it."""


class Folder:
    """A folder of models. `prefix` is what the keys of its models begin with, `type` that of its
    models, `names` are its files; `lost` and `outside` its links to models that are nowhere, and
    to models in folders that nobody named."""

    def __init__(self, path: str, prefix: str, kind: str) -> None:
        self.path = path
        self.prefix = prefix
        self.type = kind
        self.names: list[str] = []
        self.lost: set[str] = set()
        self.outside: set[str] = set()
        self.below: list[str] = []
        self.notices: list[Notice] = []

    @property
    def place(self) -> str:
        """Where in the order of a tree its own notices are."""
        return self.prefix + _BEFORE_NAMES

    @cached_property
    def gathering(self) -> Gathering:
        """Its models with their sidecars."""
        return gathered([*self.names, *self.lost, *self.outside])

    @cached_property
    def families(self) -> dict[str, Family]:
        """Its models with their sidecars, by stem."""
        return {family.stem: family for family in self.gathering.families}

    @cached_property
    def pictures(self) -> dict[str, list[str]]:
        """The pictures that are called as a model is, by its stem."""
        by_case = {stem.lower(): stem for stem in self.families}
        found: dict[str, list[str]] = {}
        for name in filter(is_picture, self.names):
            stem = name
            while (dot := stem.rfind(".")) > 0:
                stem = stem[:dot]
                if owner := by_case.get(stem.lower()):
                    found.setdefault(owner, []).append(name)
        return found

    @cached_property
    def listing(self) -> Listing:
        """Its pictures."""
        return Listing(self.names)


class Place(NamedTuple):
    """A model in the order of a tree, or, where `name` is empty, its folder itself."""

    key: str
    folder: Folder
    name: str = ""


class Tree:
    """Model files below roots, in the order of their keys.

    A key is the path relative to `location` with `/`, and the whole path of what lies elsewhere.
    """

    def __init__(
        self, location: str, roots: Sequence[Root], reach: Reach, checkpoint: Callable[[], None]
    ) -> None:
        self._location = location
        self._types = Types(roots)
        self._tops = sorted((_prefix(location, top), top) for top in outermost(roots))
        self._reach = reach
        self._checkpoint = checkpoint

    def places(self, after: str = "") -> Iterator[Place]:
        """What comes behind the place `after`; folders that lie wholly before are not opened."""
        for prefix, top in self._tops:
            yield from self._places(top, (), prefix, after)

    def folders(self) -> Iterator[Folder]:
        """All folders, each before those below it."""
        for prefix, top in self._tops:
            yield from self._folders(top, (), prefix)

    def _folders(self, top: str, parts: tuple[str, ...], prefix: str) -> Iterator[Folder]:
        folder = self._listed(top, parts, prefix)
        yield folder
        for name in folder.below:
            yield from self._folders(top, (*parts, name), f"{prefix}{keyed(name)}{_SLASH}")

    def _places(self, top: str, parts: tuple[str, ...], prefix: str, after: str) -> Iterator[Place]:
        if prefix < after and not after.startswith(prefix):
            return
        folder = self._listed(top, parts, prefix)
        if folder.place > after:
            yield Place(folder.place, folder)
        models = [name for family in folder.families.values() for name in family.models]
        # With its slash, a folder's name stands where the keys of all below it stand.
        tails = [(keyed(name), name, False) for name in models]
        tails += [(f"{keyed(name)}{_SLASH}", name, True) for name in folder.below]
        for tail, name, is_folder in sorted(tails):
            if is_folder:
                yield from self._places(top, (*parts, name), prefix + tail, after)
            elif (key := prefix + tail) > after:
                yield Place(key, folder, name)

    def _listed(self, top: str, parts: tuple[str, ...], prefix: str) -> Folder:
        self._checkpoint()
        path = os.path.join(top, *parts)  # noqa: PTH118  a Path for each costs more
        folder = Folder(path, prefix, self._types.of(top, parts, os.sep))
        try:
            entries = self._reach.entries(path)
        except OSError as error:
            detail = f"{prefix or path}: this folder cannot be read: {error.strerror}."
            folder.notices.append(Notice("folder_unreadable", detail))
            return folder
        for name, kind in sorted(entries):
            if kind == stat.S_IFREG:
                folder.names.append(name)
            elif kind == stat.S_IFDIR and name not in PASSED_OVER:
                folder.below.append(name)
            elif kind == stat.S_IFLNK:
                self._sort_in(folder, name)
        if folder.below and len(parts) >= MAX_DEPTH:
            detail = f"{prefix}: folders lie more than {MAX_DEPTH} deep; they are not looked into."
            folder.notices.append(Notice("folder_unreadable", detail))
            folder.below.clear()
        return folder

    def _sort_in(self, folder: Folder, name: str) -> None:
        """A link: to nothing, to what is found where it leads, or to where nobody named."""
        try:
            target = self._reach.leads(folder.path, name)
        except FileNotFoundError:
            if is_model(name):
                folder.lost.add(name)
        except PermissionError:
            if is_model(name):
                folder.outside.add(name)
            elif not is_companion(name):
                folder.notices.append(_leads_out(folder, name))
            else:
                folder.names.append(name)  # whoever opens it is told where it leads
        except (OSError, ValueError):
            return
        else:
            if is_companion(name) and is_regular(os.stat(target)):  # noqa: PTH116
                folder.names.append(name)


def is_companion(name: str) -> bool:
    """Whether a file of this name is a sidecar or a picture."""
    return name.endswith(SUFFIXES) or is_picture(name)


def keyed(name: str) -> str:
    """A file's name as part of a key; bytes that are no text are shown."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _prefix(location: str, top: str) -> str:
    """What the keys of a root's models begin with."""
    place = PurePath(top)
    if place.is_relative_to(location):
        parts = [keyed(part) for part in place.relative_to(location).parts]
        return "".join(f"{part}{_SLASH}" for part in parts)
    return f"{keyed(place.as_posix()).rstrip(_SLASH)}{_SLASH}"


def _leads_out(folder: Folder, name: str) -> Notice:
    target = os.path.realpath(os.path.join(folder.path, name))  # noqa: PTH118
    return Notice(
        "link_not_followed",
        f"{folder.prefix}{keyed(name)} is a link to {keyed(target)}, outside the folders that "
        "were named. To take what is there, name that folder as a root as well.",
    )
