"""What is committed: every change of the library's database, as data.

The store applies a batch of changes in one transaction and returns one outcome each, after the
commit is durable. Every transition inside is a compare-and-set on the state that the change was
decided on.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from engine.facts.assessment import AssessedRow
from engine.facts.catalogue import ModelPatch, TagReport
from engine.facts.conflicts import ConflictStrategy
from engine.facts.files import FileFacts, FoundFile
from engine.facts.preview_sets import PlannedSet
from engine.facts.records import ModelRecord, PendingModelRecord, Tag
from engine.facts.refusals import KeptRefusal, RefusedImage
from engine.facts.removal import Removal
from engine.facts.repairs import Remedy
from engine.facts.source import Defect, Notice, SourceRef, SourceTag
from engine.facts.status import RunKind, RunState
from engine.facts.work import CarriedImage, ExistingPreviews, Run, WorkItem

T = TypeVar("T")


class Change(msgspec.Struct, Generic[T], frozen=True):
    """Something to commit; `T` is the outcome it returns."""


class OpenRun(Change[Run], frozen=True):
    """Open a run, or return the unfinished one of the same source. Raises `RunActive`."""

    kind: RunKind
    source: SourceRef
    strategy: ConflictStrategy
    fingerprint: str
    at: int


class OpenPromotion(Change[Run], frozen=True):
    """Open a run of stage 2 over pending models, in the order given.

    Failed ones are taken back to the state they failed in; those that an unfinished promotion
    had are taken over from it. Ids that do not wait get an outcome at once.
    """

    ids: list[int]
    strategy: ConflictStrategy | None
    bytes_expected: dict[int, int]
    at: int


class NoteHash(Change[None], frozen=True):
    """The file of a pending model has this hash; `read` tells whether it had to be read."""

    item: WorkItem
    sha256: str
    facts: FileFacts
    read: bool
    at: int


class RememberHash(Change[None], frozen=True):
    """A file was hashed that is no model of ours yet."""

    path: str
    sha256: str
    facts: FileFacts


class Decide(Change["ExistingPreviews | None"], frozen=True):
    """Take a hashed item in hand and settle its conflict; None when nothing is left to do.

    One that needs no previews becomes active at once.
    """

    item: WorkItem
    at: int


class ForgetUnusedOriginals(Change[None], frozen=True):
    """These originals are removed from the disk."""

    names: list[str]


class AddFound(Change[list[int]], frozen=True):
    """New files that a scan found become pending models; returns their ids.

    A file whose path a model has by now, as another scan or a migration may have recorded it since
    it was looked for, is left to that one.
    """

    files: list[FoundFile]


class SetRunState(Change[None], frozen=True):
    """Put a run in a state; `error` says why it failed."""

    run_id: int
    status: RunState
    at: int
    error: Defect | None = None


class ExpectRows(Change[None], frozen=True):
    """Note how many rows the source has, and map its tags onto the library's."""

    run_id: int
    rows: int
    tags: list[SourceTag]
    warnings: list[Notice]


class RecordRows(Change[int], frozen=True):
    """Record source rows in their order, settle each, and move the run's cursor to `cursor`.

    The cursor must stand at `after`: where the chunk before was refused, this one is as well.
    Returns how many of the rows have work for a worker. Raises `StaleCursor`.
    """

    run_id: int
    after: str
    cursor: str
    rows: list[AssessedRow]
    warnings: list[Notice]
    at: int


class FinishIntake(Change[None], frozen=True):
    """All rows of the source are recorded."""

    run_id: int
    at: int


class TakeInHand(Change[ExistingPreviews], frozen=True):
    """A worker begins with an item; returns what it builds on.

    It becomes a suspect if the work never ends.
    """

    item: WorkItem
    at: int


class PlanSets(Change[None], frozen=True):
    """Note that sets are to be written, before their files are.

    What an interruption leaves of them is found again by the note.
    """

    sets: list[PlannedSet]


class ConfirmPlans(Change[None], frozen=True):
    """Commit what is planned for a model once more, as it is; see `ConfirmRemoval`."""

    sha256: str


class ForgetPlans(Change[None], frozen=True):
    """Nothing of these sets is left on disk that is ours."""

    sets: list[PlannedSet]


