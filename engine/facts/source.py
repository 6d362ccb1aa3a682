"""What a source tells: its models, tags and chunks, and what was wrong with them."""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from engine.errors import OptionRefused
from engine.facts.files import Root
from engine.facts.records import Prompts


class HashClaims(StrEnum):
    """What is made of the hashes that a source tells."""

    VERIFY = "verify"
    TRUST = "trust"


class SourceOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person says of a source beside where it lies; each kind takes some of it.

    `images` is a folder of images, `roots` are folders of model files, `map` translates paths of
    another machine, each written `OLD=NEW`.
    """

    images: str = ""
    roots: tuple[Root, ...] = ()
    map: tuple[str, ...] = ()
    hashes: HashClaims = HashClaims.VERIFY


class SourceRef(msgspec.Struct, frozen=True):
    """Which source: its kind, its absolute path, and what was said of it.

    `layout` is how things lie there, in the words of its kind; for people only.
    """

    kind: str
    location: str
    options: SourceOptions = SourceOptions()
    layout: str = ""

    def is_at(self, other: SourceRef | None) -> bool:
        """Whether it is the same source, whatever was said of it."""
        return other is not None and (self.kind, self.location) == (other.kind, other.location)

    def require_known(self, *options: str) -> None:
        """Refuse what is said of it beyond these options. Raises `OptionRefused`."""
        for name in msgspec.to_builtins(self.options):
            if name not in options:
                raise OptionRefused(self.kind, name)


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


class ImageRef(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An image as its source refers to it.

    `name` is what people see: a warning names it, and the original of a model that waits is
    called so. `place` is opaque to all but the source, which finds the image by both: a file in
    some folder, a file beside the model, bytes inside a model's file.
    """

    name: str
    place: str = ""


class SourceModel(msgspec.Struct, frozen=True, gc=False):
    """One row of a source, mapped and validated.

    `key` is opaque text that names the row within its source for ever. `verbatim` is the row as
    it was, as JSON. `sha256` is what the source claims: 64 lower-case hex digits, or empty when it
    has none that is well-formed. `size_bytes` is None when the source does not know it. `images`
    are in the source's order; `tags` are names. `number` is what the source would have the model
    called in the queue of those that wait, None where it has no number for it.

    `version` is other bytes for every version of the row; empty, `verbatim` is. `claimed_sha256`
    is a hash that the source tells and that may be the file's, by whom `claimed_by` says; it is no
    identity before the file was hashed, unless it is in `sha256` as well.
    """

    key: str
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
    images: tuple[ImageRef, ...] = ()
    tags: tuple[str, ...] = ()
    warnings: tuple[Notice, ...] = ()
    defect: Defect | None = None
    number: int | None = None
    version: bytes = b""
    claimed_sha256: str = ""
    claimed_by: str = ""


_NUMBER = re.compile(r"-?[0-9]{1,19}")


def number_of(key: str | None) -> int | None:
    """A key as a number, where it is one that is written in the usual way."""
    if key is None or not _NUMBER.fullmatch(key):
        return None
    number = int(key)
    return number if str(number) == key and -(2**63) <= number < 2**63 else None


class SourceChunk(msgspec.Struct, frozen=True, gc=False):
    """Consecutive rows in the source's order, and warnings that belong to no row among them.

    `cursor` is opaque text that leads the source to what follows this chunk; never empty, which
    means the beginning.
    """

    models: list[SourceModel]
    cursor: str
    warnings: list[Notice] = []


class SourceStamp(msgspec.Struct, frozen=True):
    """What the file system says of a source: its size in bytes, and a stamp that is another one
    whenever the source has changed."""

    bytes: int
    stamp: str
