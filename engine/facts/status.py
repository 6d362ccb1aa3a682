"""What a run tells about itself: the status and report shapes of the HTTP and CLI contracts."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from engine.facts.source import Defect, Notice


class RunKind(StrEnum):
    """Stage 1 carries a legacy library across; stage 2 promotes waiting models."""

    LEGACY = "legacy"
    PROMOTION = "promotion"


class RunState(StrEnum):
    """Where a run stands; interrupted and cancelled ones can be resumed."""

    RUNNING = "running"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"
    COMPLETED = "completed"
    COMPLETED_WITH_FAILURES = "completed_with_failures"
    FAILED = "failed"

    @property
    def resumable(self) -> bool:
        """Whether `resume` goes on with such a run."""
        return self in {RunState.INTERRUPTED, RunState.CANCELLED}

    @property
    def unfinished(self) -> bool:
        """Whether such a run still has a claim to go on before any other."""
        return self is RunState.RUNNING or self.resumable


class RunSource(msgspec.Struct, frozen=True):
    """The source that a run reads; `layout` is how things lie there, empty where that is told by
    its kind."""

    kind: str
    layout: str
    location: str


class RunSummary(msgspec.Struct, frozen=True):
    """One run; times in milliseconds since 1970, `source` None for a promotion."""

    id: int
    kind: RunKind
    status: RunState
    resumable: bool
    started_at: int
    updated_at: int
    finished_at: int | None
    error: Defect | None = None
    source: RunSource | None = None
    images_folder: str = ""
    on_conflict: str | None = None


class Counts(msgspec.Struct, frozen=True):
    """How many items are in each state; `total` is their sum."""

    total: int = 0
    pending: int = 0
    imported: int = 0
    images_done: int = 0
    promoted: int = 0
    failed: int = 0


class ImageCounts(msgspec.Struct, frozen=True):
    """Images carried, images that a row names and that could not be carried, and bytes read.

    `total` is both and those that are still to be carried, as far as rows have been read.
    """

    done: int = 0
    failed: int = 0
    bytes_read: int = 0
    total: int = 0


class ByteCounts(msgspec.Struct, frozen=True):
    """Bytes hashed, and bytes to hash."""

    done: int = 0
    total: int = 0


class RunStatus(msgspec.Struct, frozen=True):
    """The run status of the HTTP contract.

    `expected` is how many rows the source said it has: the total grows to it while rows are read.
    `source_read` tells that all of them were; those of an earlier run that are unchanged are no
    items of this one. `work` is how many items need something more from this run. `share` is how
    much of all its work is done, from 0 to 1 (`engine.facts.progress`). `source_damaged` tells that
    rows were lost because the source's pages could not be read. `waiting_for_database` tells that
    the run stands still until another program unlocks the library's database.
    """

    run: RunSummary | None = None
    counts: Counts = Counts()
    warnings: int = 0
    images: ImageCounts = ImageCounts()
    bytes_hashed: ByteCounts = ByteCounts()
    eta_seconds: float | None = None
    expected: int = 0
    work: int = 0
    source_damaged: bool = False
    source_read: bool = False
    share: float = 0.0
    waiting_for_database: bool = False


class Holdings(msgspec.Struct, frozen=True):
    """What a library holds: active models, those that wait and are known to conflict, and the
    problems of all runs."""

    models: int = 0
    pending: int = 0
    conflicts: int = 0
    failed: int = 0
    warnings: int = 0


def in_state(status: RunStatus, state: RunState | None, *, waiting: bool) -> RunStatus:
    """The status of a run that has come to another state than the one that is noted; None where
    it has not."""
    if state is not None and status.run is not None:
        run = msgspec.structs.replace(status.run, status=state, resumable=state.resumable)
        status = msgspec.structs.replace(status, run=run)
    return msgspec.structs.replace(status, waiting_for_database=waiting)


def whole(status: RunStatus) -> int:
    """How many items there will be, as far as that is known."""
    total = status.counts.total
    return total if status.source_read else max(status.expected, total)


def settled(status: RunStatus) -> int:
    """How many items need nothing more from the run."""
    return status.counts.total - status.work


class ImportReport(msgspec.Struct, frozen=True):
    """`db_migration` of the HTTP contract: what stage 1 made of every row and image."""

    migrated: int
    pending: int
    errors: int
    images_processed: int
    image_errors: int


def import_report(status: RunStatus) -> ImportReport:
    """The stage 1 report of a run that has ended."""
    counts = status.counts
    return ImportReport(
        migrated=counts.promoted,
        pending=counts.pending + counts.imported + counts.images_done,
        errors=counts.failed,
        images_processed=status.images.done,
        image_errors=status.images.failed,
    )


class ItemView(msgspec.Struct, frozen=True):
    """One item as `items` shows it; `source_key` names its row within its source, and
    `source_id` is that as a number where it is one.

    `sha256` is the file's own, or "" while it is not known; `claimed_sha256` is what the source
    claims of it, by `claimed_by`. `verbatim` is the row as it was, where that was asked for.
    """

    id: int
    source_key: str | None
    source_id: int | None
    path: str
    name: str
    type: str
    state: str
    sha256: str
    claimed_sha256: str
    claimed_by: str
    warnings: tuple[Notice, ...] = ()
    error: Defect | None = None
    verbatim: dict[str, Any] | None = None


class ItemPage(msgspec.Struct, frozen=True):
    """Items by ascending id; `next` is the `after` of the next page, None at the end."""

    items: list[ItemView]
    next: int | None


class RunNotice(msgspec.Struct, frozen=True):
    """A warning of a run; `item` is None where it belongs to the run as a whole."""

    item: int | None
    path: str
    code: str
    detail: str


class RunFailure(msgspec.Struct, frozen=True):
    """A failed item of a run."""

    item: int
    path: str
    code: str
    message: str
