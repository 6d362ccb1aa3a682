"""How version 2's own tables are read and written: models, pending models, and their tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any, Generic, TypeVar

import msgspec

from adapters.sqlite.database import Transaction, is_text, readable
from engine.facts.records import (
    MAX_SAFE_INTEGER,
    ActiveMeta,
    ModelRecord,
    PendingMeta,
    PendingModelRecord,
    Prompts,
    Tag,
)
from engine.facts.source import Defect, SourceModel, SourceTag

SELECT_MODELS = """
SELECT sha256, path, coalesce(name, ''), coalesce(type, ''), coalesce(size_bytes, 0),
       coalesce(created_at, 0), coalesce(meta_json, '')
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
LINK_MODEL_TAG = "INSERT OR IGNORE INTO model_tags (model_hash, tag_id) VALUES (?, ?)"
PENDING_COLUMNS = """
id, path, coalesce(sha256, ''), coalesce(name, ''), coalesce(type, ''),
coalesce(size_bytes, 0), coalesce(created_at, 0), coalesce(meta_json, '')
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

WAITING_FIELDS = tuple[int, str, str, str, str, int, int]
"""What `PENDING_COLUMNS` must hold, up to `meta_json`."""

Meta = ActiveMeta | PendingMeta
M = TypeVar("M", ActiveMeta, PendingMeta)
S = TypeVar("S", bound=msgspec.Struct)

_text = msgspec.json.Encoder()


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
    return {row[0]: _stored_model(row) for row in rows}


def pending_by_path(tx: Transaction, paths: Iterable[str]) -> dict[str, Stored[PendingModelRecord]]:
    """The pending models among `paths`, without tags."""
    rows = tx.fetch(SELECT_PENDING_BY_PATH, _json(sorted(set(paths))))
    return {row[1]: stored_pending(row) for row in rows}


def _stored_model(row: tuple[Any, ...]) -> Stored[ModelRecord]:
    meta, extra = _meta(readable(row[6]), ActiveMeta)
    record = ModelRecord(
        row[0], readable(row[1]), readable(row[2]), readable(row[3]), row[4], row[5], meta
    )
    return Stored(record, extra)


def stored_pending(row: tuple[Any, ...]) -> Stored[PendingModelRecord]:
    """A pending model from its `PENDING_COLUMNS`."""
    meta, extra = _meta(readable(row[7]), PendingMeta)
    path, sha256, name, type_name = (readable(text) for text in row[1:5])
    record = PendingModelRecord(row[0], path, sha256, name, type_name, row[5], row[6], meta)
    return Stored(record, extra)


def waiting_candidate(
    place: int, path: str, row: tuple[Any, ...], tags: tuple[Tag, ...]
) -> SourceModel:
    """A pending model as a worker takes it, strictly: a damaged record is a defect of its own.

    `row` are its `PENDING_COLUMNS`, all NULL where it is no longer there.
    """
    if row[0] is None:
        gone = Defect("record_missing", "Its record has left the queue meanwhile.")
        return SourceModel(place, b"", readable(path), defect=gone)
    try:
        spoiled = [text for text in row if isinstance(text, str) and not is_text(text)]
        if spoiled:
            raise msgspec.ValidationError(f"{readable(spoiled[0])!r} is not UTF-8")
        meta = msgspec.json.decode(row[7] or "{}", type=PendingMeta)
        record = PendingModelRecord(*msgspec.convert(row[:7], WAITING_FIELDS))
    except msgspec.MsgspecError as error:
        damaged = Defect(
            "record_invalid",
            f"Its record in pending_import (id {row[0]}) is damaged: {error}. Mend the field, "
            "or remove the record and scan again.",
        )
        return SourceModel(place, b"", readable(path), defect=damaged)
    return SourceModel(
        key=place,
        verbatim=b"",
        path=record.path,
        name=record.name,
        type=record.type,
        size_bytes=record.size_bytes,
        created_at=record.created_at,
        description=meta.description,
        community_links=meta.community_links,
        prompts=meta.prompts,
        images=meta.images,
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
                _meta_text(record.meta_json, extra),
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
                _meta_text(record.meta_json, extra),
            )
            for record, extra in records
        ),
    )


def link_tags(tx: Transaction, sql: str, links: Iterable[tuple[K, tuple[str, ...]]]) -> None:
    """Link models to tags by name, with `LINK_MODEL_TAG` or `LINK_PENDING_TAG`; removes none."""
    links = [(model, names) for model, names in links if names]
    ids = tag_ids(tx, sorted(set().union(*(names for _, names in links))))
    # In the order of the index: neighbours fall on the same page.
    links.sort(key=itemgetter(0))
    tx.bulk(sql, ((model, ids[name]) for model, names in links for name in names))


def map_tags(tx: Transaction, tags: Iterable[SourceTag]) -> None:
    """Bring tags in by name, linked or not; a tag keeps its id where no other tag has it."""
    known: dict[int, str] = dict(tx.fetch(SELECT_TAGS))
    names = set(known.values())
    new = [tag for tag in tags if tag.name not in names]
    kept = [tag for tag in new if 0 < tag.id < MAX_SAFE_INTEGER and tag.id not in known]
    tx.many(INSERT_TAG, [(tag.id, tag.name) for tag in kept])
    _raise_largest(tx, max((*known, *(tag.id for tag in kept)), default=0))
    names_kept = {tag.name for tag in kept}
    moved = [tag for tag in new if tag.name not in names_kept]
    _insert_tags(tx, [tag.name for tag in moved])


def tag_ids(tx: Transaction, names: Iterable[str]) -> dict[str, int]:
    """The ids of tags by name; those that are not there are made, in the order given."""
    names = list(dict.fromkeys(names))
    if not names:
        return {}
    ids: dict[str, int] = dict(tx.fetch(SELECT_TAGS_BY_NAME, _json(names)))
    missing = [name for name in names if name not in ids]
    if missing:
        _insert_tags(tx, missing)
        ids.update(tx.fetch(SELECT_TAGS_BY_NAME, _json(missing)))
    return ids


def _insert_tags(tx: Transaction, names: list[str]) -> None:
    """Number new tags after the largest id ever given, and keep `tags_id_max` true."""
    row = tx.first(SELECT_LARGEST_TAG, MAX_SAFE_INTEGER)
    largest = int(row[0]) if row else 0
    numbered = [(largest + place, name) for place, name in enumerate(names, start=1)]
    tx.many(INSERT_TAG, numbered)
    _raise_largest(tx, largest + len(numbered))


def _raise_largest(tx: Transaction, largest: int) -> None:
    tx.execute(RAISE_LARGEST_TAG, str(largest))


def record_tags(rows: Iterable[tuple[Any, ...]]) -> dict[Any, tuple[Tag, ...]]:
    """(model, tag id, tag name) rows, in order, gathered by model."""
    tags: dict[Any, list[Tag]] = {}
    for model, tag_id, name in rows:
        tags.setdefault(model, []).append(Tag(tag_id, name))
    return {model: tuple(found) for model, found in tags.items()}


def _meta(text: str, kind: type[M]) -> tuple[M, dict[str, Any]]:
    """The known fields of `meta_json`, and the whole of it. Damaged JSON counts as empty."""
    try:
        found = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError:
        return kind(), {}
    try:
        return msgspec.convert(found, kind), found
    except msgspec.ValidationError:
        return _salvaged(found, kind), found


def _salvaged(found: dict[str, Any], kind: type[S]) -> S:
    """Field by field: one field of a wrong type does not lose the others."""
    fields: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        value = found.get(field.name)
        try:
            fields[field.name] = msgspec.convert(value, field.type)
        except msgspec.ValidationError:
            if isinstance(value, dict) and field.type is Prompts:
                fields[field.name] = _salvaged(value, Prompts)
    return kind(**fields)


def _meta_text(meta: Meta, extra: Mapping[str, Any]) -> str:
    if not extra:
        return _text.encode(meta).decode()
    return _text.encode(_overlaid(extra, msgspec.to_builtins(meta))).decode()


def _overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """What is in `above`, and what only `below` has, at any depth."""
    joined = {**below, **above}
    for key, value in above.items():
        beneath = below.get(key)
        if isinstance(value, dict) and isinstance(beneath, dict):
            joined[key] = _overlaid(beneath, value)
    return joined


def _json(values: list[str]) -> str:
    return _text.encode(values).decode()
