"""What is written down: the port of the store, the changes it commits and the facts it returns.

A change is data; the store applies a batch of them in one transaction and returns one outcome
each, after the commit is durable. Every transition inside is a compare-and-set on the state that
the change was decided on.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from engine.conflicts import ConflictStrategy
from engine.files import FileFacts, FoundFile
from engine.intake import AssessedRow
from engine.lifecycle import ModelState
from engine.promotion import PromotionReport
from engine.records import PendingModelRecord
from engine.source import Defect, SourceModel, SourceTag, Warning
from engine.status import ItemPage, RunFailure, RunKind, RunState, RunStatus, RunWarning

T = TypeVar("T")


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
    """

    id: int
    key: int
    state: ModelState
    work: Work
    sha256: str
    candidate: SourceModel
    attempts: int


class CarriedImage(msgspec.Struct, frozen=True):
    """An image of a source that has become a preview set: the same one is never carried twice."""

    name: str
    digest: bytes


class Footing(msgspec.Struct, frozen=True):
    """What a worker builds on: the active model's complete sets, and what they were made of."""

    images_count: int
    carried: frozenset[CarriedImage]


class Change(msgspec.Struct, Generic[T], frozen=True):
    """Something to commit; `T` is the outcome it returns."""


class OpenRun(Change[Run], frozen=True):
    """Open a run, or return the unfinished one of the same source. Raises `RunActive`."""

    kind: RunKind
    location: str
    images_folder: str
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


class Decide(Change["Footing | None"], frozen=True):
    """Take a hashed item in hand and settle its conflict; None when it goes no further."""

    item: WorkItem
    at: int


class ForgetLeavings(Change[None], frozen=True):
    """These originals are removed from the disk."""

    names: list[str]


class AddFound(Change[list[int]], frozen=True):
    """New files that a scan found become pending models; returns their ids."""

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
    warnings: list[Warning]


class RecordRows(Change[int], frozen=True):
    """Record source rows, ascending by key, settle each, and move the run's cursor to the last.

    The cursor must stand at `after`: where the chunk before was refused, this one is as well.
    Returns how many of the rows have work for a worker. Raises `StaleCursor`.
    """

    run_id: int
    after: int
    rows: list[AssessedRow]
    warnings: list[Warning]
    at: int


class FinishIntake(Change[None], frozen=True):
    """All rows of the source are recorded."""

    run_id: int
    at: int


class TakeInHand(Change[Footing], frozen=True):
    """A worker begins with an item; returns the `Footing`. Counts as a crash if it never ends."""

    item: WorkItem
    at: int


class Activate(Change[bool], frozen=True):
    """Previews are on disk: images_done, then promoted, with record and tags, at once.

    `footing_count` is the `images_count` that the new sets follow; `images` those sets in
    order; `refused` the names that could not be carried.
    Returns False when the footing has moved, and nothing was done.
    """

    item: WorkItem
    footing_count: int
    images: list[CarriedImage]
    refused: list[str]
    image_bytes: int
    warnings: list[Warning]
    at: int


class Park(Change[None], frozen=True):
    """Original images are on disk under `images`: the model waits for promotion."""

    item: WorkItem
    images: list[str]
    refused: list[str]
    image_bytes: int
    warnings: list[Warning]
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


class Recover(Change[int], frozen=True):
    """After a start: items in hand count one crash more; the third one fails them.

    Runs that were running are interrupted. Returns how many items failed.
    """

    at: int
    crash_limit: int


class Reader(Protocol):
    """Reads committed facts; never blocks a writer."""

    async def run(self, run_id: int | None = None) -> Run | None:
        """A run, the last one by default; None where there is none."""
        ...

    async def last_run_of(self, location: str) -> Run | None:
        """The last run of a source."""
        ...

    async def unfinished_run(self) -> Run | None:
        """The run that is running, interrupted or cancelled, if any."""
        ...

    async def status(self, run_id: int | None = None) -> RunStatus:
        """The status of a run, the last one by default. Raises `UnknownRun`."""
        ...

    async def items(
        self, run_id: int | None, state: ModelState | None, after: int, limit: int
    ) -> ItemPage:
        """Items of a run, the last one by default, ascending by id. Raises `UnknownRun`."""
        ...

    async def warnings(self, run_id: int, after: int, limit: int) -> list[tuple[int, RunWarning]]:
        """Warnings of a run in the order of their items, each with its own number."""
        ...

    async def failures(self, run_id: int, after: int, limit: int) -> list[RunFailure]:
        """Failed items of a run, ascending by id."""
        ...

    async def pending(self, after: int, limit: int) -> list[PendingModelRecord]:
        """Models that wait for promotion, ascending by id."""
        ...

    async def known_digests(self, location: str, first: int, last: int) -> set[tuple[int, bytes]]:
        """(key, digest) of the rows of a source that were recorded, first <= key <= last."""
        ...

    async def work(
        self, run_id: int, after: int, limit: int, crashed: bool = False
    ) -> list[WorkItem]:
        """Items with work, key > `after`, ascending; `crashed` selects those that were in hand
        in a crash, else those that were not."""
        ...

    async def promotion_window(self, run_id: int) -> int | None:
        """The first place of a promotion that has work left; None at the end."""
        ...

    async def enlisted(
        self,
        run_id: int,
        work: Work,
        after: int,
        until: int,
        limit: int,
        crashed: bool = False,
    ) -> list[WorkItem]:
        """Items of a promotion with this work, after < place <= until, ascending."""
        ...

    async def cached_hash(self, path: str, facts: FileFacts) -> str | None:
        """The hash of a file that was hashed before and has not changed since."""
        ...

    async def waiting_paths(self, ids: Sequence[int]) -> dict[int, str]:
        """The paths of the pending models among `ids`."""
        ...

    async def promotion(self, run_id: int) -> PromotionReport:
        """What became of every id of a promotion so far."""
        ...

    async def leavings(self) -> list[str]:
        """Adopted originals that nothing refers to any more."""
        ...

    async def known_paths(self, paths: Sequence[str]) -> set[str]:
        """Those of the paths that an active or a pending model has."""
        ...

    async def records_of_size(self, size: int) -> list[tuple[str, str]]:
        """(sha256, path) of models of this size in bytes; no hash for those that wait."""
        ...

    async def retryable(self, run_id: int) -> int:
        """How many failed items of a run might succeed when tried again."""
        ...


class Store(Reader, Protocol):
    """The library's database; one owner, one writer."""

    async def apply(self, changes: Sequence[Change[Any]]) -> list[Any]:
        """Commit the changes in one transaction; durable when it returns.

        Raises what one of them raised, with none of them done, `StorageFailed` or
        `LibraryDamaged`.
        """
        ...
