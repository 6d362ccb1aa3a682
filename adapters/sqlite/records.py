"""How version 2's own tables are read and written: models, pending models, and their tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any, Generic, TypeVar

import msgspec

from adapters.sqlite.database import Row, Transaction, is_text, readable
from engine.errors import UnknownModel
from engine.facts.decisions import NO_LONGER_PENDING
from engine.facts.meta_text import meta_text, read_meta
from engine.facts.records import (
    MAX_SAFE_INTEGER,
    ActiveMeta,
    ModelRecord,
    PendingMeta,
    PendingModelRecord,
    Tag,
)
from engine.facts.source import Defect, ImageRef, SourceTag
from engine.facts.tag_numbers import number_tags
from engine.facts.work import Candidate

SELECT_MODELS = """
SELECT sha256, path, coalesce(name, '') AS name, coalesce(type, '') AS type,
       coalesce(size_bytes, 0) AS size_bytes, coalesce(created_at, 0) AS created_at,
       coalesce(meta_json, '') AS meta_json
FROM models WHERE sha256 IN (SELECT value FROM json_each(?))
"""
UPSERT_MODEL = """
INSERT INTO models (sha256, path, name, type, size_bytes, created_at, meta_json)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (sha256) DO UPDATE SET
    path = excluded.path, name = excluded.name, type = excluded.type,
    size_bytes = excluded.size_bytes, created_at = excluded.created_at,
    meta_json = excluded.meta_json
"""
SELECT_AT_PATHS = """
SELECT path, sha256 FROM models WHERE path IN (SELECT value FROM json_each(?)) ORDER BY rowid
"""
LINK_MODEL_TAG = "INSERT OR IGNORE INTO model_tags (model_hash, tag_id) VALUES (?, ?)"
PENDING_COLUMNS = """
id, path, coalesce(sha256, '') AS sha256, coalesce(name, '') AS name, coalesce(type, '') AS type,
coalesce(size_bytes, 0) AS size_bytes, coalesce(created_at, 0) AS created_at,
coalesce(meta_json, '') AS meta_json
"""
SELECT_PENDING_BY_PATH = f"""
SELECT {PENDING_COLUMNS} FROM pending_import WHERE path IN (SELECT value FROM json_each(?))
"""
UPSERT_PENDING = """
INSERT INTO pending_import (id, path, sha256, name, type, size_bytes, created_at, meta_json)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (path) DO UPDATE SET
    sha256 = excluded.sha256, name = excluded.name, type = excluded.type,
    size_bytes = excluded.size_bytes, created_at = excluded.created_at,
    meta_json = excluded.meta_json
"""
LINK_PENDING_TAG = "INSERT OR IGNORE INTO pending_model_tags (model_id, tag_id) VALUES (?, ?)"
SELECT_PENDING_BY_ID = f"SELECT {PENDING_COLUMNS} FROM pending_import WHERE id = ?"
LINK_AS_IT_WAITED = """
INSERT OR IGNORE INTO model_tags (model_hash, tag_id)
SELECT ?, tag_id FROM pending_model_tags WHERE model_id = ?
"""
UNLINK_MODEL_TAG = """
DELETE FROM model_tags WHERE model_hash = ?1
    AND tag_id = (SELECT id FROM tags WHERE name = ?2)
"""
UNLINK_PENDING_TAG = """
DELETE FROM pending_model_tags WHERE model_id = ?1
    AND tag_id = (SELECT id FROM tags WHERE name = ?2)
"""
MOVE_PENDING = "UPDATE pending_import SET path = ? WHERE id = ?"
MOVE_ITEMS = "UPDATE migration_items SET path = ? WHERE pending_id = ?"
SELECT_TAGS = "SELECT id, name FROM tags"
SELECT_TAGS_BY_NAME = "SELECT name, id FROM tags WHERE name IN (SELECT value FROM json_each(?))"
SELECT_LARGEST_TAG = """
SELECT max(coalesce((SELECT max(id) FROM tags WHERE id < ?1), 0),
           coalesce((SELECT CAST(value AS INTEGER) FROM db_meta
                     WHERE key = 'tags_id_max' AND CAST(value AS INTEGER) < ?1), 0))
