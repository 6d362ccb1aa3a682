"""What a run is and what workers still have to do in it, as the journal keeps it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from engine.facts.conflicts import ConflictStrategy
from engine.facts.preview_sets import PlannedSet
from engine.facts.records import Prompts
from engine.facts.source import Defect, ImageRef, SourceModel, SourceOptions, SourceRef
from engine.facts.states import ModelState
from engine.facts.status import RunKind, RunState

BEFORE_FIRST = -(2**63)
"""Where a list begins: below every number that an item, a place or a model in the queue has."""


class Work(StrEnum):
    """What a worker still has to do for an item; an item without work waits or has ended."""

    PREVIEWS = "previews"
    ORIGINALS = "originals"
    HASH = "hash"
    PROMOTION = "promotion"


class Run(msgspec.Struct, frozen=True):
    """A run as the journal keeps it.

    `source` is None for a promotion. `cursor` is that of the last chunk that was recorded, empty
    before the first. `repeats` tells whether rows of the source may have been recorded before.
    """

    id: int
    kind: RunKind
    status: RunState
    source: SourceRef | None
    strategy: ConflictStrategy | None
    fingerprint: str
    cursor: str
    intake_done: bool
    repeats: bool

    @property
    def joining(self) -> ConflictStrategy:
        """How two records become one where that is not asked about: merged, if none was chosen."""
        return self.strategy or ConflictStrategy.MERGE


class Candidate(
    msgspec.Struct, frozen=True, omit_defaults=True, gc=False, tag_field="version", tag=4
):
    """What a worker needs of a row; the rest of it is kept once, as it was.

    The journal keeps it until its work is done, perhaps for a later version of this code: it
    changes by a step of the journal's tables, and its `version` is that step's. Fields as in
    `SourceModel`.
    """

    path: str
    name: str = ""
    type: str = ""
    size_bytes: int | None = None
    created_at: int = 0
    description: str = ""
    community_links: str = ""
    prompts: Prompts = Prompts()
    images: tuple[ImageRef, ...] = ()
    tags: tuple[str, ...] = ()
    defect: Defect | None = None
    carried: Carried | None = None


class Carried(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The version of a row that was recorded before this one, and what is known of it.

    `sha256` is that of its model, empty while it waits under `number`; `claimed` tells whether the
    source told it. `removed` tells that its
    model was taken away, from the queue or from among the active ones, `shared` that other rows
    became that model too. `old_there` and `new_there` tell whether there is a file at the path of
    that version and at that of this one.
    """

    row: Candidate
    sha256: str = ""
    claimed: bool = False
    number: int | None = None
    removed: bool = False
    shared: bool = False
    old_there: bool = False
    new_there: bool = False


def candidate(model: SourceModel, carried: Carried | None = None) -> Candidate:
    """What a worker needs of this row."""
    return Candidate(
        path=model.path,
        name=model.name,
        type=model.type,
        size_bytes=model.size_bytes,
        created_at=model.created_at,
        description=model.description,
        community_links=model.community_links,
        prompts=model.prompts,
        images=model.images,
        tags=model.tags,
        defect=model.defect,
        carried=carried,
    )


class EarlierRow(msgspec.Struct, frozen=True):
    """A version of a row as the journal has it, read with these options if that is known; what
    else is known of it as in `Carried`."""

    verbatim: bytes
    options: SourceOptions | None
    sha256: str
    number: int | None
    removed: bool
    shared: bool


class WorkItem(msgspec.Struct, frozen=True):
    """An item with work for a worker.

    `place` is where it stands in the order of its run; `attempts` is how often it was taken in
    hand; `suspect` tells that it was so when a process died, of whatever cause.
    """

    id: int
    place: int
    state: ModelState
    work: Work
    sha256: str
    candidate: Candidate
    attempts: int
    suspect: bool = False


class CarriedImage(msgspec.Struct, frozen=True):
    """An image of a source that has become a preview set: the same one, by name and digest, is
    never carried twice.

    `place` tells where its source found it, as in `ImageRef`.
    """

    name: str
    digest: bytes
    place: str = ""


class ExistingPreviews(msgspec.Struct, frozen=True):
    """What a worker builds on: what the active model's record counts, what its sets were made of,
    and `unfinished`, sets that an interrupted attempt may have left.

    `originals` are the names of those that a model left in the queue while it waited. `gone` tells
    that sets were made for a model that is active no more: somebody removed it.
    """

    images_count: int
    carried: frozenset[CarriedImage]
    unfinished: tuple[PlannedSet, ...] = ()
    originals: tuple[str, ...] = ()
    gone: bool = False
