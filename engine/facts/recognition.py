"""What lies at a location that a person names, as it is told."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from engine.facts.files import Root


class Likeness(StrEnum):
    """How much a location looks like a source of some kind."""

    NONE = "none"
    POSSIBLE = "possible"
    """It can be read as one, as any folder can hold models; it has no marks of that kind."""
    SURE = "sure"


class Contents(msgspec.Struct, frozen=True):
    """What lies in a source beside its rows: sidecars by suffix, and videos for pictures."""

    sidecars: dict[str, int] = {}
    videos: int = 0


class Found(msgspec.Struct, frozen=True):
    """A source at a location, and how much there is of what.

    `claimed_hashes` counts models with a hash that may be their file's; `damaged` models of which
    something cannot be read. Where `complete` is not set, time did not suffice for all of them.
    """

    kind: str
    layout: str
    location: str
    models: int
    sidecars: dict[str, int]
    claimed_hashes: int
    images: int
    videos: int
    damaged: int
    roots: list[Root]
    complete: bool = True


class Look(msgspec.Struct, frozen=True):
    """All that was found at a location."""

    location: str
    found: list[Found]


DAMAGED = frozenset(
    {"sidecar_damaged", "header_unusable", "metadata_unreadable", "field_invalid", "invalid_text"}
    | {"cell_unreadable"}
)
"""Codes of warnings that tell of something damaged at a model."""
