"""That the intake records every row of a source, in order, whatever the disk refuses meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from anyio import CapacityLimiter, to_thread

from adapters.sqlite.store import sqlite_store
from engine.actors.pulse import Pulse
from engine.actors.writer import Writer
from engine.errors import StorageFailed, cause_of
from engine.facts.conflicts import ConflictStrategy
from engine.facts.recognition import Contents
from engine.facts.source import Notice, SourceChunk, SourceRef, SourceTag
from engine.facts.status import RunKind, RunState
from engine.facts.work import Run
from engine.ports.changes import Change, OpenRun, RecordRows, SetRunState
from engine.ports.clock import SystemClock
from engine.ports.files import LibraryFiles, ModelFiles
from engine.ports.journal import Store
from engine.ports.queries import ItemsOf, RunById
from engine.ports.source import Known, Source, SourceKind, never, nothing_known
from engine.runs.importing import CHUNKS_AT_ONCE, ImportRun
from engine.runs.offering import Offering
from engine.runs.worker import Worker
from tests.sources import KINDS, hikaze1
from tests.unit.rows import FOLDER, model, sha

pytestmark = pytest.mark.anyio

KEYS = list(range(1, 9))
LEGACY = hikaze1("/legacy/hikaze_mm.sqlite3", FOLDER)


class ShortChunks:
    """A source of hashed rows without images, one in a chunk."""

    rows = len(KEYS)
    contents = Contents()

    def __init__(self) -> None:
        self.enough_were_sent = threading.Event()

    def tags(self) -> tuple[list[SourceTag], list[Notice]]:
        return [], []

    def chunks(self, after: str, size: int, known: Known = nothing_known) -> Iterator[SourceChunk]:
        for key in KEYS:
            if key > int(after or 0):
                if key == CHUNKS_AT_ONCE + 1:
                    self.enough_were_sent.set()
                yield SourceChunk([model(key, sha256=sha(key))], str(key))

    @contextmanager
    def open(
        self, source: SourceRef, scratch: Path, checkpoint: Callable[[], None] = never
    ) -> Iterator[Source]:
        yield self


class PresentFiles:
    def sizes(self, paths: Sequence[str]) -> list[int | None]:
        return [10 for _ in paths]


class RefusingStore:
    """A store on a disk that has no room for the chunk with one row, but for smaller ones."""

    def __init__(self, store: Store, refused: int | None) -> None:
        self._store = store
        self._refused = refused

    async def apply(self, changes: Sequence[Change[Any]]) -> list[Any]:
        for change in changes:
            keys = (
                [row.model.number for row in change.rows] if isinstance(change, RecordRows) else []
            )
            if self._refused in keys:
                raise StorageFailed("/library", "disk full")
        return await self._store.apply(changes)


class SlowStore:
    """A store that records no row before as many as it can take at once were read after it."""

    def __init__(self, store: Store, source: ShortChunks) -> None:
        self._store = store
        self._source = source
        self.given: list[int] = []

    async def apply(self, changes: Sequence[Change[Any]]) -> list[Any]:
        for change in changes:
            if isinstance(change, RecordRows):
                self.given.append(len(change.rows))
                assert await to_thread.run_sync(self._source.enough_were_sent.wait, 10)
        return await self._store.apply(changes)


async def take_in(store: Store, run: Run, tmp_path: Path, *, refused: int | None = None) -> None:
    """One run of stage 1 over the source, from where the run's cursor is."""
    await take_in_from(ShortChunks(), store, RefusingStore(store, refused), run, tmp_path)


async def take_in_from(
    source: ShortChunks, store: Store, written: object, run: Run, tmp_path: Path
) -> None:
    writer = Writer(cast(Store, written), Pulse())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writer.run)
        try:
            await ImportRun(
                run,
                LEGACY,
                reader=store,
                writer=writer,
                kind=cast(SourceKind, source),
                images=KINDS["hikaze1"].images(LEGACY),
                scratch=tmp_path,
                models=cast(ModelFiles, PresentFiles()),
                library=cast(LibraryFiles, None),
                io=CapacityLimiter(4),
                clock=SystemClock(),
                worker=cast(Worker, None),
                offering=Offering(store, writer, KINDS, CapacityLimiter(1), SystemClock()),
                tasks=1,
            ).execute()
        finally:
            writer.close()


async def be_refused(store: Store, run: Run, tmp_path: Path, refused: int) -> None:
    """A run of stage 1 that ends because the disk refuses a chunk."""
    with pytest.raises(ExceptionGroup) as ended:
        await take_in(store, run, tmp_path, refused=refused)
    assert isinstance(cause_of(ended.value), StorageFailed)


async def open_run(store: Store) -> Run:
    (run,) = await store.apply(
        [OpenRun(RunKind.LEGACY, LEGACY, ConflictStrategy.MERGE, "fingerprint", 1)]
    )
    assert isinstance(run, Run)
    return run


async def recorded(store: Store) -> list[int]:
    page = await store.ask(ItemsOf(1, None, 0, 100))
    return sorted(view.source_id or 0 for view in page.items)


async def test_every_row_is_recorded(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        await take_in(store, await open_run(store), tmp_path)
        assert await recorded(store) == KEYS


async def test_taking_in_again_records_nothing_twice(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        run = await open_run(store)
        await take_in(store, run, tmp_path)
        await store.apply([SetRunState(run.id, RunState.COMPLETED, 1)])
        await take_in(store, await open_run(store), tmp_path)
        assert await recorded(store) == KEYS


@pytest.mark.parametrize("refused", [1, 4, 7])
async def test_a_disk_that_refuses_a_chunk_ends_the_intake(tmp_path: Path, refused: int) -> None:
    async with sqlite_store(tmp_path) as store:
        run = await open_run(store)
        await be_refused(store, run, tmp_path, refused)


@pytest.mark.parametrize("refused", [1, 4, 7])
async def test_no_row_is_recorded_before_one_that_was_refused(tmp_path: Path, refused: int) -> None:
    async with sqlite_store(tmp_path) as store:
        run = await open_run(store)
        await be_refused(store, run, tmp_path, refused)
        found = await recorded(store)
        assert found == KEYS[: len(found)]
        # Those that shared its commit are refused with it, and no others.
        assert refused - CHUNKS_AT_ONCE <= len(found) < refused


async def test_rows_that_are_read_while_others_are_recorded_share_a_commit(
    tmp_path: Path,
) -> None:
    async with sqlite_store(tmp_path) as store:
        source = ShortChunks()
        slow = SlowStore(store, source)
        await take_in_from(source, store, slow, await open_run(store), tmp_path)
        assert await recorded(store) == KEYS
        assert slow.given[:2] == [1, CHUNKS_AT_ONCE]


@pytest.mark.parametrize("refused", [1, 4, 7])
async def test_resuming_records_the_chunk_that_the_disk_refused(
    tmp_path: Path, refused: int
) -> None:
    async with sqlite_store(tmp_path) as store:
        run = await open_run(store)
        await be_refused(store, run, tmp_path, refused)
        resumed = await store.ask(RunById(run.id))
        assert resumed is not None
        await take_in(store, resumed, tmp_path)
        assert await recorded(store) == KEYS
