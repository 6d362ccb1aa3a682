"""What can be told beyond a run's status: whole reports, histories, conflicts, the library."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from engine.errors import NoRun, UnknownItem, UnknownModel
from engine.facts.promotion_report import PromotionReport
from engine.facts.records import SHA256_HEX
from engine.facts.reports import ConflictPage, LibraryCounts, RunReport, Step
from engine.facts.source import SourceRef
from engine.facts.status import ItemView, RunState
from engine.facts.work import BEFORE_FIRST
from engine.ports.journal import Reader
from engine.ports.queries import (
    ActiveModel,
    CountsOfLibrary,
    ItemHistory,
    ItemsOf,
    KnownConflicts,
    LastRunOf,
    ModelHistory,
    PromotionOf,
    PromotionRunOf,
    StatusOf,
)

PAGE = 500
"""How many items of a report are read at once."""


class Reports:
    """Answers what a person asks after the fact; changes nothing."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def run(self, run_id: int | None) -> RunReport:
        """A run with all its items, the last one by default. Raises `NoRun`, `UnknownRun`."""
        status = await self._reader.ask(StatusOf(run_id))
        if status.run is None:
            raise NoRun
        return RunReport(status, self._pages(status.run.id))

    async def promotion(self, run_id: int | None) -> PromotionReport:
        """What became of every id of a promotion so far, of the last one by default.

        Raises `NoRun`.
        """
        found = await self._reader.ask(PromotionRunOf(run_id))
        if found is None:
            raise NoRun
        return await self._reader.ask(PromotionOf(found))

    async def conflicts(self, after: int | None, limit: int) -> ConflictPage:
        """Models that wait and are known to have the content of an active one, from the first
        or behind an id."""
        first = BEFORE_FIRST if after is None else after
        found = await self._reader.ask(KnownConflicts(first, limit))
        return ConflictPage(found, found[-1].pending.id if len(found) == limit else None)

    async def item_history(self, item_id: int) -> list[Step]:
        """Every transition of an item, in order. Raises `UnknownItem`."""
        steps = await self._reader.ask(ItemHistory(item_id))
        if not steps:
            raise UnknownItem(item_id)
        return steps

    async def model_history(self, sha256: str) -> list[Step]:
        """Every transition of the items that became a model, in order; none where it came to the
        library in another way. Raises `UnknownModel`."""
        if not SHA256_HEX.fullmatch(sha256) or await self._reader.ask(ActiveModel(sha256)) is None:
            raise UnknownModel(sha256)
        return await self._reader.ask(ModelHistory(sha256))

    async def runs_of(self, kind: str, locations: Iterable[str]) -> dict[str, RunState | None]:
        """How the last run of each source of a kind stands, None for one that had none; in their
        order."""
        runs = {
            location: await self._reader.ask(LastRunOf(SourceRef(kind, location)))
            for location in locations
        }
        return {location: run.status if run else None for location, run in runs.items()}

    async def library(self) -> LibraryCounts:
        """How much the library holds."""
        return await self._reader.ask(CountsOfLibrary())

    async def _pages(self, run_id: int) -> AsyncIterator[list[ItemView]]:
        after: int | None = 0
        while after is not None:
            page = await self._reader.ask(ItemsOf(run_id, None, after, PAGE))
            yield page.items
            after = page.next
