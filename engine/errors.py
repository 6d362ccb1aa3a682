"""Errors that end a command or a run: each tells facts; adapters map them to codes and remedies."""

from __future__ import annotations

from collections.abc import Iterable


class ReshelveError(Exception):
    """Base of every error that reshelve raises on purpose; `code` is stable, `str()` a sentence."""

    code = "error"


class SourceMissing(ReshelveError):
    """The legacy database is not there."""

    code = "source_missing"

    def __init__(self, path: str) -> None:
        super().__init__(f"There is no legacy database at {path}.")
        self.path = path


class SourceUnreadable(ReshelveError):
    """The legacy database cannot be opened or holds nothing that can be read."""

    code = "source_unreadable"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"The legacy database {path} cannot be read: {reason}")
        self.path = path
        self.reason = reason


class PathOfWindows(ReshelveError):
    """A path of Windows, given on another system."""

    code = "path_of_windows"

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is a path of Windows, and this is another system.")
        self.path = path


class SourceIsLibrary(ReshelveError):
    """What was named as a source is a library of version 2."""

    code = "source_is_library"

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is a library of version 2 already, and none of an old manager to migrate from."
        )
        self.path = path


class LibraryMisplaced(ReshelveError):
    """The library is, or would be, within the old manager's own folder."""

    code = "library_misplaced"

    def __init__(self, library: str, home: str) -> None:
        super().__init__(
            f"The library cannot be {library}: that is in the folder of the old library, {home}, "
            "where nothing is written. Choose a folder outside of it."
        )
        self.library = library
        self.home = home


class UnknownSourceKind(ReshelveError):
    """A kind of source that this version cannot read."""

    code = "unknown_source_kind"

    def __init__(self, kind: str, known: Iterable[str]) -> None:
        super().__init__(
            f"There is no kind of source called {kind[:64]!r}. Known are: {', '.join(known)}."
        )
        self.kind = kind


class NothingRecognised(ReshelveError):
    """Nothing at a location is a source of any kind."""

    code = "nothing_recognised"

    def __init__(self, location: str, looked_for: Iterable[str]) -> None:
        super().__init__(
            f"Nothing at {location} can be brought in. Looked for: {'; '.join(looked_for)}."
        )
        self.location = location


class SeveralKinds(ReshelveError):
    """Sources of several kinds lie at a location, and nobody has said which is meant."""

    code = "several_kinds"

    def __init__(self, location: str, kinds: Iterable[str]) -> None:
        self.kinds = tuple(kinds)
        super().__init__(f"At {location} there is more than one: {', '.join(self.kinds)}.")
        self.location = location


class SeveralSources(ReshelveError):
    """Several sources of one kind lie in a folder."""

    code = "several_sources"

    def __init__(self, folder: str, locations: Iterable[str]) -> None:
        self.locations = tuple(locations)
        super().__init__(
            f"There are {len(self.locations)} legacy databases in {folder}: "
            f"{', '.join(self.locations)}."
        )
        self.folder = folder


class FolderRefused(ReshelveError):
    """A source that reaches into a folder which whoever asks may not name."""

    code = "path_not_allowed"

    def __init__(self, folder: str) -> None:
        super().__init__(
            f"The source has models in {folder}, which lies outside the folders that may be read."
        )
        self.folder = folder


class OptionRefused(ReshelveError):
    """An option that sources of this kind do not know."""

    code = "option_refused"

    def __init__(self, kind: str, option: str) -> None:
        super().__init__(f"A source of the kind {kind} takes no {option!r}. Leave it out.")
        self.kind = kind
        self.option = option


class LibraryInUse(ReshelveError):
    """Another reshelve owns the library."""

    code = "library_in_use"

    def __init__(self, path: str) -> None:
        super().__init__(f"The library {path} is in use by another reshelve process.")
        self.path = path


class DatabaseBusy(ReshelveError):
    """Another program has locked the library's database, and is waited for no longer."""

    code = "database_busy"

    def __init__(self) -> None:
        super().__init__(
            "Another program has locked the library's database. What was done is kept."
        )


class LibraryMissing(ReshelveError):
    """A command that needs an existing library was given a folder without one."""

    code = "library_missing"

    def __init__(self, path: str) -> None:
        super().__init__(f"There is no library in {path}.")
        self.path = path


class LibraryDamaged(ReshelveError):
    """The library's own database cannot be read."""

    code = "library_damaged"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"The library's database {path} is damaged or not a version 2 library: {reason}"
        )
        self.path = path
        self.reason = reason


