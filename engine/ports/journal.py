"""Who keeps the journal: the ports that read committed facts and apply changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from engine.facts.files import FileFacts
from engine.facts.promotion_report import PromotionReport
from engine.facts.records import PendingModelRecord
from engine.facts.states import ModelState
from engine.facts.status import ItemPage, RunFailure, RunNotice, RunStatus
from engine.facts.work import Run, Work, WorkItem
from engine.ports.changes import Change


class Reader(Protocol):
    """Reads committed facts; never blocks a writer."""

    async def run(self, run_id: int | None = None) -> Run | None:
        """A run, the last one by default; None where there is none."""
        ...

    async def last_run_of(self, location: str) -> Run | None:
        """The last run of a source."""
        ...

    async def unfinished_run(self) -> Run | None:
        """The run that is running, interrupted or cancelled, if any."""
        ...

    async def status(self, run_id: int | None = None) -> RunStatus:
        """The status of a run, the last one by default. Raises `UnknownRun`."""
        ...

    async def items(
        self, run_id: int | None, state: ModelState | None, after: int, limit: int
    ) -> ItemPage:
        """Items of a run, the last one by default, ascending by id. Raises `UnknownRun`."""
        ...

    async def warnings(self, run_id: int, after: int, limit: int) -> list[tuple[int, RunNotice]]:
        """Warnings of a run in the order of their items, each with its own number."""
        ...

    async def failures(self, run_id: int, after: int, limit: int) -> list[RunFailure]:
        """Failed items of a run, ascending by id."""
        ...

    async def pending(self, after: int, limit: int) -> list[PendingModelRecord]:
        """Models that wait for promotion, ascending by id."""
        ...

    async def known_digests(self, location: str, first: int, last: int) -> set[tuple[int, bytes]]:
        """(key, digest) of the rows of a source that were recorded, first <= key <= last."""
        ...

    async def work(
        self, run_id: int, after: int, limit: int, crashed: bool = False
    ) -> list[WorkItem]:
        """Items with work, key > `after`, ascending; `crashed` selects those that were in hand
        in a crash, else those that were not."""
        ...

    async def promotion_window(self, run_id: int) -> int | None:
        """The first place of a promotion that has work left; None at the end."""
        ...

    async def enlisted(
        self,
        run_id: int,
        work: Work,
        after: int,
        until: int,
        limit: int,
        crashed: bool = False,
    ) -> list[WorkItem]:
        """Items of a promotion with this work, after < place <= until, ascending."""
        ...

    async def cached_hash(self, path: str, facts: FileFacts) -> str | None:
        """The hash of a file that was hashed before and has not changed since."""
        ...

    async def pending_paths(self, ids: Sequence[int]) -> dict[int, str]:
        """The paths of the pending models among `ids`."""
        ...

    async def promotion(self, run_id: int) -> PromotionReport:
        """What became of every id of a promotion so far."""
        ...

    async def unused_originals(self) -> list[str]:
        """Adopted originals that nothing refers to any more."""
        ...

    async def known_paths(self, paths: Sequence[str]) -> set[str]:
        """Those of the paths that an active or a pending model has."""
        ...

    async def records_of_size(self, size: int) -> list[tuple[str, str]]:
        """(sha256, path) of models of this size in bytes; no hash for those that wait."""
        ...

    async def retryable(self, run_id: int) -> int:
        """How many failed items of a run might succeed when tried again."""
        ...


class Store(Reader, Protocol):
    """The library's database; one owner, one writer."""

    async def apply(self, changes: Sequence[Change[Any]]) -> list[Any]:
        """Commit the changes in one transaction; durable when it returns.

        Raises what one of them raised, with none of them done, `StorageFailed` or
        `LibraryDamaged`.
        """
        ...
