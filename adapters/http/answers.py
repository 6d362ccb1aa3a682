"""What a client gets: the bodies of the contract that are not records of the engine already."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.facts.catalogue import ModelSummary, PendingView, TagCount
from engine.facts.files import Root
from engine.facts.records import Tag
from engine.facts.reports import LibraryCounts, Step, TypeCount
from engine.facts.scan_report import MovedFile, ScanReport
from engine.facts.search import called
from engine.facts.source import Defect
from engine.facts.status import ImportReport, RunState, RunStatus, import_report


class MigrationAnswer(msgspec.Struct, frozen=True):
    """Stage 1 to its end; `failed` only where a row failed."""

    status: str
    db_migration: ImportReport
    run: RunStatus


def migration_answer(status: RunStatus) -> MigrationAnswer:
    """What `migrate_legacy_db` answers."""
    report = import_report(status)
    return MigrationAnswer("failed" if report.errors else "success", report, status)


class DatabaseNearby(msgspec.Struct, frozen=True):
    """A legacy database, and how its last run into this library stands; null where it had none."""

    path: str
    run: RunState | None


class DatabasesNearby(msgspec.Struct, frozen=True):
    """Legacy databases that were found, those that lie less deep first."""

    databases: list[DatabaseNearby]


def databases_nearby(runs: dict[str, RunState | None]) -> DatabasesNearby:
    """What `databases` answers."""
    return DatabasesNearby([DatabaseNearby(path, run) for path, run in runs.items()])


class PendingSummary(msgspec.Struct, frozen=True):
    """A pending model as the list shows it; `image` is its first image or empty."""

    id: int
    name: str
    image: str
    type: str
    tags: tuple[Tag, ...]
    path: str
    size_bytes: int
    created_at: int
    images_count: int
    error: Defect | None
    conflict: bool


class PendingList(msgspec.Struct, frozen=True):
    """All models that wait."""

    models: list[PendingSummary]


def pending_list(models: list[PendingView]) -> PendingList:
    """What `pending_models` answers."""
    return PendingList([_pending_summary(model) for model in models])


def _pending_summary(pending: PendingView) -> PendingSummary:
    model, images = pending.record, pending.record.meta_json.images
    return PendingSummary(
        id=model.id,
        name=called(model.name, model.path),
        image=images[0] if images else "",
        type=model.type,
        tags=model.tags,
        path=model.path,
        size_bytes=model.size_bytes,
        created_at=model.created_at,
        images_count=len(images),
        error=pending.error,
        conflict=pending.conflict,
    )


class ScanAnswer(msgspec.Struct, frozen=True):
    """What a scan found; `moved` files belong to active models whose path is gone."""

    status: str
    scanned: int
    added: int
    pending_ids: list[int]
    skipped: int
    moved: list[MovedFile]


def scan_answer(report: ScanReport) -> ScanAnswer:
    """What `scan` answers."""
    return ScanAnswer("success", *msgspec.structs.astuple(report))


class ModelList(msgspec.Struct, frozen=True):
    """Active models of one type."""

    models: list[ModelSummary]


class TypeList(msgspec.Struct, frozen=True):
    """Model types."""

    types: list[str]


class TagList(msgspec.Struct, frozen=True):
    """Tags."""

    tags: list[Tag]


class TagCounts(msgspec.Struct, frozen=True):
    """Tags, and how many models have each."""

    tags: list[TagCount]


class History(msgspec.Struct, frozen=True):
    """Transitions in the order in which they happened."""

    history: list[Step]


class LibraryPlace(msgspec.Struct, frozen=True):
    """Where the library lies, and which version of reshelve serves it."""

    path: str
    version: str


class LibraryAnswer(msgspec.Struct, frozen=True):
    """How much the library holds, and where."""

    path: str
    models: int
    pending: int
    types: list[TypeCount]
    version: str
    conflicts: int
    failed: int
    warnings: int
    folders: list[Root]


def library_answer(
    counts: LibraryCounts, place: LibraryPlace, roots: Sequence[Root]
) -> LibraryAnswer:
    """What `library` answers."""
    return LibraryAnswer(
        path=place.path,
        models=counts.models,
        pending=counts.pending,
        types=counts.types,
        version=place.version,
        conflicts=counts.conflicts,
        failed=counts.failed,
        warnings=counts.warnings,
        folders=list(roots),
    )


class ImageCount(msgspec.Struct, frozen=True):
    """How many preview sets a model has."""

    count: int


class Uploaded(msgspec.Struct, frozen=True):
    """A new preview set: its files are `<base_name>_<quality>.webp`."""

    status: str
    base_name: str


class Done(msgspec.Struct, frozen=True):
    """It was done."""

    status: str = "success"


Roots = tuple[Root, ...]
"""The configured model folders."""
