r"""Paths of another machine as paths of this one: `D:\models=/mnt/models`, again and again.

A path is compared as the system did that wrote it: on Windows without regard to case, with either
slash, drive letters, shares and the `\\?\` of long paths; elsewhere to the letter. Whole names are
compared: `D:\models` says nothing of `D:\models2`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from engine.errors import SourceUnreadable

_WINDOWS = re.compile(r"[A-Za-z]:(?:[\\/]|$)|[\\/]{2}[^\\/]")
_LONG = re.compile(r"\\\\[?.]\\(UNC\\)?", re.IGNORECASE)


class InvalidMapping(ValueError):
    """A mapping that cannot be used; its text says why."""


class _Route(NamedTuple):
    """A path in its names: `parts` as they are written, `compared` as they are compared."""

    windows: bool
    parts: tuple[str, ...]
    compared: tuple[str, ...]


class Mapping(NamedTuple):
    """One `OLD=NEW`; `written` is how it was given."""

    written: str
    old: _Route
    new: str


def parsed(written: str) -> Mapping:
    """A mapping from `OLD=NEW`, both absolute. Raises `InvalidMapping`."""
    old, sign, new = written.partition("=")
    if not (old and sign and new):
        raise InvalidMapping(f"{written} is not OLD=NEW, such as D:\\models=/mnt/models")
    route = _route(old)
    if route is None:
        raise InvalidMapping(
            f"{written}: {old} is no absolute path, such as D:\\models, \\\\nas\\ai or /models"
        )
    return Mapping(written, route, new)


class PathMap:
    """Mappings that are tried on every path of a source; of several that fit, the longest counts.

    It remembers which of them ever fitted.
    """

    def __init__(self, mappings: Iterable[Mapping] = ()) -> None:
        self._mappings: Sequence[Mapping] = sorted(
            mappings, key=lambda mapping: len(mapping.old.parts), reverse=True
        )
        self._used: set[str] = set()

    def translated(self, path: str) -> str:
        """The path on this machine; the path itself where no mapping fits."""
        route = _route(path)
        if route is None:
            return path
        for mapping in self._mappings:
            old = mapping.old
            depth = len(old.compared)
            if old.windows is route.windows and route.compared[:depth] == old.compared:
                self._used.add(mapping.written)
                return _joined(mapping.new, route.parts[depth:])
        return path

    @property
    def given(self) -> bool:
        """Whether there are any."""
        return bool(self._mappings)

    @property
    def unused(self) -> tuple[str, ...]:
        """The mappings that never fitted, as they were given."""
        return tuple(
            mapping.written for mapping in self._mappings if mapping.written not in self._used
        )


def path_map(location: str, mappings: Iterable[str]) -> PathMap:
    """The mappings given for a source. Raises `SourceUnreadable` for one that is none."""
    try:
        return PathMap([parsed(written) for written in mappings])
    except InvalidMapping as error:
        raise SourceUnreadable(location, f"{error}.") from error


def is_windows(path: str) -> bool:
    """Whether a path is an absolute one of Windows: with a drive, or of a share."""
    return bool(_WINDOWS.match(path))


def is_absolute(path: str) -> bool:
    """Whether a path is absolute on the system that wrote it."""
    return path.startswith("/") or is_windows(path)


def _route(path: str) -> _Route | None:
    """The names of an absolute path, `.` and `..` resolved; None where it is not absolute."""
    long = _LONG.match(path)
    if long:
        path = ("\\\\" if long[1] else "") + path[long.end() :]
    if is_windows(path) and "\0" not in path:
        share = path[0] in "\\/"
        parts = _resolved(re.split(r"[\\/]+", path.lstrip("\\/")), fixed=2 if share else 1)
        # A share begins with a name that no drive has.
        parts = ("\\\\", *parts) if share else parts
        return _Route(True, parts, tuple(part.lower() for part in parts))
    if path.startswith("/"):
        parts = _resolved(path.split("/"), fixed=0)
        return _Route(False, parts, parts)
    return None


def _resolved(parts: Iterable[str], fixed: int) -> tuple[str, ...]:
    """The names without `.` and empty ones; `..` leads up, but not beyond the first `fixed`."""
    kept: list[str] = []
    for part in parts:
        if part == "..":
            del kept[max(fixed, len(kept) - 1) :]
        elif part not in {"", "."}:
            kept.append(part)
    return tuple(kept)


def _joined(new: str, rest: Sequence[str]) -> str:
    slash = "\\" if is_windows(new) and "/" not in new else "/"
    stripped = new.rstrip("\\/" if slash == "\\" else "/")
    if not rest:
        return new
    return slash.join([stripped, *rest])
