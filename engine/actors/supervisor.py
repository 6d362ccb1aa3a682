"""Who owns runs: the one actor that starts, resumes, cancels and ends them, one at a time.

Resume is start: whatever is unfinished is claimed by the same path.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import anyio
from anyio.abc import TaskGroup

from engine.actors.writer import Writer
from engine.errors import (
    DatabaseBusy,
    NothingToResume,
    NothingToRetry,
    ReshelveError,
    RunActive,
    SourceMissing,
    SourceUnreadable,
    cause_of,
)
from engine.facts.conflicts import ConflictStrategy
from engine.facts.requests import ImportRequest
from engine.facts.source import Defect
from engine.facts.status import RunKind, RunState
from engine.facts.work import Run
from engine.ports.changes import OpenPromotion, OpenRun, RetryFailed, SetRunState
from engine.ports.clock import Clock
from engine.ports.journal import Reader
from engine.ports.queries import LastRunOf, RetryableItems, RunById, StatusOf, UnfinishedRun

WAIT_SECONDS = 1.0
"""How long a run that was asked to stop goes on waiting for a database that is locked."""

NOTE_SECONDS = 0.5
"""How long the end of such a run waits to be noted; the note itself waits on for its turn."""


class RunWork(Protocol):
    """The work of one run."""

    async def execute(self) -> None:
        """Run to the end, or until `drain`."""
        ...

    async def drain(self) -> None:
        """Begin nothing more; finish what is in hand."""
        ...


class ActiveRun:
    """A run in this process: its work, what it was asked to become, and how it ended."""

    def __init__(self, run: Run, work: RunWork) -> None:
        self.run = run
        self.work = work
        self.scope = anyio.CancelScope()
        self.done = anyio.Event()
        self.asked: RunState | None = None
        self.became: RunState | None = None
        self.error: BaseException | None = None


class Supervisor:
    """Owns the runs of one library. Called by one task at a time, through `MigrationService`."""

    def __init__(
        self,
        *,
        reader: Reader,
        writer: Writer,
        clock: Clock,
        work: Callable[[Run], Callable[[], RunWork]],
        tasks: TaskGroup,
        ended: Callable[[], None],
        has_more: Callable[[Run], Awaitable[bool]],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._work_of = work
        self._tasks = tasks
        self._ended_one = ended
        self._has_more = has_more
        self._active: ActiveRun | None = None
        self._ended: ActiveRun | None = None

    async def start(self, request: ImportRequest, fingerprint: str) -> int:
        """Start a run of a source, or go on with its unfinished one; returns the run's id.

        A source that was carried across already, unchanged, is left alone: only what failed is
        tried again, and images are carried that could not be before. Raises `RunActive` while a
        run of another source is unfinished.
        """
        if self._active is not None and not request.source.is_at(self._active.run.source):
            raise RunActive(self._active.run.id)
        last = await self._reader.ask(LastRunOf(request.source))
        unfinished = await self._reader.ask(UnfinishedRun())
        if unfinished is not None and request.source.is_at(unfinished.source):
            last = unfinished  # which may have been left before the last one began
        if last is not None and _carried_already(last, request, fingerprint):
            if await self._reader.ask(RetryableItems(last.id)):
                return await self._retry(last)
            if not await self._has_more(last):
                return last.id
        run = await self._writer.commit(
            OpenRun(
                kind=RunKind.LEGACY,
                source=request.source,
                strategy=request.strategy,
                fingerprint=fingerprint,
                at=self._clock.now(),
            )
        )
        return await self._go(run)

    async def promote(
        self, ids: list[int], strategy: ConflictStrategy | None, sizes: dict[int, int]
    ) -> int:
        """Start a run of stage 2 over pending models; returns its id. Raises `RunActive`."""
        if self._active is not None:
            raise RunActive(self._active.run.id)
        return await self._go(
            await self._writer.commit(OpenPromotion(ids, strategy, sizes, self._clock.now()))
        )

    async def promotion_ended(self) -> None:
        """Wait until no promotion is active."""
        while self._active is not None and self._active.run.kind is RunKind.PROMOTION:
            await self._active.done.wait()

    async def resume(self, run_id: int | None) -> int:
        """Go on with an interrupted or cancelled run. Raises `NothingToResume`."""
        run = await self._reader.ask(UnfinishedRun())
        if run is None or (run_id is not None and run.id != run_id):
            raise NothingToResume
        return await self._go(run)

    async def retry(self, ids: tuple[int, ...] | None) -> int:
        """Try the failed items of the last run again, all or these.

        Raises `NothingToRetry`, `RunActive`.
        """
        run = await self._reader.ask(RunById())
        if run is None or not await self._reader.ask(RetryableItems(run.id)):
            raise NothingToRetry
        return await self._retry(run, ids)

    async def cancel(self) -> None:
        """Let the active run finish what is in hand and become `cancelled`.

        What is in hand is not finished while the database is locked: then it is laid down.
        """
        if self._active is not None:
            self._tasks.start_soon(self._let_go_of_lock, self._active)
        await self._drain(RunState.CANCELLED)

    def is_active(self) -> bool:
        """Whether a run is under way."""
        return self._active is not None

    def unnoted_end(self, run_id: int) -> RunState | None:
        """What a run of this process became, as long as it is not active any more."""
        ended = None if self._active is not None else self._ended
        return ended.became if ended is not None and ended.run.id == run_id else None

    async def stop(self, grace: float) -> None:
        """Interrupt the active run: what is in hand has `grace` seconds to finish."""
        active = self._active
        if active is None:
            return
        with anyio.move_on_after(grace):
            await self._drain(RunState.INTERRUPTED)
            await active.done.wait()
            return
        active.scope.cancel()
        with anyio.CancelScope(shield=True):
            await active.done.wait()

    async def wait(self, run_id: int) -> None:
        """Wait until a run of this process has ended; raises the error that ended it."""
        active = self._active
        if active is not None and active.run.id == run_id:
            await active.done.wait()
        ended = self._ended
        if ended is not None and ended.run.id == run_id and ended.error is not None:
            raise ended.error

    async def _retry(self, run: Run, ids: tuple[int, ...] | None = None) -> int:
        unfinished = await self._reader.ask(UnfinishedRun())
        if unfinished is not None and unfinished.id != run.id:
            raise RunActive(unfinished.id)
        await self._writer.commit(RetryFailed(run.id, self._clock.now(), ids))
        return await self._go(run)

    async def _go(self, run: Run) -> int:
        if self._active is not None:
            if self._active.run.id != run.id:
                raise RunActive(self._active.run.id)
            return run.id
        begin = self._work_of(run)
        # Whoever asked may leave meanwhile: what is noted as running must run.
        with anyio.CancelScope(shield=True):
            await self._writer.commit(SetRunState(run.id, RunState.RUNNING, self._clock.now()))
            self._active = ActiveRun(run, begin())
            self._tasks.start_soon(self._oversee, self._active)
        return run.id

    async def _let_go_of_lock(self, active: ActiveRun) -> None:
        while not active.done.is_set():
            with anyio.move_on_after(WAIT_SECONDS):
                await active.done.wait()
            if self._writer.is_waiting:
                active.scope.cancel()

    async def _drain(self, asked: RunState) -> None:
        if self._active is not None:
            self._active.asked = self._active.asked or asked
            await self._active.work.drain()

    async def _oversee(self, active: ActiveRun) -> None:
        try:
            with active.scope:
                await active.work.execute()
        except Exception as error:
            active.error = cause_of(error)
        with anyio.CancelScope(shield=True):
            try:
                await self._end(active)
            finally:
                self._active, self._ended = None, active
                active.done.set()
                self._ended_one()

    async def _end(self, active: ActiveRun) -> None:
        if active.asked is not None and isinstance(active.error, DatabaseBusy):
            active.error = None  # it was left waiting, as was asked
            active.became = active.asked
        else:
            active.became = await self._ending(active)
        defect = None
        if isinstance(active.error, ReshelveError):
            defect = Defect(active.error.code, str(active.error))
        elif active.error is not None:
            defect = Defect("unexpected_error", f"{type(active.error).__name__}: {active.error}")
        note = SetRunState(active.run.id, active.became, self._clock.now(), defect)
        try:
            with anyio.move_on_after(_patience(active)):
                await self._writer.commit(note)
        except DatabaseBusy:
            pass  # the next start finds the run interrupted
        except ReshelveError as error:
            # The disk refuses the note as well.
            active.error = active.error or error

    async def _ending(self, active: ActiveRun) -> RunState:
        """What a run becomes: only one that has nothing left in hand can end."""
        if active.error is None and active.scope.cancelled_caught:
            return active.asked or RunState.INTERRUPTED
        if not isinstance(active.error, SourceMissing | SourceUnreadable | None):
            return RunState.INTERRUPTED
        status, run = None, None
        with suppress(ReshelveError), anyio.move_on_after(_patience(active)):
            status = await self._reader.ask(StatusOf(active.run.id))
            run = await self._reader.ask(RunById(active.run.id))
        if status is None or run is None:
            return active.asked or RunState.INTERRUPTED
        if active.error is not None:
            return RunState.INTERRUPTED if status.work else RunState.FAILED
        open_work = not run.intake_done or status.work > 0
        if active.asked is not None and open_work:
            return active.asked
        if status.counts.failed or status.source_damaged:
            return RunState.COMPLETED_WITH_FAILURES
        return RunState.COMPLETED


def _patience(active: ActiveRun) -> float:
    """How long the end of a run may take to be looked up and noted, in seconds."""
    return math.inf if active.asked is None else NOTE_SECONDS


def _carried_already(last: Run, request: ImportRequest, fingerprint: str) -> bool:
    return (
        last.status in {RunState.COMPLETED, RunState.COMPLETED_WITH_FAILURES}
        and last.fingerprint == fingerprint
        and last.source is not None
        and last.source.options == request.source.options
    )
