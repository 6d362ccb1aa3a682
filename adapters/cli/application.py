"""What the command line needs of the rest of the program; the composition root provides it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

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
    from engine.service import MigrationService


class DemoLibrary(NamedTuple):
    """Where the demo's legacy library lies."""

    database: Path
    images: Path


class Discovery(NamedTuple):
    """What was found on this machine, and below which folders it was looked for."""

    databases: tuple[Path, ...]
    """Of version 1."""
    libraries: tuple[Path, ...]
    """Folders of libraries of version 2."""
    places: tuple[Path, ...]


class Serving(AbstractContextManager[None], Protocol):
    """A server on an open port; leaving the block closes it."""

    @property
    def url(self) -> str:
        """Where it can be reached."""
        ...

    async def serve(self, service: MigrationService) -> None:
        """Serve until `stop`."""
        ...

    def stop(self) -> None:
        """End `serve` soon."""
        ...


class Application(Protocol):
    """Opens libraries, and draws the demo's."""

    def service(
        self,
        library: Path,
        workers: int,
        types: tuple[str, ...] = (),
        tell_of_wait: Callable[[], None] = ...,
    ) -> AbstractAsyncContextManager[MigrationService]:
        """Own a library, made where there is none, and serve its migrations.

        `tell_of_wait` is called when another program has had the database locked for a while.
        """
        ...

    def serving(self, arguments: Arguments, token: str | None) -> Serving:
        """A server that listens, and serves nothing yet. Raises OSError."""
        ...

    def settled(self, request: ImportRequest, library: Path) -> ImportRequest:
        """The request with all that it leaves open, for a library. Blocks."""
        ...

    def look(self, source: SourceRef) -> Look:
        """What lies at a location; writes nothing that stays. Blocks."""
        ...

    def reader(
        self, library: Path, tell_of_wait: Callable[[], None] = ...
    ) -> AbstractAsyncContextManager[Reader]:
        """Read a library that somebody may own."""
        ...

    def last_status(self, library: Path) -> RunStatus:
        """The status of the last run of a library that somebody may own.

        Raises soon `DatabaseBusy` where another program lets nobody read.
        """
        ...

    def last_promotion(self, library: Path, run_id: int) -> PromotionReport:
        """What became of each id of a promotion so far. Raises as `last_status` does."""
        ...

    def last_state_of(self, library: Path, location: str) -> RunState | None:
        """How the last run of a source stands, None where it had none. Raises as `last_status`."""
        ...

    def holdings(self, library: Path) -> Holdings:
        """How much a library holds. Raises as `last_status`."""
        ...

    def is_owned(self, library: Path) -> bool:
        """Whether a process owns the library now."""
        ...

    def verification(
        self,
        library: Path,
        rehash: Sample | None,
        workers: int,
        tell_of_wait: Callable[[], None] = ...,
    ) -> AbstractAsyncContextManager[Verification]:
        """Compare a library's database and files, without owning it."""
        ...

    def discover(self) -> Discovery:
        """Look for what can be migrated, for a moment."""
        ...

    def databases_in(self, folder: Path) -> list[Path]:
        """Legacy databases in a folder, or where an application in it keeps them."""
        ...

    def repair_plan(self, library: Path, workers: int) -> AbstractAsyncContextManager[Repair]:
        """What a repair would do to a library that somebody may own; changes nothing."""
        ...

    def make_demo(self, folder: Path) -> DemoLibrary:
        """Draw a small legacy library."""
        ...
