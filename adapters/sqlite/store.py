"""The store: applies changes in one transaction each batch, and reads committed facts."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import anyio
import msgspec

from adapters.sqlite import (
    catalogue,
    departures,
    faults,
    finding,
    histories,
    mending,
    offers,
    pending_edits,
    previews,
    problems,
    promoted,
    promotion_reads,
    promotions,
    reads,
    recording,
    runs,
    summary,
    takeover,
    transitions,
    verification,
)
from adapters.sqlite.admission import open_inspector, open_reader, open_writer
from adapters.sqlite.connection import Connection
from adapters.sqlite.database import Transaction, transaction
from adapters.sqlite.opening import database_path, is_busy, told_as_facts
from adapters.sqlite.thread import DatabaseThread, database_thread
from adapters.sqlite.waiting import WaitMark
from engine.actors.waiting import once_unlocked
from engine.ports.bundle import nobody
from engine.ports.changes import (
    Activate,
    AddFound,
    AddPreview,
    AddTags,
    AdvanceRemoval,
    BeginRemoval,
    CatchUp,
    Change,
    ChangeTags,
    ConfirmPlans,
    ConfirmRemoval,
    CountSets,
    Decide,
    EditModel,
    EditPending,
    EndRemoval,
    ExpectRows,
    Fail,
    FinishIntake,
    ForgetPlans,
    ForgetUnusedOriginals,
    KeepPending,
    Mend,
    NoteHash,
    OfferAgain,
    OpenPromotion,
    OpenRun,
    PlanSets,
    RecordRows,
    Recover,
    Release,
    RememberHash,
    RetryFailed,
    SetRunState,
    TakeInHand,
)
from engine.ports.clock import Clock, SystemClock
from engine.ports.queries import (
    ActiveModel,
    ActivePaths,
    AllTags,
    CachedHash,
    CachedHashes,
    CarriedFrom,
    CountsOfLibrary,
    EarlierRows,
    EnlistedItems,
    FailuresOf,
    FaultsOf,
    ImagesCounts,
    ItemHistory,
    ItemsOf,
    KnownConflicts,
    KnownDigests,
    KnownPaths,
    LastProblem,
    LastRunOf,
    ModelHistory,
    ModelsFound,
    ModelsOfHashes,
    ModelsOfType,
    OpenPlans,
    OpenRemovals,
    OpenWork,
    PathsFound,
    PendingMarks,
    PendingModels,
    PendingPaths,
    ProblemsByCode,
    ProblemsOf,
    ProblemTotals,
    PromotionOf,
    PromotionRunOf,
    PromotionWindow,
    Query,
    RecordsOfSizes,
    RefusedImages,
    RetryableItems,
    RunById,
    StatusOf,
    StoredModelAt,
    StoredModels,
    StoredPendingAt,
    StoredPendingModels,
    TagCounts,
    TypesInUse,
    UnderWay,
    UnfinishedRun,
    UnusedOriginals,
    UnwantedOriginals,
    WarningsOf,
)

T = TypeVar("T")

SYSTEM_CLOCK = SystemClock()

Apply = Callable[[Transaction, Any], Any]
Answers = dict[type[Query[Any]], Callable[..., Any]]

APPLY: dict[type[Change[Any]], Apply] = {
    OpenRun: runs.open_run,
    SetRunState: takeover.set_run_state,
    CatchUp: takeover.catch_up,
    ExpectRows: runs.expect_rows,
    FinishIntake: runs.finish_intake,
    RecordRows: recording.record_rows,
    OpenPromotion: promotions.open_promotion,
    NoteHash: promotions.note_hash,
    RememberHash: promotions.remember_hash,
    Decide: promotions.decide,
    ForgetUnusedOriginals: promotions.forget_unused_originals,
    AddFound: promotions.add_found,
    EditModel: catalogue.edit_model,
    EditPending: pending_edits.edit_pending,
    ChangeTags: pending_edits.change_tags,
    AddTags: catalogue.add_tags,
    OfferAgain: offers.offer_again,
    PlanSets: previews.plan_sets,
    ConfirmPlans: previews.confirm_plans,
    ForgetPlans: previews.forget_plans,
    AddPreview: previews.add_preview,
    BeginRemoval: previews.begin_removal,
    ConfirmRemoval: previews.confirm_removal,
    AdvanceRemoval: previews.advance_removal,
    EndRemoval: previews.end_removal,
    TakeInHand: transitions.take_in_hand,
    Activate: transitions.activate,
    KeepPending: transitions.keep_pending,
    Fail: transitions.fail,
    Release: transitions.release,
    RetryFailed: transitions.retry_failed,
    Recover: takeover.recover,
    Mend: mending.mend,
    CountSets: mending.count_sets,
}
"""What each change does; a test holds it complete."""

ANSWER: Answers = {
    RunById: reads.run,
    LastRunOf: reads.last_run_of,
    UnfinishedRun: reads.unfinished_run,
    StatusOf: summary.status,
    ItemsOf: reads.items,
    WarningsOf: reads.warnings,
    FailuresOf: reads.failures,
    RetryableItems: reads.retryable,
    KnownDigests: reads.known_digests,
    EarlierRows: reads.earlier_rows,
    OpenWork: reads.work,
    PendingModels: reads.pending,
    PromotionWindow: promotion_reads.promotion_window,
    EnlistedItems: promotion_reads.enlisted,
    CachedHash: promotion_reads.cached_hash,
    CachedHashes: promotion_reads.cached_hashes,
    PendingPaths: promotion_reads.pending_paths,
    PromotionOf: promoted.promotion,
    UnusedOriginals: promotion_reads.unused_originals,
    KnownPaths: promotion_reads.known_paths,
    RecordsOfSizes: promotion_reads.records_of_sizes,
    FaultsOf: faults.faults,
    StoredModels: verification.models,
    StoredModelAt: verification.model,
    StoredPendingModels: verification.pending,
    StoredPendingAt: verification.pending_model,
    ImagesCounts: verification.images_counts,
    UnderWay: verification.under_way,
    ActivePaths: verification.active_paths,
    UnwantedOriginals: verification.unwanted_originals,
    CarriedFrom: mending.carried_from,
    ModelsOfType: catalogue.summaries,
    ModelsOfHashes: catalogue.summaries_of,
    ModelsFound: finding.found_models,
    PathsFound: finding.found_paths,
    TagCounts: finding.tag_counts,
    PendingMarks: pending_edits.pending_marks,
    TypesInUse: catalogue.types,
    ActiveModel: catalogue.model,
    AllTags: catalogue.tags,
    RefusedImages: offers.refused_images,
    OpenRemovals: previews.removals,
    OpenPlans: previews.plans,
    ProblemTotals: problems.problem_counts,
    LastProblem: problems.last_problem,
    ProblemsByCode: problems.count_problems,
    ProblemsOf: problems.problems,
    PromotionRunOf: histories.promotion_run,
    KnownConflicts: histories.known_conflicts,
    ModelHistory: histories.model_history,
    ItemHistory: histories.item_history,
    CountsOfLibrary: histories.library_counts,
}
"""Who answers each query; a test holds it complete, and the fields the arguments, by name."""


class SqliteReader:
    """Reads committed facts over a connection of its own."""

    _answers: ClassVar[Answers] = {**ANSWER, StatusOf: departures.status_of}

    def __init__(
        self, thread: DatabaseThread, connection: Connection, path: Path, tell: Callable[[], None]
    ) -> None:
        self._thread = thread
        self._reading = connection
        self._path = path
        self._tell = tell

    async def ask(self, query: Query[T]) -> T:
        """The answer to a query. Raises what it says, `StorageFailed` or `LibraryDamaged`."""
        answer = self._answers[type(query)]

        def read(connection: sqlite3.Connection) -> T:
            found: T = answer(Transaction(connection), *msgspec.structs.astuple(query))
            return found

        async def attempt() -> T:
            return await self._perform(self._reading, read)

        return await once_unlocked(attempt, self._tell)

    async def _perform(
        self, connection: Connection, function: Callable[[sqlite3.Connection], T]
    ) -> T:
        with told_as_facts(self._path):
            return await self._thread.perform(connection, function)


class SqliteStore(SqliteReader):
    """The one writer of the library's database, and of the journal in it.

    Where another program has written since the last transaction, the journal takes over what that
    did to the queue before anything else is decided.
    """

    _answers = ANSWER

    def __init__(
        self,
        thread: DatabaseThread,
        reading: Connection,
        writing: Connection,
        path: Path,
        tell: Callable[[], None],
        clock: Clock,
    ) -> None:
        super().__init__(thread, reading, path, tell)
        self._writing = writing
        self._clock = clock
        self._version: int | None = None
        self._mark = WaitMark(path.parent)
        self._mark.clear()

    async def apply(self, changes: Sequence[Change[Any]]) -> list[Any]:
        """Commit the changes in one transaction; durable when it returns."""

        def write(connection: sqlite3.Connection) -> list[Any]:
            try:
                with transaction(connection) as tx:
                    version = _version(connection)
                    if version != self._version and self._version is not None:
                        takeover.take_over(tx, self._clock.now())
                    outcomes = [APPLY[type(change)](tx, change) for change in changes]
                self._version = version
            except sqlite3.Error as error:
                if is_busy(error):
                    self._mark.put()
                raise
            self._mark.take_away()
            return outcomes

        return await self._perform(self._writing, write)

    async def is_behind(self) -> bool:
        """Whether another program has written since the last transaction."""
        return await self._perform(self._writing, _version) != self._version


def _version(connection: sqlite3.Connection) -> int:
    """Another number whenever another connection than this one has written."""
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return int(version)


@asynccontextmanager
async def sqlite_store(
    library: Path, tell: Callable[[], None] = nobody, clock: Clock = SYSTEM_CLOCK
) -> AsyncIterator[SqliteStore]:
    """The store of an owned library, made where there is none, closed on exit.

    While another program has locked the database, its opening and its reads wait without end;
    `tell` is called where one of them waits long.
    """
    path = database_path(library)
    async with (
        database_thread() as thread,
        _opened(thread, open_writer, path, tell) as writing,
        _opened(thread, open_reader, path, tell) as reading,
    ):
        yield SqliteStore(thread, reading, writing, path, tell, clock)


@asynccontextmanager
async def sqlite_reader(
    library: Path, tell: Callable[[], None] = nobody
) -> AsyncIterator[SqliteReader]:
    """A reader of a library that somebody else may own. Raises `LibraryMissing`.

    It waits as a store does.
    """
    path = database_path(library)
    async with database_thread() as thread, _opened(thread, open_reader, path, tell) as reading:
        yield SqliteReader(thread, reading, path, tell)


@asynccontextmanager
async def sqlite_inspector(
    library: Path, tell: Callable[[], None] = nobody
) -> AsyncIterator[SqliteReader]:
    """As `sqlite_reader`, also for a library that only version 2 had."""
    path = database_path(library)
    async with database_thread() as thread, _opened(thread, open_inspector, path, tell) as reading:
        yield SqliteReader(thread, reading, path, tell)


@asynccontextmanager
async def _opened(
    thread: DatabaseThread,
    connect: Callable[[Path], Awaitable[Connection]],
    path: Path,
    tell: Callable[[], None],
) -> AsyncIterator[Connection]:
    async def attempt() -> Connection:
        with told_as_facts(path):
            return await thread.call(connect, path)

    connection = await once_unlocked(attempt, tell)
    try:
        yield connection
    finally:
        with anyio.CancelScope(shield=True):
            await thread.call(connection.close)
