"""What a source is: the port through which the models of another manager's library come in.

A source maps its own format onto `SourceModel`; the engine never sees a legacy column. Every row
yields exactly one `SourceModel`, however awkward: what could not be used is a notice, and a row
that can be no model at all carries a `defect`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from engine.facts.source import Notice, SourceChunk, SourceStamp, SourceTag


def never() -> None:
    """The checkpoint of whoever has all the time that it takes."""


class Source(Protocol):
    """An opened, immutable copy of a legacy library. Methods block; call them in a thread."""

    @property
    def rows(self) -> int:
        """How many rows there are, as well as the source can tell before reading them."""
        ...

    def tags(self) -> tuple[list[SourceTag], list[Notice]]:
        """All tags by ascending id, linked or not, and what was wrong with the others."""
        ...

    def chunks(self, after: int, size: int) -> Iterator[SourceChunk]:
        """Rows whose key is greater than `after`, ascending, at most `size` in a chunk.

        Rows on damaged pages are skipped and named in a chunk's warnings (`DAMAGE`).
        """
        ...


class SourceKind(Protocol):
    """Opens one kind of legacy library. Methods block; call them in a thread."""

    def fingerprint(self, location: Path) -> str:
        """A digest of everything that lies at `location`: equal only where nothing changed.

        Raises `SourceMissing` or `SourceUnreadable`. Writes nothing.
        """
        ...

    def stamp(self, location: Path) -> SourceStamp:
        """What can be told of `location` without reading it, at once.

        Raises `SourceMissing` or `SourceUnreadable`.
        """
        ...

    def open(
        self, location: Path, scratch: Path, checkpoint: Callable[[], None] = never
    ) -> AbstractContextManager[Source]:
        """Copy what lies at `location` into the empty folder `scratch`, and open the copy.

        `checkpoint` is called now and then, also by the source's methods, and may raise to
        abandon the work: while copying, its error comes out; while reading, the error may be a
        `SourceUnreadable` as well. Raises `SourceMissing`, `SourceUnreadable`, or `StorageFailed`
        when `scratch` cannot take the copy. Never writes beside `location`.
        """
        ...
