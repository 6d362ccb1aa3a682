"""How a command ends: the one table from errors and reports to exit codes."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from engine import errors

if TYPE_CHECKING:
    from engine.facts.promotion_report import PromotionReport
    from engine.facts.status import RunStatus


class Exit(IntEnum):
    """The exit codes of the contract; 128 + n after signal n."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    FAILURES = 3
    IN_USE = 4
    UNREADABLE = 5
    STORAGE = 6


BY_ERROR: dict[type[errors.ReshelveError], Exit] = {
    errors.RunActive: Exit.USAGE,
    errors.UnknownSourceKind: Exit.USAGE,
    errors.OptionRefused: Exit.USAGE,
    errors.SeveralKinds: Exit.USAGE,
    errors.SeveralSources: Exit.USAGE,
    errors.FolderRefused: Exit.USAGE,
    errors.NothingRecognised: Exit.UNREADABLE,
    errors.SourceIsLibrary: Exit.UNREADABLE,
    errors.LibraryMisplaced: Exit.UNREADABLE,
    errors.NothingToResume: Exit.DONE,
    errors.NothingToRetry: Exit.DONE,
    errors.LibraryInUse: Exit.IN_USE,
    errors.SourceMissing: Exit.UNREADABLE,
    errors.SourceUnreadable: Exit.UNREADABLE,
    errors.DatabaseBusy: Exit.STORAGE,
    errors.LibraryMissing: Exit.UNREADABLE,
    errors.LibraryDamaged: Exit.UNREADABLE,
    errors.LibraryTooOld: Exit.UNREADABLE,
    errors.LibraryTooNew: Exit.UNREADABLE,
    errors.StorageFailed: Exit.STORAGE,
    errors.ScanFailed: Exit.USAGE,
}


def exit_of(error: errors.ReshelveError) -> Exit:
    """The exit code of an error that ended a command."""
    return BY_ERROR.get(type(error), Exit.UNEXPECTED)


def exit_of_run(status: RunStatus, promotion: PromotionReport | None) -> Exit:
    """The exit code of a run that came to its end."""
    if status.source_damaged:
        return Exit.UNREADABLE
    if status.counts.failed or (promotion is not None and not promotion.all_promoted):
        return Exit.FAILURES
    return Exit.DONE
