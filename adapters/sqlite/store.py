"""The store: applies changes in one transaction each batch, and reads committed facts."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple, Unpack

import anyio

from adapters.sqlite import (
    catalogue,
    histories,
    problems,
    promotion_reads,
    promotions,
    reads,
    recording,
    runs,
    summary,
    transitions,
    verification,
)
from adapters.sqlite.admission import open_reader, open_writer
from adapters.sqlite.connection import Connection
from adapters.sqlite.database import Transaction, transaction
from adapters.sqlite.opening import database_path, translate
from adapters.sqlite.thread import DatabaseThread, database_thread
from engine.facts.catalogue import ModelSummary
from engine.facts.codes import ProblemKind
from engine.facts.files import FileFacts
from engine.facts.findings import StoredModel, StoredPending
from engine.facts.problems import CodeCount, Problem, ProblemCounts
from engine.facts.promotion_report import Conflict, PromotionReport
from engine.facts.records import ModelRecord, PendingModelRecord, Tag
from engine.facts.removal import Removal
from engine.facts.reports import LibraryCounts, Step
from engine.facts.states import ModelState
from engine.facts.status import ItemPage, RunFailure, RunNotice, RunStatus
from engine.facts.work import Run, Work, WorkItem
from engine.ports.changes import (
    Activate,
    AddFound,
    AddPreview,
    AddTags,
    AdvanceRemoval,
    BeginRemoval,
    Change,
    ConfirmRemoval,
    CountRemoval,
    Decide,
    EditModel,
    EndRemoval,
    ExpectPreview,
    ExpectRows,
    Fail,
    FinishIntake,
    ForgetUnusedOriginals,
    KeepPending,
    NoteHash,
    OpenPromotion,
    OpenRun,
    RecordRows,
    Recover,
    Release,
    RememberHash,
    RetryFailed,
    SetRunState,
    TakeInHand,
)

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

Apply = Callable[[Transaction, Any], Any]

APPLY: dict[type[Change[Any]], Apply] = {
    OpenRun: runs.open_run,
    SetRunState: runs.set_run_state,
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
    AddTags: catalogue.add_tags,
    ExpectPreview: catalogue.expect_preview,
    AddPreview: catalogue.add_preview,
    BeginRemoval: catalogue.begin_removal,
    ConfirmRemoval: catalogue.confirm_removal,
    AdvanceRemoval: catalogue.advance_removal,
    CountRemoval: catalogue.count_removal,
    EndRemoval: catalogue.end_removal,
    TakeInHand: transitions.take_in_hand,
    Activate: transitions.activate,
    KeepPending: transitions.keep_pending,
    Fail: transitions.fail,
    Release: transitions.release,
    RetryFailed: transitions.retry_failed,
    Recover: transitions.recover,
}
"""What each change does; a test holds it complete."""


class SqliteReader:
    """Reads committed facts over a connection of its own."""

    def __init__(self, thread: DatabaseThread, connection: Connection, path: Path) -> None:
        self._thread = thread
        self._reading = connection
        self._path = path

    async def run(self, run_id: int | None = None) -> Run | None:
        """A run, the last one by default; None where there is none."""
        return await self._read(reads.run, run_id)

    async def last_run_of(self, location: str) -> Run | None:
        """The last run of a source."""
        return await self._read(reads.last_run_of, location)

    async def unfinished_run(self) -> Run | None:
        """The run that is running, interrupted or cancelled, if any."""
        return await self._read(reads.unfinished_run)

    async def status(self, run_id: int | None = None) -> RunStatus:
        """The status of a run, the last one by default. Raises `UnknownRun`."""
        return await self._read(summary.status, run_id)

    async def items(
        self, run_id: int | None, state: ModelState | None, after: int, limit: int
    ) -> ItemPage:
        """Items of a run, the last one by default, ascending by id. Raises `UnknownRun`."""
        return await self._read(reads.items, run_id, state, after, limit)

    async def warnings(self, run_id: int, after: int, limit: int) -> list[tuple[int, RunNotice]]:
        """Warnings of a run, each with its own number, ascending."""
        return await self._read(reads.warnings, run_id, after, limit)

    async def failures(self, run_id: int, after: int, limit: int) -> list[RunFailure]:
        """Failed items of a run, ascending by id."""
        return await self._read(reads.failures, run_id, after, limit)

    async def pending(self, after: int, limit: int) -> list[PendingModelRecord]:
        """Models that wait for promotion, ascending by id."""
        return await self._read(reads.pending, after, limit)

    async def known_digests(self, location: str, first: int, last: int) -> set[tuple[int, bytes]]:
        """(key, digest) of the rows of a source that were recorded, first <= key <= last."""
        return await self._read(reads.known_digests, location, first, last)

    async def work(
        self, run_id: int, after: int, limit: int, crashed: bool = False
    ) -> list[WorkItem]:
        """Items with work, key > `after`, ascending."""
        return await self._read(reads.work, run_id, after, limit, crashed)

    async def promotion_window(self, run_id: int) -> int | None:
        """The first place of a promotion that has work left; None at the end."""
        return await self._read(promotion_reads.promotion_window, run_id)

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
        return await self._read(
            promotion_reads.enlisted, run_id, work, after, until, limit, crashed
        )

    async def cached_hash(self, path: str, facts: FileFacts) -> str | None:
        """The hash of a file that was hashed before and has not changed since."""
        return await self._read(promotion_reads.cached_hash, path, facts)

    async def pending_paths(self, ids: Sequence[int]) -> dict[int, str]:
        """The paths of the pending models among `ids`."""
        return await self._read(promotion_reads.pending_paths, ids)

    async def promotion(self, run_id: int) -> PromotionReport:
        """What became of every id of a promotion so far."""
        return await self._read(promotion_reads.promotion, run_id)

    async def unused_originals(self) -> list[str]:
        """Adopted originals that nothing refers to any more."""
        return await self._read(promotion_reads.unused_originals)

    async def known_paths(self, paths: Sequence[str]) -> set[str]:
        """Those of the paths that an active or a pending model has."""
        return await self._read(promotion_reads.known_paths, paths)

    async def records_of_size(self, size: int) -> list[tuple[str, str]]:
        """(sha256, path) of models of this size in bytes; no hash for those that wait."""
        return await self._read(promotion_reads.records_of_size, size)

    async def models(self, after: int, limit: int) -> list[StoredModel]:
        """Active models as they are, ascending by their number."""
        return await self._read(verification.models, after, limit)

    async def waiting(self, after: int, limit: int) -> list[StoredPending]:
        """Pending models as they are, ascending by id."""
        return await self._read(verification.waiting, after, limit)

    async def images_counts(self, hashes: Sequence[str]) -> dict[str, int]:
        """`images_count` of those of the hashes that are active models."""
        return await self._read(verification.images_counts, hashes)

    async def summaries(self, type_name: str, known_types: Sequence[str]) -> list[ModelSummary]:
        """Active models of a type; `Others` for those of no known type."""
        return await self._read(catalogue.summaries, type_name, known_types)

    async def types(self) -> list[str]:
        """The types that active models have."""
        return await self._read(catalogue.types)

    async def model(self, sha256: str) -> ModelRecord | None:
        """An active model with its tags."""
        return await self._read(catalogue.model, sha256)

    async def tags(self) -> list[Tag]:
        """All tags by name."""
        return await self._read(catalogue.tags)

    async def removals(self) -> list[Removal]:
        """Removals, and sets to be written, that were interrupted."""
        return await self._read(catalogue.removals)

    async def retryable(self, run_id: int) -> int:
        """How many failed items of a run might succeed when tried again."""
        return await self._read(reads.retryable, run_id)

    async def problem_counts(self) -> ProblemCounts:
        """How many there are in all runs."""
        return await self._read(problems.problem_counts)

    async def last_problem(self, kind: ProblemKind) -> int:
        """The greatest id that a problem of this kind can have now."""
        return await self._read(problems.last_problem, kind)

    async def count_problems(
        self, run_id: int | None, kind: ProblemKind, after: int, until: int
    ) -> list[CodeCount]:
        """The problems of a run, or of all, by code, after < id <= until."""
        return await self._read(problems.count_problems, run_id, kind, after, until)

    async def problems(
        self, run_id: int | None, kind: ProblemKind, code: str, after: int, until: int, limit: int
    ) -> list[Problem]:
        """Problems of one code in a run, or in all, after < id <= until, ascending."""
        return await self._read(problems.problems, run_id, kind, code, after, until, limit)

    async def promotion_run(self, run_id: int | None) -> int | None:
        """The id of a run, or of the last one, if it is a promotion."""
        return await self._read(histories.promotion_run, run_id)

    async def known_conflicts(self, after: int, limit: int) -> list[Conflict]:
        """Models that wait and whose known content is active, ascending by id."""
        return await self._read(histories.known_conflicts, after, limit)

    async def model_history(self, sha256: str) -> list[Step]:
        """Every transition of the items that became this model, in order."""
        return await self._read(histories.model_history, sha256)

    async def item_history(self, item_id: int) -> list[Step]:
        """Every transition of an item, in order."""
        return await self._read(histories.item_history, item_id)

    async def library_counts(self) -> LibraryCounts:
        """How much the library holds."""
        return await self._read(histories.library_counts)

    async def _read(self, query: Callable[[Transaction, Unpack[Ts]], T], *arguments: *Ts) -> T:
        def ask(connection: sqlite3.Connection) -> T:
            return query(Transaction(connection), *arguments)

        return await self._perform(self._reading, ask)

    async def _perform(
        self, connection: Connection, function: Callable[[sqlite3.Connection], T]
    ) -> T:
        try:
            return await self._thread.call(connection.perform, function)
        except sqlite3.Error as error:
            raise translate(error, self._path) from error


class SqliteStore(SqliteReader):
    """The one writer of the library's database."""

    def __init__(
        self,
        thread: DatabaseThread,
        reading: Connection,
        writing: Connection,
        path: Path,
    ) -> None:
        super().__init__(thread, reading, path)
        self._writing = writing

    async def apply(self, changes: Sequence[Change[Any]]) -> list[Any]:
        """Commit the changes in one transaction; durable when it returns."""

        def write(connection: sqlite3.Connection) -> list[Any]:
            with transaction(connection) as tx:
                return [APPLY[type(change)](tx, change) for change in changes]

        return await self._perform(self._writing, write)


@asynccontextmanager
async def sqlite_store(library: Path) -> AsyncIterator[SqliteStore]:
    """The store of an owned library, made where there is none, closed on exit."""
    path = database_path(library)
    async with (
        database_thread() as thread,
        _opened(thread, open_writer, path) as writing,
        _opened(thread, open_reader, path) as reading,
    ):
        yield SqliteStore(thread, reading, writing, path)


@asynccontextmanager
async def sqlite_reader(library: Path) -> AsyncIterator[SqliteReader]:
    """A reader of a library that somebody else may own. Raises `LibraryMissing`."""
    path = database_path(library)
    async with database_thread() as thread, _opened(thread, open_reader, path) as reading:
        yield SqliteReader(thread, reading, path)


@asynccontextmanager
async def _opened(
    thread: DatabaseThread, connect: Callable[[Path], Awaitable[Connection]], path: Path
) -> AsyncIterator[Connection]:
    try:
        connection = await thread.call(connect, path)
    except sqlite3.Error as error:
        raise translate(error, path) from error
    try:
        yield connection
    finally:
        with anyio.CancelScope(shield=True):
            await thread.call(connection.close)