class Activate(Change[bool], frozen=True):
    """Previews are on disk: images_done, then promoted, with record and tags, at once.

    `images` are the new sets; `images_count` is the number after the last complete set there is,
    None where none was added and the record keeps its count; `refused` are the names that could
    not be carried, and `originals_kept` those of a model that waited. What was planned for the
    model is done. False where images of a model were
    offered again that has left meanwhile, and nothing was done.
    """

    item: WorkItem
    images_count: int | None
    images: list[CarriedImage]
    refused: list[RefusedImage]
    image_bytes: int
    warnings: list[Notice]
    at: int
    originals_kept: list[str] = []


class KeepPending(Change[bool], frozen=True):
    """Original images are on disk under `images`: the model waits for promotion.

    False where images of a model were offered again that has left meanwhile: nothing was done, and
    they are no longer needed.
    """

    item: WorkItem
    images: list[str]
    refused: list[RefusedImage]
    image_bytes: int
    warnings: list[Notice]
    at: int


class OfferAgain(Change[None], frozen=True):
    """Offer images again that were refused: each of their items gets one after it, in this run,
    that adds them to its model and changes nothing else. Those whose model has left are forgotten.
    """

    run_id: int
    images: list[KeptRefusal]
    at: int


class Fail(Change[None], frozen=True):
    """An item stops with a defect, and remembers the state it failed in."""

    item: WorkItem
    defect: Defect
    at: int


class Release(Change[None], frozen=True):
    """A worker lays an item down unfinished, on purpose: no crash."""

    item: WorkItem


class RetryFailed(Change[int], frozen=True):
    """Failed items of a run, all or these, go back to where they failed; returns how many."""

    run_id: int
    at: int
    ids: tuple[int, ...] | None = None


class CatchUp(Change[None], frozen=True):
    """Nothing; but the journal learns what other programs did to the queue, as with any change."""


class Recover(Change[None], frozen=True):
    """After a start: items in hand are suspects, and runs that were running are interrupted.

    Nobody knows what ended the process; so a suspect is not blamed, and worked on where it takes
    nothing else down.
    """

    at: int


class EditModel(Change[ModelRecord], frozen=True):
    """Change fields of an active model. Raises `UnknownModel`, `InvalidEdit`."""

    sha256: str
    patch: ModelPatch


class EditPending(Change[PendingModelRecord], frozen=True):
    """Change fields of a model that waits. Raises `UnknownPending`, `InvalidEdit`, `InWork`."""

    pending_id: int
    patch: ModelPatch


class ChangeTags(Change[TagReport], frozen=True):
    """Tag and untag models, by the names of tags; those of `add` are made where they are not
    there."""

    hashes: list[str]
    pending: list[int]
    add: list[str]
    remove: list[str]


class AddTags(Change[list[Tag]], frozen=True):
    """Tags of these names, in their order; those that are there already are resolved."""

    names: list[str]


class AddPreview(Change[None], frozen=True):
    """A preview set is on disk; `images_count` is the number after the last one there.

    What was planned for the model is done. Raises `UnknownModel`.
    """

    sha256: str
    images_count: int
    image: CarriedImage


class BeginRemoval(Change[None], frozen=True):
    """Note that a set is to be removed, before files are. Raises `UnknownModel`."""

    removal: Removal


class ConfirmRemoval(Change[None], frozen=True):
    """Commit what is under way once more, as it is.

    A commit that the disk refused may lie whole in the database's log, and be found there by the
    next start. The next commit that succeeds takes its place: only then may files be removed.
    """

    sha256: str


class AdvanceRemoval(Change[None], frozen=True):
    """A removal has come as far as this."""

    removal: Removal


class EndRemoval(Change[None], frozen=True):
    """All sets have moved down: `images_count` follows. What is `left` over of the last, twice
    there by now, is to be cleared away as what was planned is."""

    sha256: str
    images_count: int
    left: PlannedSet | None


class Mend(Change[None], frozen=True):
    """Carry out what mends the database by itself; to no effect where it is mended already."""

    remedy: Remedy


class CountSets(Change[bool], frozen=True):
    """A model has this many complete preview sets; False where its record counts others by now
    than `before`, and nothing was done."""

    sha256: str
    before: int
    count: int
