"""Legacy databases that nobody need type: those in the usual places, of which a client may name
the files."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import anyio
from anyio import to_thread
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from adapters.http.answers import DatabasesNearby, databases_nearby
from adapters.http.documented import refusals
from adapters.http.errors import PathNotAllowed
from adapters.http.requests import LEGACY, AllowedPaths, DatabasesIn, nowhere
from engine.service import MigrationService

REMEMBERED_SECONDS = 10.0
"""How long a search stands for those who ask after it: it reads folders for up to 2 s."""


class Nearby:
    """Finds legacy databases; tells of none outside the folders that a client may name files in."""

    def __init__(
        self,
        allowed: AllowedPaths,
        discover: Callable[[], list[Path]] = list,
        databases_in: DatabasesIn = nowhere,
    ) -> None:
        self._allowed = allowed
        self._discover = discover
        self._databases_in = databases_in
        self._turn = anyio.Lock()
        self._found: list[str] = []
        self._until = -math.inf

    async def databases(self, folder: str | None) -> list[str]:
        """Those in a folder, else in the usual places; looked for once for all who ask meanwhile.

        Raises `PathNotAllowed`, `PathOfWindows`, `InvalidRequest`.
        """
        if folder:
            return await to_thread.run_sync(self._in, folder)
        async with self._turn:
            if anyio.current_time() >= self._until:
                self._found = await to_thread.run_sync(self._anywhere)
                self._until = anyio.current_time() + REMEMBERED_SECONDS
            return self._found

    def _in(self, folder: str) -> list[str]:
        return self._those_allowed(self._databases_in(self._allowed.named(folder)))

    def _anywhere(self) -> list[str]:
        return self._those_allowed(self._discover())

    def _those_allowed(self, found: list[Path]) -> list[str]:
        return [str(path) for path in found if self._may_be_named(path)]

    def _may_be_named(self, path: Path) -> bool:
        try:
            self._allowed.check(str(path))
        except PathNotAllowed:
            return False
        return True


@get("/api/migration/databases", responses=refusals(400, 403, 404))
async def handle_databases(
    service: NamedDependency[MigrationService],
    nearby: NamedDependency[Nearby],
    folder: FromQuery[str | None] = None,
) -> DatabasesNearby:
    """Legacy databases in the usual places, or in a folder, and where the last run of each
    stands."""
    return databases_nearby(await service.reports.runs_of(LEGACY, await nearby.databases(folder)))