class LibraryTooOld(ReshelveError):
    """An older version wrote the library's journal, and who only reads does not change it."""

    code = "library_too_old"

    def __init__(self, path: str) -> None:
        super().__init__(f"The library {path} was last written by an older reshelve.")
        self.path = path


class LibraryTooNew(ReshelveError):
    """A newer version wrote the library's journal; this one would not understand it."""

    code = "library_too_new"

    def __init__(self, path: str) -> None:
        super().__init__(
            f"The library {path} was last written by a newer reshelve. Nothing was changed."
        )
        self.path = path


class StorageFailed(ReshelveError):
    """The library's disk refused a write: full, over quota, read-only or failing."""

    code = "storage_failed"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"Writing to {path} failed: {reason}. What was done is kept.")
        self.path = path
        self.reason = reason


class RunActive(ReshelveError):
    """Another run is under way, and a library has one at a time."""

    code = "run_active"

    def __init__(self, run_id: int) -> None:
        super().__init__(f"Run {run_id} is not finished.")
        self.run_id = run_id


class RunInterrupted(ReshelveError):
    """A run that somebody waited for was interrupted or cancelled."""

    code = "run_interrupted"

    def __init__(self, run_id: int) -> None:
        super().__init__(f"Run {run_id} was stopped before its end.")
        self.run_id = run_id


class NothingToResume(ReshelveError):
    """No run was interrupted or cancelled."""

    code = "nothing_to_resume"

    def __init__(self) -> None:
        super().__init__("There is nothing to resume: no run was interrupted or cancelled.")


class NothingToRetry(ReshelveError):
    """No item of the last run failed."""

    code = "nothing_to_retry"

    def __init__(self) -> None:
        super().__init__("There is nothing to retry: no item of the last run failed.")


class UnknownRun(ReshelveError):
    """A run id that the library does not have."""

    code = "unknown_run"

    def __init__(self, run_id: int) -> None:
        super().__init__(f"There is no run {run_id} in this library.")
        self.run_id = run_id


class StaleTransition(ReshelveError):
    """A compare-and-set found an item in another state than the one it was decided on."""

    code = "stale_transition"

    def __init__(self, item_id: int, expected: str, target: str) -> None:
        super().__init__(f"Item {item_id} is no longer {expected}; it cannot become {target}.")
        self.item_id = item_id
        self.expected = expected
        self.target = target


class StaleCursor(ReshelveError):
    """Rows were to be recorded that do not follow those recorded last: one chunk was refused."""

    code = "stale_cursor"

    def __init__(self, run_id: int, after: str) -> None:
        super().__init__(f"Run {run_id} has not recorded its rows up to {after or 'the first'}.")
        self.run_id = run_id
        self.after = after


class ScanFailed(ReshelveError):
    """A model folder cannot be read."""

    code = "scan_failed"


def cause_of(error: BaseException) -> BaseException:
    """The first error of ours inside a task group's exception group, else the first of all."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [cause_of(inner) for inner in error.exceptions]
    return next((cause for cause in causes if isinstance(cause, ReshelveError)), causes[0])


class NoRoots(ReshelveError):
    """A scan was asked for, and no model folders are configured."""

    code = "no_model_folders"

    def __init__(self) -> None:
        super().__init__("No model folders are configured.")


class UnknownModel(ReshelveError):
    """No active model has this hash."""

    code = "unknown_model"

    def __init__(self, sha256: str) -> None:
        super().__init__(f"No active model has the SHA-256 {sha256[:64]}.")


class UnknownPending(ReshelveError):
    """No pending model has this id."""

    code = "unknown_pending_model"

    def __init__(self, pending_id: int) -> None:
        super().__init__("Pending model not found")
        self.pending_id = pending_id


class InWork(ReshelveError):
    """A run has the model in hand."""

    code = "in_work"

    def __init__(self, pending_id: int) -> None:
        super().__init__("A run is working on this model. Change it once that has ended.")
        self.pending_id = pending_id


class UnknownImage(ReshelveError):
    """There is no such image."""

    code = "unknown_image"

    def __init__(self) -> None:
        super().__init__("There is no such image.")


class InvalidEdit(ReshelveError):
    """An edit that would leave the record invalid."""

    code = "invalid_edit"


class InvalidImage(ReshelveError):
    """An upload that is no image."""

    code = "invalid_image"


class NoRun(ReshelveError):
    """There is nothing to report on."""

    code = "no_run"

    def __init__(self) -> None:
        super().__init__("There is no such run yet. Start one, then ask again.")


class UnknownItem(ReshelveError):
    """No item has this id."""

    code = "unknown_item"

    def __init__(self, item_id: int) -> None:
        super().__init__(f"There is no item {item_id} in this library.")
