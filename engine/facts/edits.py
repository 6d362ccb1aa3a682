"""What becomes of a record whose row was edited in the source after it was carried: pure.

Three versions meet: the row as it was carried, the row as it is now, and the record as it stands,
which a person may have edited as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from engine.facts.conflicts import ConflictStrategy
from engine.facts.records import ModelRecord, PendingModelRecord
from engine.facts.source import Notice, SourceModel
from engine.facts.work import Candidate, Carried

R = TypeVar("R", ModelRecord, PendingModelRecord)

Version = SourceModel | Candidate
"""A row as it is now."""

FOLLOWED = "edit_followed"
KEPT = "edit_kept"
REMOVED = Notice("removed_stays", "it was edited in the source after its model was removed")


class Edited(msgspec.Struct, frozen=True):
    """How a record follows its row: tags to link and to unlink, by name, and what is to be said."""

    link: tuple[str, ...]
    unlink: tuple[str, ...]
    notices: tuple[Notice, ...]


Get = Callable[[Any], Any]

FIELDS: tuple[tuple[str, Get, Get], ...] = (
    ("name", lambda row: row.name, lambda record: record.name),
    ("type", lambda row: row.type, lambda record: record.type),
    ("description", lambda row: row.description, lambda record: record.meta_json.description),
    (
        "community_links",
        lambda row: row.community_links,
        lambda record: record.meta_json.community_links,
    ),
    (
        "positive",
        lambda row: row.prompts.positive,
        lambda record: record.meta_json.prompts.positive,
    ),
    (
        "negative",
        lambda row: row.prompts.negative,
        lambda record: record.meta_json.prompts.negative,
    ),
)
"""What a person edits: its name, and where a row and a record have it."""

CALLED = {"positive": "positive prompt", "negative": "negative prompt"}


def follow(
    record: R, carried: Carried, row: Version, strategy: ConflictStrategy
) -> tuple[R, Edited]:
    """The record with what was edited in the source, and its tags.

    A field that is the same in both versions of the row is nobody's business. One that was edited
    follows the source where the record is empty there, or has it as it was carried. Where both were
    edited the record keeps its own, but `override` takes the source's; `ignore` takes nothing.
    """
    taken, edited = _compared(record, carried, row, strategy)
    return _with(record, row, taken), edited


def _compared(
    record: ModelRecord | PendingModelRecord,
    carried: Carried,
    row: Version,
    strategy: ConflictStrategy,
) -> tuple[dict[str, str], Edited]:
    """The fields that follow the source, and what is to be said."""
    taken: dict[str, str] = {}
    notices: list[Notice] = []
    for name, of_row, of_record in FIELDS:
        was, now, stands = of_row(carried.row), of_row(row), of_record(record)
        if now in (was, stands):
            continue
        if _follows(strategy, stands, was):
            taken[name] = now
            notices.append(_followed(name))
        else:
            notices.append(_kept(name))
    path, told = _path(record.path, carried, row, strategy)
    linked = _tags(carried, row, strategy)
    edited = Edited(linked.link, linked.unlink, (*notices, *told, *linked.notices))
    return {**taken, "path": path}, edited


def _with(record: R, row: Version, taken: Mapping[str, str]) -> R:
    meta: Any = record.meta_json
    prompts = msgspec.structs.replace(
        meta.prompts,
        positive=taken.get("positive", meta.prompts.positive),
        negative=taken.get("negative", meta.prompts.negative),
    )
    return msgspec.structs.replace(
        record,
        path=taken["path"],
        name=taken.get("name", record.name),
        type=taken.get("type", record.type),
        size_bytes=record.size_bytes or row.size_bytes or 0,
        created_at=record.created_at or row.created_at,
        meta_json=msgspec.structs.replace(
            meta,
            description=taken.get("description", meta.description),
            community_links=taken.get("community_links", meta.community_links),
            prompts=prompts,
        ),
    )


def _follows(strategy: ConflictStrategy, stands: str, was: str) -> bool:
    if strategy is ConflictStrategy.IGNORE:
        return False
    return strategy is ConflictStrategy.OVERRIDE or not stands or stands == was


def _path(
    stands: str, carried: Carried, row: Version, strategy: ConflictStrategy
) -> tuple[str, list[Notice]]:
    """A file that moved is followed, but not to where none is while there is one."""
    was, now = carried.row.path, row.path
    if now in (was, stands):
        return stands, []
    dead_end = carried.old_there and not carried.new_there and stands == was
    if dead_end or not _follows(strategy, stands, was):
        return stands, [Notice(KEPT, f"path: the source has {now}")]
    return now, [Notice(FOLLOWED, f"path: it was {stands}")]


def _tags(carried: Carried, row: Version, strategy: ConflictStrategy) -> Edited:
    """Tags that came to the row are linked, and those that went from it are not any more, unless
    they may be another row's as well."""
    base = carried.row.tags
    link = tuple(name for name in row.tags if name not in base)
    unlink = tuple(name for name in base if name not in row.tags)
    if strategy is ConflictStrategy.IGNORE:
        return Edited((), (), tuple(_kept(f"tag {name}") for name in (*link, *unlink)))
    told = [Notice(FOLLOWED, f"tag {name}: linked") for name in link]
    if carried.shared:
        told += [
            Notice(KEPT, f"tag {name}: another row of its content may have it") for name in unlink
        ]
        return Edited(link, (), tuple(told))
    told += [Notice(FOLLOWED, f"tag {name}: not linked any more") for name in unlink]
    return Edited(link, unlink, tuple(told))


def _followed(name: str) -> Notice:
    return Notice(FOLLOWED, f"{CALLED.get(name, name)}: as in the source now")


def _kept(name: str) -> Notice:
    return Notice(KEPT, f"{CALLED.get(name, name)}: edited in both, and kept as it is here")
