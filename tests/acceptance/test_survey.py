"""What a migration would find is told beforehand, from the real files, and nothing is changed."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import anyio
import pytest
from anyio import CapacityLimiter

from adapters.files.images import DiskImages
from adapters.files.library import DiskLibrary, owned_library
from adapters.sources.hikaze1.reader import Hikaze1
from adapters.sqlite.places import LibraryPlace
from engine.facts.source import SourceRef, SourceStamp
from engine.facts.survey import Survey
from engine.ports.source import Source, never
from engine.runs import survey
from engine.runs.survey import JOURNAL_SHARE, PREVIEW_SHARE, Surveyor
from tests.waiting_library import Legacy, Row, migrate, opened, picture

pytestmark = pytest.mark.anyio

FREE = 10**12
ROWS = (
    Row(1, b"one", hashed=True, images=(("a.png", picture(1)), ("b.png", picture(2)))),
    Row(2, b"two", hashed=True),
    Row(3, b"three", images=(("c.png", picture(3)),)),
)


class WatchedKind(Hikaze1):
    """Counts how often a source is read, and may take its time over it."""

    def __init__(self) -> None:
        super().__init__(DiskImages())
        self.reads = 0
        self.begun: Callable[[], None] = never

    @contextmanager
    def open(
        self, source: SourceRef, scratch: Path, checkpoint: Callable[[], None] = never
    ) -> Iterator[Source]:
        self.reads += 1
        self.begun()
        with super().open(source, scratch, checkpoint) as opened:
            yield opened

    def stamp(self, source: SourceRef) -> SourceStamp:
        return super().stamp(source)


class RoomyLibrary(DiskLibrary):
    """A library on a disk with as much room as a test says."""

    free = FREE

    def free_bytes(self) -> int:
        return self.free


class Desk:
    """A surveyor, what it looks with, and a legacy library to look at."""

    def __init__(self, folder: Path) -> None:
        self.legacy = Legacy(folder / "legacy", ROWS)
        self.kind = WatchedKind()
        with owned_library(folder / "library"):
            self.library = RoomyLibrary(folder / "library")
        self.surveyor = Surveyor(
            {"hikaze1": self.kind},
            self.library,
            LibraryPlace(folder / "library"),
            CapacityLimiter(4),
        )

    async def look(self) -> Survey:
        return await self.surveyor.look(self.legacy.request)


@pytest.fixture
async def desk(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    before = contents(tmp_path / "legacy")
    yield desk
    assert contents(tmp_path / "legacy").keys() <= before.keys()
    assert not desk.library.scratch.exists() or not list(desk.library.scratch.iterdir())


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


async def test_a_sound_library_can_be_started(desk: Desk) -> None:
    before = contents(desk.legacy.database.parent)
    told = await desk.look()
    assert contents(desk.legacy.database.parent) == before
    found = told.database
    assert (found.found, found.readable, found.complete, found.error) == (True, True, True, None)
    assert (found.rows, found.hashed, found.unhashed, found.images) == (3, 2, 1, 3)
    assert (told.images.found, told.images.readable, told.images.missing) == (True, True, 0)
    assert told.can_start


async def test_the_room_is_for_copy_journal_previews_and_originals(desk: Desk) -> None:
    told = await desk.look()
    hashed = len(picture(1)) + len(picture(2))
    database = desk.legacy.database.stat().st_size
    expected = database * (1 + JOURNAL_SHARE) + hashed * PREVIEW_SHARE + len(picture(3))
    assert told.space.needed_bytes == int(expected)
    assert (told.space.free_bytes, told.space.enough) == (FREE, True)


async def test_a_migration_needs_no_more_than_was_estimated(tmp_path: Path) -> None:
    legacy = Legacy(tmp_path / "legacy", [
        Row(key, str(key).encode(), hashed=bool(key % 3), name="n" * 200) for key in range(2000)
    ])  # fmt: skip
    async with opened(tmp_path / "library") as service:
        told = await service.surveyor.look(legacy.request)
        await migrate(service, legacy)
    taken = sum(path.stat().st_size for path in (tmp_path / "library").rglob("*"))
    assert taken < told.space.needed_bytes


async def test_without_room_a_migration_cannot_be_started(desk: Desk) -> None:
    needed = (await desk.look()).space.needed_bytes
    desk.library.free = needed - 1
    told = await desk.look()
    assert (told.space.enough, told.can_start) == (False, False)
    desk.library.free = needed
    assert (await desk.look()).can_start


async def test_without_room_for_a_copy_none_is_made(desk: Desk) -> None:
    desk.library.free = 100
    told = await desk.look()
    assert desk.kind.reads == 0
    assert (told.database.found, told.database.readable, told.database.rows) == (True, None, None)
    assert told.images.missing is None
    assert not told.can_start


async def test_missing_images_are_counted_and_hinder_nothing(desk: Desk) -> None:
    (desk.legacy.images / "b.png").unlink()
    told = await desk.look()
    assert told.images.missing == 1
    assert told.can_start


async def test_without_its_folder_every_image_is_missing(desk: Desk) -> None:
    for path in desk.legacy.images.iterdir():
        path.unlink()
    desk.legacy.images.rmdir()
    told = await desk.look()
    assert (told.images.found, told.images.readable, told.images.missing) == (False, False, 3)
    assert told.can_start


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "source_missing"), (b"no database", "source_unreadable"), (b"", "source_unreadable")],
)
async def test_what_is_no_legacy_database_is_told_with_a_reason(
    desk: Desk, content: bytes | None, code: str
) -> None:
    desk.legacy.database.unlink()
    if content is not None:
        desk.legacy.database.write_bytes(content)
    told = await desk.look()
    assert told.database.found is (content is not None)
    assert told.database.readable is False
    assert told.database.error is not None
    assert told.database.error.code == code
    assert not told.can_start


async def test_a_source_that_has_not_changed_is_not_read_again(desk: Desk) -> None:
    first = await desk.look()
    assert await desk.look() == first
    assert desk.kind.reads == 1


async def test_a_source_that_has_changed_is_read_again(desk: Desk) -> None:
    await desk.look()
    with closing(sqlite3.connect(desk.legacy.database)) as connection, connection:
        connection.execute("INSERT INTO models (id, path) VALUES (9, '/models/nine')")
    assert (await desk.look()).database.rows == 4
    (desk.legacy.images / "a.png").unlink()
    assert (await desk.look()).images.missing == 1
    assert desk.kind.reads == 3


async def test_one_source_is_read_at_a_time(desk: Desk) -> None:
    reading = 0

    def begin() -> None:
        nonlocal reading
        reading += 1

    desk.kind.begun = begin
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(desk.look)
    assert reading == 1


async def test_what_is_known_by_then_is_told_of_a_source_that_takes_long(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "SURVEY_SECONDS", 0.0)
    told = await desk.look()
    assert (told.database.found, told.database.readable) == (True, None)
    assert (told.database.complete, told.database.error) == (False, None)
    assert told.can_start


async def test_whoever_leaves_ends_the_reading(desk: Desk) -> None:
    scope = anyio.CancelScope()
    desk.kind.begun = lambda: anyio.from_thread.run_sync(scope.cancel)
    with anyio.fail_after(5), scope:
        await desk.look()
    assert scope.cancelled_caught
    desk.kind.begun = never
    assert (await desk.look()).database.rows == 3
