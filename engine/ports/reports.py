"""Who reads what reports are made of: their port."""

from __future__ import annotations

from typing import Protocol

from engine.facts.promotion_report import Conflict, PromotionReport
from engine.facts.records import ModelRecord
from engine.facts.reports import LibraryCounts, Step
from engine.facts.states import ModelState
from engine.facts.status import ItemPage, RunStatus


class ReportReader(Protocol):
    """Reads what reports are made of."""

    async def status(self, run_id: int | None = None) -> RunStatus:
        """The status of a run, the last one by default. Raises `UnknownRun`."""
        ...

    async def items(
        self, run_id: int | None, state: ModelState | None, after: int, limit: int
    ) -> ItemPage:
        """Items of a run, the last one by default, ascending by id."""
        ...

    async def promotion(self, run_id: int) -> PromotionReport:
        """What became of every id of a promotion so far."""
        ...

    async def promotion_run(self, run_id: int | None) -> int | None:
        """The id of a run, or of the last one, if it is a promotion."""
        ...

    async def known_conflicts(self, after: int, limit: int) -> list[Conflict]:
        """Models that wait and whose known content is active, ascending by id."""
        ...

    async def model(self, sha256: str) -> ModelRecord | None:
        """An active model."""
        ...

    async def model_history(self, sha256: str) -> list[Step]:
        """Every transition of the items that became this model, in order."""
        ...

    async def item_history(self, item_id: int) -> list[Step]:
        """Every transition of an item, in order."""
        ...

    async def library_counts(self) -> LibraryCounts:
        """How much the library holds."""
        ...
