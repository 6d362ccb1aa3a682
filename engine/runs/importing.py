"""Stage 1: how the rows of a legacy library become items, and items become models.

Rows stream from the source in its order; each chunk is recorded and settled in one transaction,
which also moves the run's cursor, so an interrupted run goes on with the next row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from itertools import chain
from pathlib import Path
from types import TracebackType

import anyio
from anyio import CapacityLimiter, from_thread, to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from engine.actors.dispatcher import Dispatcher, News
from engine.actors.mailbox import waiting
from engine.actors.writer import Commits
from engine.errors import ReshelveError, SourceMissing, SourceUnreadable
from engine.facts.assessment import AssessedRow, assess, row_digest
from engine.facts.source import Notice, SourceChunk, SourceRef
from engine.facts.work import Run, WorkItem
from engine.ports.changes import ExpectRows, FinishIntake, RecordRows
from engine.ports.clock import Clock
from engine.ports.files import LibraryFiles, ModelFiles
from engine.ports.journal import Reader
from engine.ports.queries import CachedHashes, KnownDigests, OpenWork
from engine.ports.source import Source, SourceImages, SourceKind, nothing_known
from engine.runs.hashing import identified
from engine.runs.offering import Offering
from engine.runs.originals import remove_unused_originals
from engine.runs.versions import EarlierVersions
from engine.runs.worker import Worker

CHUNK_ROWS = 2000
"""Rows that are read at once, at most."""

CHUNKS_AT_ONCE = 3
"""Chunks recorded in one transaction, as many as are read by then. The hashes of models are random
keys: the more of them are written at once, the more fall on one page of their index. No more wait
meanwhile, which bounds memory."""

ROWS_LET_GO = 500
"""Rows that are given back to memory in one go: whoever does it holds the interpreter's lock."""

Chunk = tuple[list[AssessedRow], list[Notice], str]
"""Assessed rows of a source, what is wrong with none of them in particular, and the cursor."""


class OpenedSource:
    """A source opened, read and closed in worker threads."""

    def __init__(
        self, kind: SourceKind, source: SourceRef, scratch: Path, limiter: CapacityLimiter
    ) -> None:
        self._opening: AbstractContextManager[Source] = kind.open(source, scratch)
        self._limiter = limiter

    async def __aenter__(self) -> Source:
        return await to_thread.run_sync(self._opening.__enter__, limiter=self._limiter)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(
                self._opening.__exit__, None, None, None, limiter=self._limiter
            )


