"""The one door: start, resume, cancel, status, events and reports of a library's migrations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType

import anyio
from anyio import CapacityLimiter, to_thread
from anyio.abc import TaskGroup

from engine.actors.locks import HashLocks
from engine.actors.mailbox import Question
from engine.actors.pulse import Pulse
from engine.actors.supervisor import RunWork, Supervisor
from engine.actors.writer import Writer
from engine.errors import RunActive, RunInterrupted
from engine.facts.conflicts import ConflictStrategy
from engine.facts.files import Root
from engine.facts.promotion_report import PromotionReport, Refusal, refuse, sort_ids
from engine.facts.records import PendingModelRecord
from engine.facts.requests import ImportRequest
from engine.facts.scan_report import ScanReport
from engine.facts.states import ModelState
from engine.facts.status import ItemPage, RunFailure, RunNotice, RunStatus
from engine.facts.work import Run
from engine.library.catalogue import Catalogue
from engine.library.finder import Finder
from engine.library.problems import Problems
from engine.library.repairs import Repairs
from engine.library.reports import Reports
from engine.ports.bundle import Ports
from engine.ports.changes import Recover
from engine.ports.queries import (
    FailuresOf,
    ItemsOf,
    PendingModels,
    PendingPaths,
    PromotionOf,
    WarningsOf,
)
from engine.ports.source import kind_of
from engine.runs.importing import ImportRun
from engine.runs.offering import Offering
from engine.runs.promoting import PromotionRun
from engine.runs.recognition import settled
from engine.runs.resources import HashMeter, WorkerResources
from engine.runs.scanning import Scan
from engine.runs.survey import Surveyor
from engine.runs.together import TogetherWorker
from engine.runs.watching import Watch
from engine.runs.worker import Worker

TASKS_PER_SLOT = 3
"""Workers per slot of what computes: while one waits for the disk or a commit, another encodes."""

GRACE_SECONDS = 4.0
"""How long work in hand may take to finish after a stop; the rest of 5 s is for saving state."""

CLOSING = "The service is stopping. Promote again when it runs."

HURRY_SECONDS = 1.0
"""How long what is stopping goes on waiting for a database that another program has locked."""


class MigrationService:
    """Owns a library's migrations for the length of an `async with`.

    Its task group holds the writer and the active run; leaving the block stops the run, which
    `resume` goes on with later. The store is opened and closed by the caller.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._pulse = Pulse()
        self._writer = Writer(ports.store, self._pulse, ports.tell_of_wait)
        self._supervisor: Supervisor
        self._watch: Watch
        self._turn = anyio.Lock()
        self._promotions = anyio.Lock()
        self._scans = anyio.Lock()
        self._tasks: TaskGroup
        self._stack = AsyncExitStack()
        self._closing = False
        self._resources = WorkerResources(
            journal=ports.store,
            compute=ports.compute,
            isolated=ports.isolated,
            encoder=ports.encoder,
            models=ports.models,
            library=ports.library,
            io=CapacityLimiter(TASKS_PER_SLOT * ports.compute.slots + 2),
            clock=ports.clock,
            meter=HashMeter(),
            locks=HashLocks(),
        )
        self._offering = Offering(
            ports.store, self._writer, ports.sources, self._resources.io, ports.clock
        )
        self.catalogue = Catalogue(
            self._resources, self._writer, ports.store, ports.library, ports.types
        )
        self.surveyor = Surveyor(ports.sources, ports.library, ports.place, self._resources.io)
        self.problems = Problems(ports.store)
        self.reports = Reports(ports.store)
        self.repairs = Repairs(ports, self._resources, self._writer, self._join)
        self.finder = Finder(ports.store, ports.models, self._resources.io)

    async def __aenter__(self) -> MigrationService:
        writers = await self._stack.enter_async_context(anyio.create_task_group())
        writers.start_soon(self._writer.run)
        self._stack.callback(self._writer.close)
        self._tasks = await self._stack.enter_async_context(anyio.create_task_group())
        self._supervisor = Supervisor(
            reader=self._ports.store,
            writer=self._writer,
            clock=self._ports.clock,
            work=self._work_of,
            tasks=self._tasks,
            ended=self._pulse.beat,
            has_more=self._offering.has_any,
        )
        self._watch = Watch(
            store=self._ports.store,
            writer=self._writer,
            pulse=self._pulse,
            supervisor=self._supervisor,
            meter=self._resources.meter,
            clock=self._ports.clock,
        )
        try:
            await to_thread.run_sync(self._ports.library.sweep, limiter=self._resources.io)
            await self._writer.commit(Recover(self._ports.clock.now()))
            await self.catalogue.recover()
        except BaseException:
            self._writer.hurry(0)
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()
        with anyio.CancelScope(shield=True):
            await self._supervisor.stop(GRACE_SECONDS)
        await self._stack.__aexit__(kind, error, traceback)

    def _close(self) -> None:
        """Promotions that still queue would begin run after run while the tasks end."""
        self._closing = True
        self._writer.hurry(HURRY_SECONDS)
        self._watch.close()

    async def start(self, request: ImportRequest) -> RunStatus:
        """Start stage 1, or go on with the unfinished run of the same source; at once.

        Raises what `settled` raises, `SourceMissing`, `SourceUnreadable`, `RunActive`.
        """
        kinds, limiter = self._ports.sources, self._resources.io
        place = self._ports.place
        request = await to_thread.run_sync(settled, kinds, request, place, limiter=limiter)
        kind = kinds[request.source.kind]
        fingerprint = await to_thread.run_sync(kind.fingerprint, request.source, limiter=limiter)
        async with self._turn:
            run_id = await self._supervisor.start(request, fingerprint)
        return await self.status(run_id)

    async def import_legacy(self, request: ImportRequest) -> RunStatus:
        """Stage 1 to its end; it goes on when the caller is cancelled.

        Raises what `start` raises, and what ended the run.
        """
        started = await self.start(request)
        assert started.run is not None
        ended = await self.wait(started.run.id)
        if ended.run is not None and ended.run.resumable:
            raise RunInterrupted(ended.run.id)
        return ended

    async def resume(self, run_id: int | None = None) -> RunStatus:
        """Go on with what was interrupted or cancelled, at once.

        Raises `NothingToResume`; `UnknownSourceKind` where another version began it.
        """
        async with self._turn:
            resumed = await self._supervisor.resume(run_id)
        return await self.status(resumed)

    async def promote(
        self, ids: Sequence[object], strategy: ConflictStrategy | None
    ) -> PromotionReport:
        """Promote waiting models in the order given, and tell what became of each.

        Requests that overlap take turns, so each id is promoted once. The promotion goes on when
        the caller is cancelled. What is no id of a waiting model is refused in the report.
        """
        question = Question(ids)
        self._tasks.start_soon(self._answer_promotion, question, strategy)
        report: PromotionReport = await question.reply()
        return report

    async def begin_promotion(self, ids: list[int], strategy: ConflictStrategy | None) -> RunStatus:
        """Start a run of stage 2, at once. Raises `RunActive`."""
        paths = await self._ports.store.ask(PendingPaths(ids))
        sizes = await to_thread.run_sync(
            self._ports.models.sizes, list(paths.values()), limiter=self._resources.io
        )
        expected = {pending_id: size for pending_id, size in zip(paths, sizes, strict=True) if size}
        async with self._turn:
            run_id = await self._supervisor.promote(ids, strategy, expected)
        return await self.status(run_id)

    async def promotion(self, run_id: int) -> PromotionReport:
        """What became of every id of a promotion so far."""
        return await self._ports.store.ask(PromotionOf(run_id))

    async def pending_ids(self) -> list[int]:
        """The ids of all models that wait, ascending."""
        return [model.id for model in await self.finder.all_pending()]

    async def scan(self, roots: Sequence[Root]) -> ScanReport:
        """Look for model files below the roots; new ones wait for promotion.

        One scan at a time: two would each add a file that they reach by different routes. Raises
        `ScanFailed` when a root cannot be read.
        """
        async with self._scans:
            return await Scan(self._resources, self._writer).run(roots)

    async def retry(self, ids: tuple[int, ...] | None = None) -> RunStatus:
        """Failed items of the last run, all or these, are tried again, at once.

        Raises `NothingToRetry` where none failed, `RunActive`.
        """
        async with self._turn:
            retried = await self._supervisor.retry(ids)
        return await self.status(retried)

    async def cancel(self) -> RunStatus:
        """Let the active run finish what is in hand; it becomes `cancelled`."""
        if self._supervisor.is_active():  # whoever starts another may wait for the database
            await self._supervisor.cancel()
        else:
            async with self._turn:
                await self._supervisor.cancel()
        return await self.status()

    async def stop(self, grace: float = GRACE_SECONDS) -> None:
        """Interrupt the active run within `grace` seconds, its state saved.

        The service begins nothing more, and its event streams end.
        """
        self._close()
        await self._supervisor.stop(grace)

    async def wait(self, run_id: int) -> RunStatus:
        """Wait until a run has ended; raises the error that ended it."""
        await self._supervisor.wait(run_id)
        return await self.status(run_id)

    async def status(self, run_id: int | None = None) -> RunStatus:
        """The status of a run, the last one by default. Raises `UnknownRun`."""
        return await self._watch.status(run_id)

    async def next_event(self, after: int = 0) -> tuple[int, RunStatus] | None:
        """(number, status) as soon as there is one newer than `after`; the newest only.

        None when the service stops.

        Numbers rise, over restarts too: they count on from the time of the start in
        milliseconds. Whoever asks slowly misses the ones between, and costs nothing.
        """
        return await self._watch.next_event(after)

    async def events(self, after: int = 0) -> AsyncIterator[tuple[int, RunStatus]]:
        """`next_event`, again and again, at most one in `EVENT_INTERVAL`."""
        async for event in self._watch.events(after):
            yield event

    async def items(
        self,
        run_id: int | None,
        state: ModelState | None,
        after: int,
        limit: int,
        verbatim: bool = False,
    ) -> ItemPage:
        """Items of a run, the last one by default, ascending by id. Raises `UnknownRun`."""
        await self._watch.catch_up()
        return await self._ports.store.ask(ItemsOf(run_id, state, after, limit, verbatim))

    async def pending(self, after: int, limit: int) -> list[PendingModelRecord]:
        """Models that wait for promotion, ascending by id."""
        return await self._ports.store.ask(PendingModels(after, limit))

    async def warnings(self, run_id: int, after: int, limit: int) -> list[tuple[int, RunNotice]]:
        """Warnings of a run, each with its own number, ascending."""
        return await self._ports.store.ask(WarningsOf(run_id, after, limit))

    async def failures(self, run_id: int, after: int, limit: int) -> list[RunFailure]:
        """Failed items of a run, ascending by id."""
        return await self._ports.store.ask(FailuresOf(run_id, after, limit))

    async def _join(self, pending_id: int) -> bool:
        report = await self.promote([pending_id], ConflictStrategy.MERGE)
        return report.success == [pending_id]

    async def _answer_promotion(
        self, question: Question[Sequence[object]], strategy: ConflictStrategy | None
    ) -> None:
        try:
            async with self._promotions:
                question.answer(await self._promote(question.message, strategy))
        except Exception as error:
            question.refuse(error)

    async def _promote(
        self, given: Sequence[object], strategy: ConflictStrategy | None
    ) -> PromotionReport:
        ids, refusals = sort_ids(given)
        if not ids:
            return refuse(PromotionReport(), refusals)
        if self._closing:
            return refuse(
                PromotionReport(), refusals + [Refusal(i, CLOSING, "closing") for i in ids]
            )
        try:
            await self._supervisor.promotion_ended()
            status = await self.begin_promotion(ids, strategy)
        except RunActive as active:
            return refuse(
                PromotionReport(), refusals + [Refusal(i, str(active), active.code) for i in ids]
            )
        assert status.run is not None
        await self._supervisor.wait(status.run.id)
        return refuse(await self.promotion(status.run.id), refusals)

    def _work_of(self, run: Run) -> Callable[[], RunWork]:
        """What begins the work of a run. Raises `UnknownSourceKind`."""
        if run.source is None:
            library = self._ports.library
            worker = Worker(self._resources, self._writer, library.originals)
            return partial(
                PromotionRun,
                run,
                reader=self._ports.store,
                writer=self._writer,
                worker=worker,
                together=TogetherWorker(self._resources, self._writer, worker),
                library=library,
                io=self._resources.io,
                tasks=TASKS_PER_SLOT * self._ports.compute.slots,
            )
        kind = kind_of(self._ports.sources, run.source)
        images = kind.images(run.source)
        return partial(
            ImportRun,
            run,
            run.source,
            reader=self._ports.store,
            writer=self._writer,
            kind=kind,
            images=images,
            scratch=self._ports.scratch,
            models=self._ports.models,
            library=self._ports.library,
            io=self._resources.io,
            clock=self._ports.clock,
            worker=Worker(self._resources, self._writer, images),
            offering=self._offering,
            tasks=TASKS_PER_SLOT * self._ports.compute.slots,
        )
