"""How models, tags and images are read and edited, one at a time."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from adapters.sqlite.database import Transaction
from adapters.sqlite.records import (
    existing_model,
    models_by_hash,
    record_tags,
    tag_ids,
    write_models,
)
from engine.errors import InvalidEdit
from engine.facts.catalogue import ModelSummary, TagRef, patched
from engine.facts.records import ModelRecord, Tag
from engine.ports.changes import AddTags, EditModel

OTHERS = "Others"

SELECT_HASHES_OF_TYPE = "SELECT sha256 FROM models WHERE type = ? ORDER BY name, sha256"
SELECT_HASHES_OF_OTHERS = """
SELECT sha256 FROM models
WHERE coalesce(type, '') = '' OR type NOT IN (SELECT value FROM json_each(?))
ORDER BY name, sha256
"""
SELECT_TYPES = "SELECT DISTINCT type FROM models WHERE coalesce(type, '') <> '' ORDER BY type"
SELECT_MODEL_TAGS = """
SELECT l.model_hash AS model, t.id, t.name FROM model_tags l JOIN tags t ON t.id = l.tag_id
WHERE l.model_hash IN (SELECT value FROM json_each(?)) ORDER BY l.model_hash, t.id
"""
SELECT_TAGS = "SELECT id, name FROM tags ORDER BY name, id"
SELECT_KNOWN_TAGS = "SELECT id FROM tags WHERE id IN (SELECT value FROM json_each(?))"
UNLINK_TAGS = "DELETE FROM model_tags WHERE model_hash = ?"
LINK_TAG = "INSERT OR IGNORE INTO model_tags (model_hash, tag_id) VALUES (?, ?)"


def summaries(tx: Transaction, type_name: str, known_types: Sequence[str]) -> list[ModelSummary]:
    """Active models of a type; `Others` for those of no known type."""
    if type_name == OTHERS:
        rows = tx.fetch(SELECT_HASHES_OF_OTHERS, _json([*known_types]))
    else:
        rows = tx.fetch(SELECT_HASHES_OF_TYPE, type_name)
    return summaries_of(tx, [row["sha256"] for row in rows])


def summaries_of(tx: Transaction, hashes: Sequence[str]) -> list[ModelSummary]:
    """The active models of these hashes, in their order; those that are gone are left out."""
    models = models_by_hash(tx, hashes)
    tags = record_tags(tx.fetch(SELECT_MODEL_TAGS, _json([*hashes])))
    return [
        _summary(models[sha256].record, tags.get(sha256, ()))
        for sha256 in hashes
        if sha256 in models
    ]


def _summary(record: ModelRecord, tags: tuple[Tag, ...]) -> ModelSummary:
    return ModelSummary(
        sha256=record.sha256,
        name=record.name,
        images_count=record.meta_json.images_count,
        type=record.type,
        path=record.path,
        size_bytes=record.size_bytes,
        created_at=record.created_at,
        tags=tags,
    )


def types(tx: Transaction) -> list[str]:
    """The types that active models have."""
    return [row["type"] for row in tx.fetch(SELECT_TYPES)]


def model(tx: Transaction, sha256: str) -> ModelRecord | None:
    """An active model with its tags."""
    found = models_by_hash(tx, [sha256]).get(sha256)
    if found is None:
        return None
    tags = record_tags(tx.fetch(SELECT_MODEL_TAGS, _json([sha256])))
    return msgspec.structs.replace(found.record, tags=tags.get(sha256, ()))


def tags(tx: Transaction) -> list[Tag]:
    """All tags by name."""
    return [Tag(row["id"], row["name"]) for row in tx.fetch(SELECT_TAGS)]


def edit_model(tx: Transaction, change: EditModel) -> ModelRecord:
    """Change fields of an active model. Raises `UnknownModel`, `InvalidEdit`."""
    found = existing_model(tx, change.sha256)
    write_models(tx, [(patched(found.record, change.patch), found.extra)])
    if change.patch.tags is not UNSET:
        _replace_tags(tx, change.sha256, change.patch.tags)
    edited = model(tx, change.sha256)
    assert edited is not None
    return edited


def _replace_tags(tx: Transaction, sha256: str, wanted: tuple[int | TagRef, ...]) -> None:
    ids = known_tags(tx, wanted)
    tx.execute(UNLINK_TAGS, sha256)
    tx.many(LINK_TAG, [(sha256, tag_id) for tag_id in ids])


def known_tags(tx: Transaction, wanted: tuple[int | TagRef, ...]) -> list[int]:
    """The ids of tags that are there, each once. Raises `InvalidEdit`."""
    ids = list(dict.fromkeys(tag.id if isinstance(tag, TagRef) else tag for tag in wanted))
    known = {row["id"] for row in tx.fetch(SELECT_KNOWN_TAGS, _json(ids))}
    missing = [str(tag_id) for tag_id in ids if tag_id not in known]
    if missing:
        raise InvalidEdit(f"There is no tag with id {', '.join(missing)}.")
    return ids


def add_tags(tx: Transaction, change: AddTags) -> list[Tag]:
    """Tags of these names, in their order."""
    ids = tag_ids(tx, change.names)
    return [Tag(ids[name], name) for name in change.names]


def _json(values: list[str] | list[int]) -> str:
    return msgspec.json.encode(values).decode()