class ImportRun:
    """One run of stage 1: an intake that records rows, and a dispatcher that works them off."""

    def __init__(
        self,
        run: Run,
        source: SourceRef,
        *,
        reader: Reader,
        writer: Commits,
        kind: SourceKind,
        images: SourceImages,
        scratch: Path,
        models: ModelFiles,
        library: LibraryFiles,
        io: CapacityLimiter,
        clock: Clock,
        worker: Worker,
        offering: Offering,
        tasks: int,
    ) -> None:
        self._run = run
        self._from = source
        self._where = images.where
        self._reader = reader
        self._writer = writer
        self._kind = kind
        self._scratch = scratch
        self._models = models
        self._library = library
        self._earlier = EarlierVersions(run.id, source, kind, reader, models, io)
        self._io = io
        self._clock = clock
        self._worker = worker
        self._offering = offering
        self._tasks = tasks
        self._dispatcher = Dispatcher(self._queue, tasks)
        self._draining = False
        self._intake = anyio.CancelScope()
        self._source_error: ReshelveError | None = None

    async def execute(self) -> None:
        """Run to the end, or until `drain`.

        Raises `SourceMissing` or `SourceUnreadable` after the rows recorded so far are worked off.
        """
        await self._offering.offer(self._run)
        await self._finish_open_work()
        if self._draining:
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._take_in)
            await self._dispatcher.run(self._worker)
        if self._source_error is not None:
            raise self._source_error
        if not self._draining:
            await remove_unused_originals(self._reader, self._writer, self._library, self._io)

    async def drain(self) -> None:
        """Record no more rows, hand out no more work, finish what is in hand."""
        self._draining = True
        self._intake.cancel()
        await self._dispatcher.drain()

    async def _finish_open_work(self) -> None:
        """Work off what is open already, before rows are recorded: the dispatcher goes by their
        keys, and would not go back for a row whose images are being offered again."""
        await self._dispatcher.tell(News.NO_MORE_WORK)
        await self._dispatcher.run(self._worker)
        if not self._draining:
            self._dispatcher = Dispatcher(self._queue, self._tasks)

    async def _queue(self, after: int, limit: int) -> list[WorkItem]:
        return await self._reader.ask(OpenWork(self._run.id, after, limit))

    async def _take_in(self) -> None:
        with self._intake:
            if not self._run.intake_done:
                try:
                    await self._read_source()
                except (SourceMissing, SourceUnreadable) as error:
                    self._source_error = error
            await self._dispatcher.tell(News.NO_MORE_WORK)

    async def _read_source(self) -> None:
        opened = OpenedSource(self._kind, self._from, self._scratch, self._io)
        async with opened as source:
            await self._record(source)
        await self._writer.commit(FinishIntake(self._run.id, self._clock.now()))

    async def _record(self, source: Source) -> None:
        tags, warnings = await to_thread.run_sync(source.tags, limiter=self._io)
        rows = await to_thread.run_sync(lambda: source.rows, limiter=self._io)
        if not rows:
            told = f"there are no models in {self._from.location}"
            warnings = [*warnings, Notice("source_empty", told)]
        await self._writer.commit(ExpectRows(self._run.id, rows, tags, warnings))
        ahead: tuple[MemoryObjectSendStream[Chunk], MemoryObjectReceiveStream[Chunk]]
        ahead = anyio.create_memory_object_stream(CHUNKS_AT_ONCE - 1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._read_ahead, source, ahead[0])
            async with ahead[1]:
                await self._record_chunks(ahead[1])

    async def _record_chunks(self, chunks: MemoryObjectReceiveStream[Chunk]) -> None:
        """Have chunks committed, in order."""
        cursor = self._run.cursor
        async for first in chunks:
            rows, notes, reached = _joined([first, *waiting(chunks, CHUNKS_AT_ONCE - 1)])
            del first  # or its rows would stay until the next ones come
            fresh = await self._identified(await self._unrecorded(rows))
            if fresh or notes:
                now = self._clock.now()
                change = RecordRows(self._run.id, cursor, reached, fresh, notes, now)
                cursor = reached
                if await self._writer.commit(change):
                    await self._dispatcher.tell(News.MORE_WORK)
            await to_thread.run_sync(_let_go, rows, fresh, limiter=self._io)

    async def _read_ahead(self, source: Source, chunks: MemoryObjectSendStream[Chunk]) -> None:
        """Read on while chunks are being committed."""
        known = self._known if self._run.repeats else nothing_known
        reading = source.chunks(self._run.cursor, CHUNK_ROWS, known)
        async with chunks:
            while True:
                chunk = await to_thread.run_sync(self._next_chunk, reading, limiter=self._io)
                if chunk is None:
                    return
                await chunks.send(chunk)

    def _next_chunk(self, chunks: Iterator[SourceChunk]) -> Chunk | None:
        """In a thread: read, look at the model files, judge."""
        chunk = next(chunks, None)
        if chunk is None:
            return None
        hashed = [model.path for model in chunk.models if model.sha256 and model.defect is None]
        sizes = dict(zip(hashed, self._models.sizes(hashed), strict=True))
        where = self._where
        rows = [
            assess(model, row_digest(model.version or model.verbatim, where), sizes.get(model.path))
            for model in chunk.models
        ]
        return rows, chunk.warnings, chunk.cursor

    def _known(self, versions: Mapping[str, bytes]) -> set[str]:
        """In a thread: which rows were recorded in the version that they are in now."""
        query = KnownDigests(self._run.id, list(versions))
        recorded = from_thread.run(self._reader.ask, query)
        return {
            key
            for key, version in versions.items()
            if (key, row_digest(version, self._where)) in recorded
        }

    async def _unrecorded(self, rows: list[AssessedRow]) -> list[AssessedRow]:
        """Rows that no run of this source has recorded as they are; with what it recorded of them
        before."""
        if not (rows and self._run.repeats):
            return rows
        keys = [row.model.key for row in rows]
        known = await self._reader.ask(KnownDigests(self._run.id, keys))
        if not known:
            return rows
        fresh = [row for row in rows if (row.model.key, row.digest) not in known]
        return await self._earlier.told(fresh, {key for key, _ in known})

    async def _identified(self, rows: list[AssessedRow]) -> list[AssessedRow]:
        """The rows, with the hashes of files that were hashed before and have not changed."""
        paths = [row.model.path for row in rows if not row.sha256 and row.model.defect is None]
        known = await self._reader.ask(CachedHashes(paths)) if paths else {}
        if not known:
            return rows
        return await to_thread.run_sync(identified, rows, known, self._models, limiter=self._io)


def _joined(chunks: list[Chunk]) -> Chunk:
    rows, notes, cursors = zip(*chunks, strict=True)
    return list(chain.from_iterable(rows)), list(chain.from_iterable(notes)), cursors[-1]


def _let_go(*recorded: list[AssessedRow]) -> None:
    """In a thread: what is let go of by the last name for it keeps the event loop waiting."""
    for rows in recorded:
        while rows:
            del rows[-ROWS_LET_GO:]
