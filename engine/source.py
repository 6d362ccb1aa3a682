"""What a source is: the port through which the rows of a legacy library come in.

A source maps its own format onto `SourceModel`; the engine never sees a legacy column. Every row
yields exactly one `SourceModel`, however awkward: what could not be used is a warning, and a row
that can be no model at all carries a `defect`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import msgspec

from engine.records import Prompts


class Warning(msgspec.Struct, frozen=True, gc=False):
    """Something a person should know about an item that went on: a stable code, and facts."""

    code: str
    detail: str


DAMAGE = frozenset({"rows_unreadable", "tags_damaged", "tag_links_unreadable"})
"""Codes of warnings that tell of lost pages: the source itself is damaged."""


class Defect(msgspec.Struct, frozen=True, gc=False):
    """Why an item stopped: a stable code and a sentence that says what to do."""

    code: str
    message: str


class SourceTag(msgspec.Struct, frozen=True, gc=False):
    """A tag as the source numbers it; the library keeps the number where it is free."""

    id: int
    name: str


class SourceModel(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One row of a source, mapped and validated.

    `key` orders rows within the source and names the row for ever. `verbatim` is the row as it
    was, as JSON. `sha256` is what the source claims: 64 lower-case hex digits, or empty when it
    has none that is well-formed. `size_bytes` is None when the source does not know it. `images`
    are base names in the source's order; `tags` are names.
    """

    key: int
    verbatim: bytes
    path: str
    name: str = ""
    type: str = ""
    size_bytes: int | None = None
    created_at: int = 0
    sha256: str = ""
    description: str = ""
    community_links: str = ""
    prompts: Prompts = Prompts()
    images: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    warnings: tuple[Warning, ...] = ()
    defect: Defect | None = None


class SourceChunk(msgspec.Struct, frozen=True, gc=False):
    """Consecutive rows, ascending by key, and warnings that belong to no row among them."""

    models: list[SourceModel]
    warnings: list[Warning] = []


class Glance(msgspec.Struct, frozen=True):
    """What the file system says of a source: its size in bytes, and a stamp that is another one
    whenever the source has changed."""

    bytes: int
    stamp: str


def never() -> None:
    """The checkpoint of whoever has all the time that it takes."""


class Source(Protocol):
    """An opened, immutable copy of a legacy library. Methods block; call them in a thread."""

    @property
    def rows(self) -> int:
        """How many rows there are, as well as the source can tell before reading them."""
        ...

    def tags(self) -> tuple[list[SourceTag], list[Warning]]:
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

    def glance(self, location: Path) -> Glance:
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
