"""What a source tells: its models, tags and chunks, and what was wrong with them."""

from __future__ import annotations

import msgspec

from engine.facts.records import Prompts


class Notice(msgspec.Struct, frozen=True, gc=False):
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
    warnings: tuple[Notice, ...] = ()
    defect: Defect | None = None


class SourceChunk(msgspec.Struct, frozen=True, gc=False):
    """Consecutive rows, ascending by key, and warnings that belong to no row among them."""

    models: list[SourceModel]
    warnings: list[Notice] = []


class SourceStamp(msgspec.Struct, frozen=True):
    """What the file system says of a source: its size in bytes, and a stamp that is another one
    whenever the source has changed."""

    bytes: int
    stamp: str
