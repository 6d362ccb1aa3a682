"""What mends a library where that is certain: each remedy as data, to be carried out or told of."""

from __future__ import annotations

import msgspec


class DropLink(msgspec.Struct, frozen=True):
    """A link to a tag goes, since one of its ends is gone; `number` is its row's."""

    table: str
    number: int


class SetMeta(msgspec.Struct, frozen=True):
    """A value of `db_meta` is what it must be."""

    key: str


class FillRecord(msgspec.Struct, frozen=True):
    """What is missing in a record becomes empty, as version 2 writes it; `number` is its row's."""

    table: str
    number: int


class MendPreviews(msgspec.Struct, frozen=True):
    """The preview sets of an active model are looked at, mended and counted."""

    sha256: str


class MendOriginal(msgspec.Struct, frozen=True):
    """An original of a model that waits is copied again from where it came."""

    pending_id: int
    name: str


class JoinActive(msgspec.Struct, frozen=True):
    """A model that waits is the active one of the same file: they become one."""

    pending_id: int


class Recount(msgspec.Struct, frozen=True):
    """A run counts its items and warnings anew."""

    run_id: int


class RestoreJournal(msgspec.Struct, frozen=True):
    """Our tables get back the indexes and triggers that they are made with."""


class Sweep(msgspec.Struct, frozen=True):
    """What an interrupted process left is removed, as every owner does when it begins."""


Remedy = (
    DropLink
    | FillRecord
    | JoinActive
    | MendOriginal
    | MendPreviews
    | Recount
    | RestoreJournal
    | SetMeta
    | Sweep
)
