"""A store on the bench: opened in a folder, given changes, and looked at with raw SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from adapters.sqlite.opening import database_path
from adapters.sqlite.store import SqliteStore, sqlite_store
from engine.facts.assessment import AssessedRow
from engine.facts.conflicts import ConflictStrategy
from engine.facts.refusals import NO_FILE, RefusedImage
from engine.facts.source import Defect, ImageRef, Notice
from engine.facts.status import RunKind, RunState
from engine.facts.work import BEFORE_FIRST, CarriedImage, ExistingPreviews, Run, WorkItem
from engine.ports.changes import (
    Activate,
    Fail,
    KeepPending,
    OpenRun,
    RecordRows,
    Recover,
    SetRunState,
    TakeInHand,
)
from engine.ports.queries import OpenWork, RunById
from tests.sources import hikaze1
from tests.unit.rows import FOLDER

LOCATION = "/legacy/hikaze_mm.sqlite3"
AT = 1_700_000_000_000
BROKE = Defect("broke", "It broke. Mend it and retry.")


def image(name: str) -> CarriedImage:
    """An image whose content is its name."""
    return CarriedImage(name, name.encode().ljust(16, b"."))


def images_refused(names: Sequence[str]) -> list[RefusedImage]:
    """Images of which there were no files."""
    return [RefusedImage(ImageRef(name), NO_FILE) for name in names]


def finished(
    item: WorkItem,
    *images: CarriedImage,
    previews: int = 0,
    refused: Sequence[str] = (),
    warnings: Sequence[Notice] = (),
    at: int = AT,
) -> Activate:
    """A worker's word that the previews of an item are on disk."""
    count = previews + len(images) if images else None
    return Activate(item, count, list(images), images_refused(refused), 100, list(warnings), at)


def parked(
    item: WorkItem,
    *names: str,
    refused: Sequence[str] = (),
    warnings: Sequence[Notice] = (),
    at: int = AT,
) -> KeepPending:
    """A worker's word that the originals of an item are on disk."""
    return KeepPending(item, list(names), images_refused(refused), 100, list(warnings), at)


def query(library: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """What any SQLite client sees in the library's database, or does to it."""
    with closing(sqlite3.connect(database_path(library), isolation_level=None)) as connection:
        return connection.execute(sql, values).fetchall()


class Bench:
    """A store, and the changes that tests make again and again."""

    def __init__(self, store: SqliteStore, library: Path) -> None:
        self.store = store
        self.library = library

    def sql(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return query(self.library, sql, *values)

    async def open_run(
        self,
        location: str = LOCATION,
        strategy: ConflictStrategy = ConflictStrategy.MERGE,
        at: int = AT,
    ) -> Run:
        (run,) = await self.store.apply(
            [OpenRun(RunKind.LEGACY, hikaze1(location, FOLDER), strategy, "fingerprint", at)]
        )
        assert isinstance(run, Run)
        return run

    async def end_run(self, run: Run) -> None:
        await self.store.apply([SetRunState(run.id, RunState.COMPLETED, AT)])

    async def record(self, run: Run, *rows: AssessedRow, notes: Sequence[Notice] = ()) -> int:
        now = await self.store.ask(RunById(run.id))
        assert now is not None
        reached = rows[-1].model.key if rows else f"{now.cursor} and on"
        change = RecordRows(run.id, now.cursor, reached, list(rows), list(notes), AT)
        (work,) = await self.store.apply([change])
        assert isinstance(work, int)
        return work

    async def work(self, run: Run) -> list[WorkItem]:
        return await self.store.ask(OpenWork(run.id, BEFORE_FIRST, 1_000))

    async def take(self, item: WorkItem) -> ExistingPreviews:
        (previews,) = await self.store.apply([TakeInHand(item, AT)])
        assert isinstance(previews, ExistingPreviews)
        return previews

    async def only_work(self, run: Run) -> WorkItem:
        (item,) = await self.work(run)
        return item

    async def fail(self, item: WorkItem) -> None:
        await self.store.apply([Fail(item, BROKE, AT)])

    async def crash(self) -> None:
        """What the start after a crash does."""
        await self.store.apply([Recover(AT)])

    def states(self) -> dict[int, str]:
        """The state of every item, by its key in the source."""
        return dict(self.sql("SELECT CAST(source_key AS INTEGER), state FROM migration_items"))


def names_in(folder: Path) -> list[str]:
    """The names in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())


def make_folder(folder: Path) -> None:
    """Make a folder where there is none."""
    folder.mkdir(parents=True, exist_ok=True)


@asynccontextmanager
async def opened(library: Path) -> AsyncIterator[Bench]:
    """A bench in a library folder, made where there is none."""
    make_folder(library)
    async with sqlite_store(library) as store:
        yield Bench(store, library)
