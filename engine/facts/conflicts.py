"""What becomes of two records of one content: the conflict strategies, pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from engine.facts.records import ActiveMeta, ModelRecord, PendingMeta, PendingModelRecord, Prompts
from engine.facts.source import Notice


class ConflictStrategy(StrEnum):
    """How to act when a model with the same SHA-256 is already active."""

    OVERRIDE = "override"
    MERGE = "merge"
    IGNORE = "ignore"
    DELETE = "delete"


def resolve(
    strategy: ConflictStrategy, existing: ModelRecord, incoming: ModelRecord
) -> ModelRecord:
    """The record that both become, without tags, which the store joins link by link.

    `override` takes every field of `incoming`; `merge` keeps the values of `existing` and fills
    its empty ones. `images_count` is the caller's: it knows what is on disk.
    """
    if strategy is ConflictStrategy.OVERRIDE:
        return incoming
    old, new = existing.meta_json, incoming.meta_json
    return ModelRecord(
        sha256=existing.sha256,
        path=existing.path or incoming.path,
        name=existing.name or incoming.name,
        type=existing.type or incoming.type,
        size_bytes=existing.size_bytes or incoming.size_bytes,
        created_at=existing.created_at or incoming.created_at,
        meta_json=ActiveMeta(
            description=old.description or new.description,
            community_links=old.community_links or new.community_links,
            images_count=old.images_count,
            prompts=_fill(old.prompts, new.prompts),
        ),
    )


def resolve_pending(
    strategy: ConflictStrategy, existing: PendingModelRecord, incoming: PendingModelRecord
) -> PendingModelRecord:
    """The record that two pending ones of one path become; image lists are joined, in order."""
    old, new = existing.meta_json, incoming.meta_json
    images = (*old.images, *(name for name in new.images if name not in old.images))
    if strategy is ConflictStrategy.OVERRIDE:
        return msgspec.structs.replace(
            incoming, id=existing.id, meta_json=msgspec.structs.replace(new, images=images)
        )
    return PendingModelRecord(
        id=existing.id,
        path=existing.path,
        sha256=existing.sha256 or incoming.sha256,
        name=existing.name or incoming.name,
        type=existing.type or incoming.type,
        size_bytes=existing.size_bytes or incoming.size_bytes,
        created_at=existing.created_at or incoming.created_at,
        meta_json=PendingMeta(
            description=old.description or new.description,
            community_links=old.community_links or new.community_links,
            images=images,
            prompts=_fill(old.prompts, new.prompts),
        ),
    )


def with_images(record: ModelRecord, count: int) -> ModelRecord:
    """The record with another number of complete preview sets."""
    meta = msgspec.structs.replace(record.meta_json, images_count=count)
    return msgspec.structs.replace(record, meta_json=meta)


def previews_of(record: ModelRecord | None) -> int:
    """How many complete preview sets an active model has; none where there is no model."""
    return 0 if record is None else record.meta_json.images_count


def duplicate_warning(existing_path: str, incoming_path: str) -> tuple[Notice, ...]:
    """Tells where the other file of one content lies, when it is another file."""
    if existing_path == incoming_path:
        return ()
    return (Notice("duplicate_hash", f"same content as {existing_path}"),)


def replaced_warning(others: Iterable[str]) -> tuple[Notice, ...]:
    """Tells which other models are active at the path of one that becomes active, by their
    hashes."""
    return tuple(
        Notice("path_replaced", f"the active model {sha256} has it too") for sha256 in others
    )


def _fill(old: Prompts, new: Prompts) -> Prompts:
    return Prompts(positive=old.positive or new.positive, negative=old.negative or new.negative)
