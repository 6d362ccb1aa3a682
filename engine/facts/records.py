"""What a model is: the typed records of a version 2 library, strict and without nulls.

Field names and JSON shapes are those of Hikaze Model Manager 2, so that a library written here
opens there unchanged.
"""

from __future__ import annotations

import re

import msgspec

SHA256_HEX = re.compile(r"[0-9a-f]{64}")
"""A model's identity: the SHA-256 of its file as 64 lower-case hexadecimal digits."""


MAX_SAFE_INTEGER = 2**53
"""Ids below this are exact in a web client's JSON; larger ones of a source are numbered anew."""


class Tag(msgspec.Struct, frozen=True, gc=False):
    """A tag of the library: `id` is never given twice, `name` is unique."""

    id: int
    name: str


class Prompts(msgspec.Struct, frozen=True, gc=False):
    """The prompts a user keeps with a model; empty text where there is none."""

    positive: str = ""
    negative: str = ""


class ActiveMeta(msgspec.Struct, frozen=True, gc=False):
    """`meta_json` of an active model; `images_count` is the number of complete preview sets."""

    description: str = ""
    community_links: str = ""
    images_count: int = 0
    prompts: Prompts = Prompts()


class PendingMeta(msgspec.Struct, frozen=True, gc=False):
    """`meta_json` of a pending model; `images` are file names under `images/pending/`."""

    description: str = ""
    community_links: str = ""
    images: tuple[str, ...] = ()
    prompts: Prompts = Prompts()


class ModelRecord(msgspec.Struct, frozen=True, gc=False):
    """An active model, known by the SHA-256 of its file; sizes in bytes, times in ms since 1970."""

    sha256: str
    path: str
    name: str = ""
    type: str = ""
    size_bytes: int = 0
    created_at: int = 0
    meta_json: ActiveMeta = ActiveMeta()
    tags: tuple[Tag, ...] = ()


class PendingModelRecord(msgspec.Struct, frozen=True, gc=False):
    """A model that waits for promotion; `sha256` is empty until it is known."""

    id: int
    path: str
    sha256: str = ""
    name: str = ""
    type: str = ""
    size_bytes: int = 0
    created_at: int = 0
    meta_json: PendingMeta = PendingMeta()
    tags: tuple[Tag, ...] = ()
