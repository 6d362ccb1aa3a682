"""How a frozen library is made, by the code there is: `python -m tests.contract.frozen.making`.

It goes into `journal_N`, N the version of the tables that this code writes, which must not be
there. What happens is told by three acts. In the second and the third everything that takes part
is held up at a place that was chosen for it, and when nothing moves any more, the process kills
itself: what lies on disk then does not depend on chance. Not held up, the same acts end as if
nothing had happened, and that is what a frozen library must come to as well.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import anyio

from adapters.compute.threads import ThreadCompute
from adapters.files.images import DiskImages, FolderImages
from adapters.files.library import DiskLibrary, owned_library
from adapters.files.mending import DiskMending
from adapters.files.models import DiskModels
from adapters.files.stored import DiskStoredFiles
from adapters.pillow.codec import PillowCodec
from adapters.sources.hikaze1.reader import Hikaze1
from adapters.sqlite.migrations import newest
from adapters.sqlite.places import LibraryPlace
from adapters.sqlite.store import sqlite_store
from engine.facts.conflicts import ConflictStrategy
from engine.facts.files import ImageFolder, Root
from engine.facts.recognition import Contents
from engine.facts.source import ImageRef, Notice, SourceChunk, SourceRef, SourceTag
from engine.ports.bundle import Ports
from engine.ports.source import Known, Source, never, nothing_known
from engine.service import MigrationService
from tests.contract.frozen.places import DATABASE, FROZEN, PLACEHOLDER, World, write_paths
from tests.waiting_library import Legacy, Row, picture, sha_of

MODULE = "tests.contract.frozen.making"
AT = 1_700_000_000_000
HOUR = 3_600_000
SHOWN, OTHER = b"the model with previews", b"the model without"
CHUNK_ROWS = 6


def first_rows() -> list[Row]:
    """Every kind of row, most of them waiting for a promotion."""
    three = tuple((f"1 {part}.png", picture(10 + part)) for part in range(3))
    return [
        Row(1, SHOWN, hashed=True, name="shown", type="loras", images=three, tags=("style",)),
        Row(2, OTHER, hashed=True, type="vae", description="plain"),
        Row(3, b"three", name="写真", images=(("3 写真.png", picture(3)),), tags=("写真",)),
        Row(4, SHOWN, name="its twin", images=(("4.png", picture(4)),), tags=("twin",)),
        Row(5, b"five, whose file goes"),
        Row(6, b"six", hashed=True, images=(("broken.png", b"no image"), ("6.png", picture(6)))),
        Row(7, b"seven, whose path goes"),
        Row(8, SHOWN, hashed=True, file="again.safetensors", description="the same again"),
        Row(9, OTHER, file="ignored.safetensors"),
        Row(10, OTHER, file="deleted.safetensors", images=(("10.png", picture(10)),)),
        *(Row(key, f"waits {key}".encode()) for key in (11, 12)),
        *(
            Row(key, f"waits {key}".encode(), images=((f"{key}.png", picture(key)),), tags=("a",))
            for key in range(13, 18)
        ),
    ]


def second_rows() -> list[Row]:
    """Two chunks: of the first, one is carried, three are held up, and two have not begun."""
    return [
        Row(
            key,
            f"second {key}".encode(),
            hashed=key not in (103, 106),
            type="checkpoints",
            images=((f"{key}.png", picture(key)),),
            tags=("second",),
        )
        for key in range(101, 109)
    ] + [Row(109, b"second 109"), Row(110, SHOWN, hashed=True, file="a third.safetensors")]


class Hold:
    """Holds threads up at the places named; when it has all of them, the process dies."""

    def __init__(self, *places: str) -> None:
        self._missing = set(places)
        self._places = frozenset(places)
        self._lock = threading.Lock()

    def at(self, place: str) -> None:
        """In a thread: go on, or wait for the end here."""
        if place not in self._places:
            return
        with self._lock:
            self._missing.discard(place)
            complete = not self._missing
        if complete:
            os.kill(os.getpid(), signal.SIGKILL)
        threading.Event().wait()


class HeldFolder(FolderImages):
    """Image files; reading one is a place by its name."""

    def __init__(self, folder: ImageFolder, hold: Hold) -> None:
        super().__init__(folder)
        self._hold = hold

    def read(self, ref: ImageRef) -> bytes:
        self._hold.at(f"read {ref.name}")
        return super().read(ref)


class HeldImages(DiskImages):
    """Folders of images that are held."""

    def __init__(self, hold: Hold) -> None:
        self._hold = hold

    def in_folder(self, folder: ImageFolder) -> FolderImages:
        return HeldFolder(folder, self._hold)


class HeldLibrary(DiskLibrary):
    """A library's files; keeping an original is a place, and moving a preview down."""

    def __init__(self, folder: Path, hold: Hold) -> None:
        super().__init__(folder)
        self._hold = hold

    @property
    def originals(self) -> FolderImages:
        folder = str(self._pending)
        return HeldFolder(ImageFolder(folder, (folder,)), self._hold)

    def adopt_original(self, name: str, data: bytes) -> str:
        self._hold.at(f"adopt {name}")
        return super().adopt_original(name, data)

    def take_over(
        self, sha256: str, source: int, target: int, replaced: tuple[bytes, ...]
    ) -> tuple[bytes, ...] | None:
        self._hold.at(f"move {source} down")
        return super().take_over(sha256, source, target, replaced)