"""
INSERT_TAG = "INSERT INTO tags (id, name) VALUES (?, ?)"
RAISE_LARGEST_TAG = """
INSERT INTO db_meta (key, value) VALUES ('tags_id_max', ?)
ON CONFLICT (key) DO UPDATE SET value = excluded.value
WHERE coalesce(CAST(value AS INTEGER), 0) < CAST(excluded.value AS INTEGER)
"""

PENDING_FIELDS = tuple[int, str, str, str, str, int, int]
PENDING_NAMES = ("id", "path", "sha256", "name", "type", "size_bytes", "created_at")
"""What `PENDING_COLUMNS` must hold, up to `meta_json`."""

K = TypeVar("K", str, int)
R = TypeVar("R", ModelRecord, PendingModelRecord)


class Stored(msgspec.Struct, Generic[R], frozen=True, gc=False):
    """A record as it lies in its table; `extra` is its `meta_json` with keys that
    are not ours to drop."""

    record: R
    extra: dict[str, Any]


def models_by_hash(tx: Transaction, hashes: Iterable[str]) -> dict[str, Stored[ModelRecord]]:
    """The active models among `hashes`, without tags."""
    rows = tx.fetch(SELECT_MODELS, _json(sorted(set(hashes))))
    return {row["sha256"]: _stored_model(row) for row in rows}


def existing_model(tx: Transaction, sha256: str) -> Stored[ModelRecord]:
    """An active model, without tags. Raises `UnknownModel`."""
    found = models_by_hash(tx, [sha256]).get(sha256)
    if found is None:
        raise UnknownModel(sha256)
    return found


def others_at(tx: Transaction, sha256: str, path: str) -> list[str]:
    """The hashes of the other models that are active at a path."""
    return [found for found in models_at(tx, [path]).get(path, []) if found != sha256]


def models_at(tx: Transaction, paths: Iterable[str]) -> dict[str, list[str]]:
    """The hashes of the active models at each of `paths`."""
    found: dict[str, list[str]] = {}
    for path, sha256 in tx.fetch(SELECT_AT_PATHS, _json(sorted(set(paths)))):
        found.setdefault(path, []).append(sha256)
    return found


def pending_by_path(tx: Transaction, paths: Iterable[str]) -> dict[str, Stored[PendingModelRecord]]:
    """The pending models among `paths`, without tags."""
    rows = tx.fetch(SELECT_PENDING_BY_PATH, _json(sorted(set(paths))))
    return {row["path"]: stored_pending(row) for row in rows}


def _stored_model(row: Row) -> Stored[ModelRecord]:
    meta, extra = read_meta(readable(row["meta_json"]), ActiveMeta)
    record = ModelRecord(
        sha256=row["sha256"],
        path=readable(row["path"]),
        name=readable(row["name"]),
        type=readable(row["type"]),
        size_bytes=row["size_bytes"],
        created_at=row["created_at"],
        meta_json=meta,
    )
    return Stored(record, extra)


def stored_pending(row: Row) -> Stored[PendingModelRecord]:
    """A pending model from its `PENDING_COLUMNS`."""
    meta, extra = read_meta(readable(row["meta_json"]), PendingMeta)
    record = PendingModelRecord(
        id=row["id"],
        path=readable(row["path"]),
        sha256=readable(row["sha256"]),
        name=readable(row["name"]),
        type=readable(row["type"]),
        size_bytes=row["size_bytes"],
        created_at=row["created_at"],
        meta_json=meta,
    )
    return Stored(record, extra)


def pending_candidate(row: Row, tags: tuple[Tag, ...]) -> Candidate:
    """A pending model as a worker takes it, strictly: a damaged record is a defect of its own.

    `row` has its `enlisted_path` in a promotion, and its `PENDING_COLUMNS`, where `id` is NULL if
    it is no longer there.
    """
    path = row["enlisted_path"]
    # Another program may have given the number to another model since.
    if row["id"] is None or readable(row["path"]) != readable(path):
        return Candidate(readable(path), defect=NO_LONGER_PENDING)
    try:
        spoiled = [text for text in row if isinstance(text, str) and not is_text(text)]
        if spoiled:
            raise msgspec.ValidationError(f"{readable(spoiled[0])!r} is not UTF-8")
        meta = msgspec.json.decode(row["meta_json"] or "{}", type=PendingMeta)
        fields = tuple(row[name] for name in PENDING_NAMES)
        record = PendingModelRecord(*msgspec.convert(fields, PENDING_FIELDS))
    except msgspec.MsgspecError as error:
        damaged = Defect(
            "record_invalid",
            f"Its record in pending_import (id {row['id']}) is damaged: {error}. Mend the field, "
            "or remove the record and scan again.",
        )
        return Candidate(readable(path), defect=damaged)
    return Candidate(
        path=record.path,
        name=record.name,
        type=record.type,
        size_bytes=record.size_bytes,
        created_at=record.created_at,
        description=meta.description,
        community_links=meta.community_links,
        prompts=meta.prompts,
        images=tuple(map(ImageRef, meta.images)),
        tags=tuple(tag.name for tag in tags),
    )


def write_models(tx: Transaction, records: Iterable[tuple[ModelRecord, Mapping[str, Any]]]) -> None:
    """Insert or replace active models; tags are linked apart."""
    tx.bulk(
        UPSERT_MODEL,
        (
            (
                record.sha256,
                record.path,
                record.name,
                record.type,
                record.size_bytes,
                record.created_at,
                meta_text(record.meta_json, extra),
            )
            for record, extra in records
        ),
    )


def write_pending(
    tx: Transaction, records: Iterable[tuple[PendingModelRecord, Mapping[str, Any]]]
) -> None:
    """Insert or replace pending models; tags are linked apart."""
    tx.bulk(
        UPSERT_PENDING,
        (
            (
                record.id,
                record.path,
                record.sha256,
                record.name,
                record.type,
                record.size_bytes,
                record.created_at,
                meta_text(record.meta_json, extra),
            )
            for record, extra in records
        ),
    )


def pending_by_id(tx: Transaction, number: int) -> Stored[PendingModelRecord] | None:
    """The pending model of a number, without tags."""
    row = tx.first(SELECT_PENDING_BY_ID, number)
    return None if row is None else stored_pending(row)


def move_pending(tx: Transaction, paths: Mapping[int, str]) -> None:
    """Give pending models other paths, and with them the items that they are followed by."""
    moved = [(path, number) for number, path in paths.items()]
    tx.many(MOVE_PENDING, moved)
    tx.many(MOVE_ITEMS, moved)


def unlink_tags(tx: Transaction, sql: str, model: str | int, names: Iterable[str]) -> None:
    """Undo links of a model to tags by name, with `UNLINK_MODEL_TAG` or `UNLINK_PENDING_TAG`."""
    tx.many(sql, [(model, name) for name in names])


def link_tags(tx: Transaction, sql: str, links: Iterable[tuple[K, tuple[str, ...]]]) -> None:
    """Link models to tags by name, with `LINK_MODEL_TAG` or `LINK_PENDING_TAG`; removes none."""
    links = [(model, names) for model, names in links if names]
    ids = tag_ids(tx, sorted(set().union(*(names for _, names in links))))
    # In the order of the index: neighbours fall on the same page.
    links.sort(key=itemgetter(0))
    tx.bulk(sql, ((model, ids[name]) for model, names in links for name in names))


def map_tags(tx: Transaction, tags: Iterable[SourceTag]) -> None:
    """Bring tags in by name, linked or not; a tag keeps its id where no other tag has it."""
    known: dict[int, str] = {row["id"]: row["name"] for row in tx.fetch(SELECT_TAGS)}
    new = number_tags(known, tags)
    tx.many(INSERT_TAG, [(tag.id, tag.name) for tag in new.kept])
    _raise_largest(tx, max((*known, *(tag.id for tag in new.kept)), default=0))
    _insert_tags(tx, new.moved)


def tag_ids(tx: Transaction, names: Iterable[str]) -> dict[str, int]:
    """The ids of tags by name; those that are not there are made, in the order given."""
    names = list(dict.fromkeys(names))
    if not names:
        return {}
    ids = _known_tags(tx, names)
    missing = [name for name in names if name not in ids]
    if missing:
        _insert_tags(tx, missing)
        ids |= _known_tags(tx, missing)
    return ids


def _known_tags(tx: Transaction, names: list[str]) -> dict[str, int]:
    return {row["name"]: row["id"] for row in tx.fetch(SELECT_TAGS_BY_NAME, _json(names))}


def _insert_tags(tx: Transaction, names: list[str]) -> None:
    """Number new tags after the largest id ever given, and keep `tags_id_max` true."""
    row = tx.first(SELECT_LARGEST_TAG, MAX_SAFE_INTEGER)
    largest = int(row[0]) if row else 0
    numbered = [(largest + place, name) for place, name in enumerate(names, start=1)]
    tx.many(INSERT_TAG, numbered)
    _raise_largest(tx, largest + len(numbered))


def _raise_largest(tx: Transaction, largest: int) -> None:
    tx.execute(RAISE_LARGEST_TAG, str(largest))


def record_tags(rows: Iterable[Row]) -> dict[Any, tuple[Tag, ...]]:
    """Rows of a model, a tag's id and its name, in order, gathered by model."""
    tags: dict[Any, list[Tag]] = {}
    for row in rows:
        tags.setdefault(row["model"], []).append(Tag(row["id"], row["name"]))
    return {model: tuple(found) for model, found in tags.items()}


def _json(values: list[str]) -> str:
    return msgspec.json.encode(values).decode()
