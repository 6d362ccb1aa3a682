"""What a run is and what workers still have to do in it, as the journal keeps it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from engine.facts.conflicts import ConflictStrategy
from engine.facts.preview_sets import PlannedSet
from engine.facts.source import SourceModel
from engine.facts.states import ModelState
from engine.facts.status import RunKind, RunState

BEFORE_FIRST_KEY = -(2**63)
"""Where a run begins to read: below every key a source can have."""


class Work(StrEnum):
    """What a worker still has to do for an item; an item without work waits or has ended."""

    PREVIEWS = "previews"
    ORIGINALS = "originals"
    HASH = "hash"
    PROMOTION = "promotion"


class Run(msgspec.Struct, frozen=True):
    """A run as the journal keeps it. `cursor` is the last source key that was recorded."""

    id: int
    kind: RunKind
    status: RunState
    location: str
    images_folder: str
    strategy: ConflictStrategy | None
    fingerprint: str
    cursor: int
    intake_done: bool

    @property
    def joining(self) -> ConflictStrategy:
        """How two records become one where that is not asked about: merged, if none was chosen."""
        return self.strategy or ConflictStrategy.MERGE


class WorkItem(msgspec.Struct, frozen=True):
    """An item with work for a worker.

    `key` is its place in the order of its run; `attempts` is how often it was taken in hand.
    `suspect` tells that it was in hand when a process died, of whatever cause.
    """

    id: int
    key: int
    state: ModelState
    work: Work
    sha256: str
    candidate: SourceModel
    attempts: int
    suspect: bool = False


class CarriedImage(msgspec.Struct, frozen=True):
    """An image of a source that has become a preview set: the same one is never carried twice."""

    name: str
    digest: bytes


class ExistingPreviews(msgspec.Struct, frozen=True):
    """What a worker builds on: what the active model's record counts, what its sets were made of,
    and `unfinished`, sets that an interrupted attempt may have left."""

    images_count: int
    carried: frozenset[CarriedImage]
    unfinished: tuple[PlannedSet, ...] = ()
