"""What the command line needs of the rest of the program; the composition root provides it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from engine.journal import Reader
    from engine.service import MigrationService
    from engine.verifying import Sample, Verification


class DemoLibrary(NamedTuple):
    """Where the demo's legacy library lies."""

    database: Path
    images: Path


class Application(Protocol):
    """Opens libraries, and draws the demo's."""

    def service(self, library: Path, workers: int) -> AbstractAsyncContextManager[MigrationService]:
        """Own a library, made where there is none, and serve its migrations."""
        ...

    def reader(self, library: Path) -> AbstractAsyncContextManager[tuple[Reader, bool]]:
        """Read a library that somebody may own; also tells whether somebody does."""
        ...

    def verification(
        self, library: Path, rehash: Sample | None, workers: int
    ) -> AbstractAsyncContextManager[Verification]:
        """Compare a library's database and files, without owning it."""
        ...

    def make_demo(self, folder: Path) -> DemoLibrary:
        """Draw a small legacy library."""
        ...