class HeldRows:
    """An opened source in small chunks; each is a place by its first key."""

    def __init__(self, source: Source, hold: Hold) -> None:
        self._source = source
        self._hold = hold

    @property
    def rows(self) -> int:
        return self._source.rows

    def tags(self) -> tuple[list[SourceTag], list[Notice]]:
        return self._source.tags()

    @property
    def contents(self) -> Contents:
        return self._source.contents

    def chunks(self, after: str, size: int, known: Known = nothing_known) -> Iterator[SourceChunk]:
        for chunk in self._source.chunks(after, min(size, CHUNK_ROWS), known):
            self._hold.at(f"rows from {chunk.models[0].key}")
            yield chunk


class HeldSource(Hikaze1):
    """A kind of source whose rows and images are held."""

    def __init__(self, hold: Hold) -> None:
        super().__init__(HeldImages(hold))
        self._hold = hold

    @contextmanager
    def open(
        self, source: SourceRef, scratch: Path, checkpoint: Callable[[], None] = never
    ) -> Iterator[Source]:
        with super().open(source, scratch, checkpoint) as opened:
            yield HeldRows(opened, self._hold)


class StoppedClock:
    """One moment for each act."""

    def __init__(self, act: int) -> None:
        self._now = AT + act * HOUR

    def now(self) -> int:
        return self._now


@asynccontextmanager
async def held(world: World, act: int, *places: str) -> AsyncIterator[MigrationService]:
    """A service that is held up at these places."""
    hold = Hold(*places)
    with owned_library(world.library):
        async with sqlite_store(world.library) as store:
            library = HeldLibrary(world.library, hold)
            models, codec = DiskModels(), PillowCodec()
            threads = ThreadCompute(models, codec, slots=1)
            ports = Ports(
                store=store,
                library=library,
                stored=DiskStoredFiles(world.library),
                mending=DiskMending(world.library),
                place=LibraryPlace(world.library),
                scratch=library.scratch,
                sources={"hikaze1": HeldSource(hold)},
                models=models,
                codec=codec,
                compute=threads,
                isolated=threads,
                encoder=threads,
                clock=StoppedClock(act),
            )
            async with MigrationService(ports) as service:
                yield service


