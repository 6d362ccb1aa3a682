"""What is shown of models, and what an edit changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from engine.facts.records import ModelRecord, PendingModelRecord, Tag
from engine.facts.source import Defect


class PromptsPatch(msgspec.Struct, frozen=True):
    """Prompts to be changed; those absent stay."""

    positive: str | UnsetType = UNSET
    negative: str | UnsetType = UNSET


class MetaPatch(msgspec.Struct, frozen=True):
    """Notes to be changed; those absent stay, and `images_count` is never the client's."""

    description: str | UnsetType = UNSET
    community_links: str | UnsetType = UNSET
    prompts: PromptsPatch | UnsetType = UNSET


class TagRef(msgspec.Struct, frozen=True):
    """A tag by its id, as clients that hold whole tags send it."""

    id: int
    name: str = ""


class ModelPatch(msgspec.Struct, frozen=True):
    """Fields of a record to be changed; those absent stay. `tags` replaces all links."""

    name: str | UnsetType = UNSET
    path: str | UnsetType = UNSET
    type: str | UnsetType = UNSET
    meta_json: MetaPatch | UnsetType = UNSET
    tags: tuple[int | TagRef, ...] | UnsetType = UNSET


R = TypeVar("R", ModelRecord, PendingModelRecord)


def patched(record: R, patch: ModelPatch) -> R:
    """The record with the fields of a patch that are set; tags are linked apart."""
    fields = {
        name: value
        for name in ("name", "path", "type")
        if (value := getattr(patch, name)) is not UNSET
    }
    meta: Any = record.meta_json
    if patch.meta_json is not UNSET:
        meta = _patched(meta, patch.meta_json)
    return msgspec.structs.replace(record, meta_json=meta, **fields)


def _patched(old: Any, patch: Any) -> Any:
    changed = {}
    for name in patch.__struct_fields__:
        value = getattr(patch, name)
        if value is not UNSET:
            nested = isinstance(value, msgspec.Struct)
            changed[name] = _patched(getattr(old, name), value) if nested else value
    return msgspec.structs.replace(old, **changed)


class ModelSummary(msgspec.Struct, frozen=True):
    """An active model as the list of a type shows it."""

    sha256: str
    name: str
    images_count: int
    type: str
    path: str
    size_bytes: int
    created_at: int
    tags: tuple[Tag, ...]


class TagCount(msgspec.Struct, frozen=True):
    """A tag, and how many active and how many pending models have it."""

    id: int
    name: str
    models: int
    pending: int


class TagReport(msgspec.Struct, frozen=True):
    """How many models were tagged or untagged; `unknown` are those that are not there, `busy`
    those that wait and that a run has in hand."""

    models: int
    pending: int
    unknown: list[str | int]
    busy: list[int]


class PendingView(msgspec.Struct, frozen=True):
    """A model that waits, and what is known of its promotion: why the last one failed, and
    whether an active model has its content."""

    record: PendingModelRecord
    error: Defect | None = None
    conflict: bool = False


class ImageFile(msgspec.Struct, frozen=True):
    """An image to be served; `version` changes whenever the content does.

    `data` is all of its `size` bytes, or what they begin with: then `rest` reads the others, a part
    at a time. It blocks, and raises OSError where the file is another one by then.
    """

    data: bytes
    media_type: str
    version: str
    size: int
    rest: Callable[[], Iterator[bytes]] = tuple[bytes, ...]().__iter__
