"""What can be told beyond a run's status: whole reports, histories, conflicts, the library."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from engine.catalogue import UnknownModel
from engine.errors import ReshelveError
from engine.journal import BEFORE_FIRST_KEY
from engine.lifecycle import ModelState
from engine.promotion import Conflict, PromotionReport
from engine.records import SHA256_HEX, ModelRecord
from engine.status import ItemPage, ItemView, RunStatus

PAGE = 500
"""How many items of a report are read at once."""


class NoRun(ReshelveError):
    """There is nothing to report on."""

    code = "no_run"

    def __init__(self) -> None:
        super().__init__("There is no such run yet. Start one, then ask again.")


class UnknownItem(ReshelveError):
    """No item has this id."""

    code = "unknown_item"

    def __init__(self, item_id: int) -> None:
        super().__init__(f"There is no item {item_id} in this library.")


class Step(msgspec.Struct, frozen=True):
    """One transition of an item; `at` in ms since 1970, `from_state` None where it was born."""

    run_id: int
    item_id: int
    source_id: int | None
    path: str
    from_state: str | None
    to_state: str
    at: int


class TypeCount(msgspec.Struct, frozen=True):
    """How many active models are of a type; the empty one stands for none."""

    type: str
    models: int


class LibraryCounts(msgspec.Struct, frozen=True):
    """How much a library holds, and how much of it waits for a person.

    `conflicts` of the pending models are known to have the content of an active one; `failed` and
    `warnings` are the problems of all runs.
    """

    models: int
    pending: int
    types: list[TypeCount]
    conflicts: int = 0
    failed: int = 0
    warnings: int = 0


class ConflictPage(msgspec.Struct, frozen=True):
    """Conflicts by ascending id of the pending model; `next` is the `after` of the next page."""

    conflicts: list[Conflict]
    next: int | None


class RunReport(msgspec.Struct, frozen=True):
    """A run and all its items, page by page."""

    status: RunStatus
    pages: AsyncIterator[list[ItemView]]


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


class Reports:
    """Answers what a person asks after the fact; changes nothing."""

    def __init__(self, reader: ReportReader) -> None:
        self._reader = reader

    async def run(self, run_id: int | None) -> RunReport:
        """A run with all its items, the last one by default. Raises `NoRun`, `UnknownRun`."""
        status = await self._reader.status(run_id)
        if status.run is None:
            raise NoRun
        return RunReport(status, self._pages(status.run.id))

    async def promotion(self, run_id: int | None) -> PromotionReport:
        """What became of every id of a promotion so far, of the last one by default.

        Raises `NoRun`.
        """
        found = await self._reader.promotion_run(run_id)
        if found is None:
            raise NoRun
        return await self._reader.promotion(found)

    async def conflicts(self, after: int | None, limit: int) -> ConflictPage:
        """Models that wait and are known to have the content of an active one, from the first
        or behind an id."""
        first = BEFORE_FIRST_KEY if after is None else after
        found = await self._reader.known_conflicts(first, limit)
        return ConflictPage(found, found[-1].pending.id if len(found) == limit else None)

    async def item_history(self, item_id: int) -> list[Step]:
        """Every transition of an item, in order. Raises `UnknownItem`."""
        steps = await self._reader.item_history(item_id)
        if not steps:
            raise UnknownItem(item_id)
        return steps

    async def model_history(self, sha256: str) -> list[Step]:
        """Every transition of the items that became a model, in order; none where it came to the
        library in another way. Raises `UnknownModel`."""
        if not SHA256_HEX.fullmatch(sha256) or await self._reader.model(sha256) is None:
            raise UnknownModel(sha256)
        return await self._reader.model_history(sha256)

    async def library(self) -> LibraryCounts:
        """How much the library holds."""
        return await self._reader.library_counts()

    async def _pages(self, run_id: int) -> AsyncIterator[list[ItemView]]:
        after: int | None = 0
        while after is not None:
            page = await self._reader.items(run_id, None, after, PAGE)
            yield page.items
            after = page.next
