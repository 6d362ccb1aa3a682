"""The composition root: the one place that names concrete classes, and the program's entry."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.cli.main import run

THIS_MODULE = f"{__package__}.{Path(__file__).stem}"
"""By which another process imports it; run as a program, it has another name."""

PAGE = Path(__file__).parent / "page"
"""The page that a server shows where no client is given."""

if TYPE_CHECKING:
    from adapters.cli.application import DemoLibrary, Discovery, Serving
    from adapters.cli.arguments import Arguments
    from engine.facts.findings import Sample
    from engine.facts.promotion_report import PromotionReport
    from engine.facts.recognition import Look
    from engine.facts.requests import ImportRequest
    from engine.facts.source import SourceRef
    from engine.facts.status import Holdings, RunState, RunStatus
    from engine.library.repair import Repair
    from engine.library.verification import Verification
    from engine.ports.journal import Reader
    from engine.ports.source import SourceKind
    from engine.service import MigrationService

# What a command does not use is not imported: each function imports its own, so that `--help`
# and `status` answer at once.


class Reshelve:
    """Implements `adapters.cli.application.Application` with SQLite, disk folders and Pillow."""

    @asynccontextmanager
    async def service(
        self,
        library: Path,
        workers: int,
        types: tuple[str, ...] = (),
        tell_of_wait: Callable[[], None] = lambda: None,
    ) -> AsyncIterator[MigrationService]:
        """Own a library, made where there is none, and serve its migrations."""
        from adapters.compute.processes import child_processes
        from adapters.compute.threads import ThreadCompute
        from adapters.files.library import owned_library
        from adapters.files.mending import DiskMending
        from adapters.files.models import DiskModels
        from adapters.files.stored import DiskStoredFiles
        from adapters.pillow.codec import PillowCodec
        from adapters.sqlite.places import LibraryPlace
        from adapters.sqlite.store import sqlite_store
        from engine.ports.bundle import Ports
        from engine.ports.clock import SystemClock
        from engine.service import MigrationService

        models, codec = DiskModels(), PillowCodec()
        threads = ThreadCompute(models, codec, slots=workers)
        with owned_library(library) as files:
            async with (
                sqlite_store(library, tell_of_wait) as store,
                child_processes(THIS_MODULE, threads) as processes,
            ):
                ports = Ports(
                    store=store,
                    library=files,
                    stored=DiskStoredFiles(library),
                    mending=DiskMending(library),
                    place=LibraryPlace(library),
                    scratch=files.scratch,
                    sources=self.sources(),
                    models=models,
                    codec=codec,
                    compute=threads,
                    isolated=processes,
                    encoder=threads,
                    clock=SystemClock(),
                    types=types,
                    tell_of_wait=tell_of_wait,
                )
                async with MigrationService(ports) as service:
                    yield service

    def sources(self) -> Mapping[str, SourceKind]:
        """The kinds of sources, by the names that they are asked for by."""
        from adapters.files.images import DiskImages
        from adapters.files.named_folders import named_folders
        from adapters.sources.folders.kind import Folders
        from adapters.sources.hikaze1.reader import Hikaze1
        from adapters.sources.invokeai.kind import InvokeAi

        return {
            "hikaze1": Hikaze1(DiskImages(), self.databases_in),
            "folders": Folders(named_folders),
            "invokeai": InvokeAi(named_folders),
        }

    def settled(self, request: ImportRequest, library: Path) -> ImportRequest:
        """The request with all that it leaves open, for a library. Blocks."""
        from adapters.sqlite.places import LibraryPlace
        from engine.runs.recognition import settled

        return settled(self.sources(), request, LibraryPlace(library))

    def look(self, source: SourceRef) -> Look:
        """What lies at a location; writes nothing that stays. Blocks."""
        from tempfile import TemporaryDirectory

        from engine.runs.recognition import look

        with TemporaryDirectory(prefix="reshelve-") as scratch:
            return look(self.sources(), source, Path(scratch))

    @asynccontextmanager
    async def reader(
        self, library: Path, tell_of_wait: Callable[[], None] = lambda: None
    ) -> AsyncIterator[Reader]:
        """Read a library that somebody may own."""
        from adapters.sqlite.store import sqlite_reader

        async with sqlite_reader(library, tell_of_wait) as reader:
            yield reader

    def last_status(self, library: Path) -> RunStatus:
        """The status of the last run of a library that somebody may own."""
        from adapters.sqlite.last_status import last_status

        return last_status(library)

    def last_promotion(self, library: Path, run_id: int) -> PromotionReport:
        """What became of each id of a promotion so far."""
        from adapters.sqlite.last_status import last_promotion

        return last_promotion(library, run_id)

    def last_state_of(self, library: Path, location: str) -> RunState | None:
        """How the last run of a source stands, None where it had none."""
        from adapters.sqlite.last_status import last_state_of

        return last_state_of(library, location)

    def holdings(self, library: Path) -> Holdings:
        """How much a library holds."""
        from adapters.sqlite.last_status import holdings

        return holdings(library)

    def is_owned(self, library: Path) -> bool:
        """Whether a process owns the library now."""
        from adapters.files.library import is_owned

        return is_owned(library)

    @asynccontextmanager
    async def verification(
        self,
        library: Path,
        rehash: Sample | None,
        workers: int,
        tell_of_wait: Callable[[], None] = lambda: None,
    ) -> AsyncIterator[Verification]:
        """Compare a library's database and files, without owning it."""
        from adapters.files.models import DiskModels
        from adapters.files.stored import DiskStoredFiles
        from adapters.pillow.codec import PillowCodec
        from adapters.sqlite.store import sqlite_inspector
        from engine.library.verification import Verification

        async with sqlite_inspector(library, tell_of_wait) as reader:
            yield Verification(
                records=reader,
                files=DiskStoredFiles(library),
                models=DiskModels(),
                codec=PillowCodec(),
                rehash=rehash,
                workers=workers,
            )

    @asynccontextmanager
    async def repair_plan(self, library: Path, workers: int) -> AsyncIterator[Repair]:
        """What a repair would do to a library that somebody may own; changes nothing."""
        from adapters.files.models import DiskModels
        from adapters.files.stored import DiskStoredFiles
        from adapters.pillow.codec import PillowCodec
        from adapters.sqlite.store import sqlite_inspector
        from engine.actors.locks import HashLocks
        from engine.library.repair import Repair

        async with sqlite_inspector(library) as reader:
            yield Repair(
                reader=reader,
                stored=DiskStoredFiles(library),
                models=DiskModels(),
                sources=self.sources(),
                codec=PillowCodec(),
                workers=workers,
                locks=HashLocks(),
            )

    def serving(self, arguments: Arguments, token: str | None) -> Serving:
        """A server that listens, and serves nothing yet. Raises OSError."""
        from adapters.http.launch import HttpServing
        from engine import __version__
        from engine.facts.files import Root

        folders = (Path.cwd(), Path.home(), arguments.library, *arguments.allow_path)
        return HttpServing(
            host=arguments.host,
            port=arguments.port,
            origins=tuple(arguments.allow_origin),
            token=token,
            folders=folders,
            roots=tuple(Root(name, str(folder)) for name, folder in arguments.root),
            page=PAGE,
            library=arguments.library,
            version=__version__,
            databases_in=self.databases_in,
            discover=partial(self.databases_near, arguments.library, folders),
            frontend=arguments.frontend,
        )

    def discover(self) -> Discovery:
        """Look below the working folder, the folders around it and the home folder, for 2 s."""
        from adapters.cli.application import Discovery
        from adapters.files.places import discover
        from adapters.sources.hikaze1.reader import DATABASE_NAME as LEGACY
        from adapters.sqlite.opening import DATABASE_NAME as LIBRARY

        here, home = Path.cwd(), Path.home()
        places = [folder for folder in (here, home) if folder.is_dir()]
        each = discover(here.parents, places, (LEGACY, LIBRARY))
        return Discovery(
            databases=tuple(path for path in each if path.name == LEGACY),
            libraries=tuple(path.parent for path in each if path.name == LIBRARY),
            places=tuple(dict.fromkeys(places)),
        )

    def databases_near(self, library: Path, folders: Sequence[Path]) -> list[Path]:
        """Legacy databases around a library and below some folders, looked for as `discover`
        does; none elsewhere."""
        from adapters.files.places import discover
        from adapters.sources.hikaze1.reader import DATABASE_NAME

        known = [folder.resolve() for folder in folders]
        around = [
            folder
            for folder in library.parents
            if any(folder.is_relative_to(each) for each in known)
        ]
        return discover(around, known, (DATABASE_NAME,))

    def databases_in(self, folder: Path) -> list[Path]:
        """Legacy databases in a folder, or where an application in it keeps them."""
        from adapters.files.places import within
        from adapters.sources.hikaze1.reader import DATABASE_NAME

        return within(folder, DATABASE_NAME)

    def make_demo(self, folder: Path) -> DemoLibrary:
        """Draw a small legacy library."""
        from adapters.cli.application import DemoLibrary
        from adapters.demo.library import make_legacy_library

        made = make_legacy_library(folder)
        return DemoLibrary(database=made.database, images=made.images)


class Program(Reshelve):
    """What a process is that does nothing else: it sets the interpreter, as no library may."""

    @asynccontextmanager
    async def service(
        self,
        library: Path,
        workers: int,
        types: tuple[str, ...] = (),
        tell_of_wait: Callable[[], None] = lambda: None,
    ) -> AsyncIterator[MigrationService]:
        """As `Reshelve.service`, with the interpreter set for it once all is imported."""
        from adapters.cli.interpreter import attune

        async with super().service(library, workers, types, tell_of_wait) as service:
            attune()
            yield service


def work_for_another() -> None:
    """Be a process that another one has started to work for it; see `adapters.compute.child`."""
    from adapters.compute.child import serve
    from adapters.files.models import DiskModels
    from adapters.pillow.codec import PillowCodec

    serve(DiskModels(), PillowCodec())


def main() -> int:
    """Run the command line; returns the exit code."""
    return run(Program())


if __name__ == "__main__":  # in a copy of the sources that is installed nowhere
    sys.exit(main())