async def act_1(world: World) -> None:
    """The first library comes in; promotions of every outcome, a scan, and an upload."""
    async with held(world, 1) as service:
        await service.import_legacy(world.request("first"))
        Path(world.request("first").source.location).with_name("models").joinpath(
            "5.safetensors"
        ).unlink()
        await service.promote([3, 4, 5, 99], None)
        await service.promote([9], ConflictStrategy.IGNORE)
        await service.promote([10], ConflictStrategy.DELETE)
        await service.scan([Root("loras", str(world.found))])
        await service.catalogue.upload(sha_of(OTHER), picture(200))


async def act_2(world: World, *places: str) -> None:
    """The first library once more, with a row that has changed; then the second one."""
    async with held(world, 2, *places) as service:
        await service.import_legacy(world.request("first"))
        await service.import_legacy(world.request("second"))


async def act_3(world: World, *places: str) -> None:
    """A promotion, and meanwhile a preview is removed from the middle of a model's."""
    async with held(world, 3, *places) as service:
        begun = await service.begin_promotion([11, 13, 9, 14, 15, 16], None)
        assert begun.run is not None
        await service.catalogue.remove_image(sha_of(SHOWN), 0)
        await service.wait(begun.run.id)


PLACES = {
    2: ("read 102.png", "adopt 103.png", "read 104.png", "rows from 107"),
    3: ("read 13.png", "read 14.png", "read 15.png", "move 2 down"),
}
"""Where an act is held up: its three tasks, and what goes on beside them."""


def make(root: Path, play: Callable[[World, int], None]) -> World:
    """A world in an empty folder; `play` has an act happen."""
    world = World(root)
    first = Legacy(root / "first", first_rows())
    with closing(sqlite3.connect(first.database)) as connection, connection:
        connection.execute("UPDATE models SET path = '' WHERE id = 7")
    Legacy(root / "second", second_rows())
    world.found.mkdir()
    found = world.found / "found 見つけた.safetensors"
    found.write_bytes(b"found")
    os.utime(found, ns=(AT * 1_000_000, AT * 1_000_000))
    play(world, 1)
    first.change(Row(12, b"waits 12", description="changed"))
    first.change(
        Row(6, b"six", hashed=True, description="changed", images=(("6.png", picture(6)),))
    )
    play(world, 2)
    play(world, 3)
    return world


def play_undisturbed(world: World, act: int) -> None:
    """An act to its end, in this process."""
    anyio.run((act_1, act_2, act_3)[act - 1], world)


def play_killed(world: World, act: int) -> None:
    """An act in a process of its own, until it kills itself."""
    words = [sys.executable, "-m", MODULE, str(world.root), str(act)]
    done = subprocess.run(words, check=False, timeout=60)
    assert done.returncode == (-signal.SIGKILL if act in PLACES else 0), done


def freeze(target: Path) -> None:
    """Make a frozen library, with its database in one file of small pages."""
    target.mkdir(parents=True)
    root = target.resolve()
    library = root / "library"
    library.mkdir()
    with closing(sqlite3.connect(library / DATABASE)) as connection:
        # Half of what reshelve makes, and what version 2 makes: the fixture is to be small.
        connection.execute("PRAGMA page_size = 4096")
        connection.execute("PRAGMA journal_mode = WAL")
    world = make(root, play_killed)
    write_paths(world, root.as_posix(), PLACEHOLDER)
    for database in world.databases:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            # What was written over still names the folder that all of it was made in.
            connection.execute("VACUUM")
    shutil.rmtree(library / ".reshelve-scratch", ignore_errors=True)
    (library / ".reshelve.lock").unlink(missing_ok=True)


def main() -> None:
    """Freeze a library of this code; or, with arguments, play one act of it."""
    if len(sys.argv) == 3:
        root, act = Path(sys.argv[1]), int(sys.argv[2])
        acts = (act_1, act_2, act_3)
        anyio.run(acts[act - 1], World(root), *PLACES.get(act, ()))
        return
    freeze(FROZEN / f"journal_{newest()}")


if __name__ == "__main__":
    main()
