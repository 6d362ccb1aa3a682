"""What went wrong in a run: failures and warnings counted by code, without a long question.

A run may have a million warnings. They are counted in slices, so that other questions come in
between; a warning is counted once, since none is ever taken back, and failures again only when
they have changed.
"""

from __future__ import annotations

from collections.abc import Iterable

import anyio
import msgspec

from engine.facts.codes import ProblemKind, meaning
from engine.facts.problems import (
    CodeCount,
    Problem,
    ProblemCounts,
    ProblemGroup,
    ProblemPage,
    ProblemSummary,
)
from engine.ports.journal import Reader
from engine.ports.queries import LastProblem, ProblemsByCode, ProblemsOf, ProblemTotals, StatusOf

SLICE = 50_000
"""Numbers of items or warnings that one question looks through."""

EXAMPLES = 5
"""How many problems of a code are shown with its count."""

QUICK_SECONDS = 0.05
"""A count that takes no longer is renewed at every question."""

PATIENCE = 10
"""One that takes longer is renewed, while the run goes on, after this many times what it took."""

RUNS_KEPT = 4
"""Of how many runs the counts are remembered."""


class _Counts:
    """The problems of one kind by code, up to an id."""

    def __init__(self) -> None:
        self.by_code: dict[str, CodeCount] = {}
        self.until = 0


class _Counted:
    """What was counted of one run."""

    def __init__(self) -> None:
        self.warnings = _Counts()
        self.groups: list[ProblemGroup] = []
        self.seen: tuple[object, ...] = ()
        self.fresh_until = 0.0


class Problems:
    """Counts and lists the problems of runs."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._counted: dict[int | None, _Counted] = {}
        self._turn = anyio.Lock()

    async def summary(self, run_id: int | None) -> ProblemSummary:
        """The problems of a run by code, of the last one by default. Raises `UnknownRun`."""
        async with self._turn:
            status = await self._reader.ask(StatusOf(run_id))
            if status.run is None:
                return ProblemSummary(None, [])
            run = status.run
            counts = ProblemCounts(status.counts.failed, status.warnings)
            groups = await self._groups(run.id, (run.status, run.updated_at), counts)
            return ProblemSummary(run.id, await self._with_retry(run.id, groups))

    async def summary_of_all(self) -> ProblemSummary:
        """The problems of all runs by code."""
        async with self._turn:
            status = await self._reader.ask(StatusOf())
            if status.run is None:
                return ProblemSummary(None, [])
            run, counts = status.run, await self._reader.ask(ProblemTotals())
            state = (run.id, run.status, run.updated_at)
            return ProblemSummary(None, await self._groups(None, state, counts))

    async def _groups(
        self, run_id: int | None, state: tuple[object, ...], counts: ProblemCounts
    ) -> list[ProblemGroup]:
        """The problems by code, counted anew where the counts or the state have changed."""
        counted = self._remembered(run_id)
        began = anyio.current_time()
        same = counted.seen[:-1] == state
        if counted.seen != (*state, counts) and not (same and began < counted.fresh_until):
            counted.groups = await self._count(run_id, counted)
            ended = anyio.current_time()
            patience = 0 if ended - began < QUICK_SECONDS else PATIENCE
            counted.seen = (*state, counts)
            counted.fresh_until = ended + patience * (ended - began)
        return counted.groups

    async def page_of_all(
        self, kind: ProblemKind, code: str, after: int, limit: int
    ) -> ProblemPage:
        """Problems of one code in all runs."""
        return await self._page(None, kind, code, after, limit)

    async def page(
        self, run_id: int | None, kind: ProblemKind, code: str, after: int, limit: int
    ) -> ProblemPage:
        """Problems of one code in a run, the last one by default. Raises `UnknownRun`."""
        status = await self._reader.ask(StatusOf(run_id))
        if status.run is None:
            return ProblemPage([], None)
        return await self._page(status.run.id, kind, code, after, limit)

    async def _page(
        self, run_id: int | None, kind: ProblemKind, code: str, after: int, limit: int
    ) -> ProblemPage:
        last = await self._reader.ask(LastProblem(kind))
        found = await self._listed(run_id, kind, code, after, last, limit)
        return ProblemPage(found, found[-1].id if len(found) == limit else None)

    def _remembered(self, run_id: int | None) -> _Counted:
        """The counts of a run, which becomes the one that was asked for last."""
        counted = self._counted.pop(run_id, None) or _Counted()
        self._counted[run_id] = counted
        while len(self._counted) > RUNS_KEPT:
            del self._counted[next(iter(self._counted))]
        return counted

    async def _count(self, run_id: int | None, counted: _Counted) -> list[ProblemGroup]:
        failures = _Counts()
        await self._add(failures, run_id, ProblemKind.FAILURE)
        await self._add(counted.warnings, run_id, ProblemKind.WARNING)
        return [
            *[await self._group(run_id, ProblemKind.FAILURE, c) for c in _ranked(failures)],
            *[await self._group(run_id, ProblemKind.WARNING, c) for c in _ranked(counted.warnings)],
        ]

    async def _add(self, counts: _Counts, run_id: int | None, kind: ProblemKind) -> None:
        """Count what came after the last count; each slice once, whenever this is cancelled."""
        last = await self._reader.ask(LastProblem(kind))
        while counts.until < last:
            until = min(counts.until + SLICE, last)
            for more in await self._reader.ask(ProblemsByCode(run_id, kind, counts.until, until)):
                counts.by_code[more.code] = _joined(counts.by_code.get(more.code), more)
            counts.until = until

    async def _group(self, run_id: int | None, kind: ProblemKind, count: CodeCount) -> ProblemGroup:
        known = meaning(kind, count.code)
        return ProblemGroup(
            kind=kind,
            code=count.code,
            title=known.title,
            advice=known.advice,
            count=count.count,
            retryable=count.retryable,
            examples=await self._listed(
                run_id, kind, count.code, count.first - 1, count.last, EXAMPLES
            ),
        )

    async def _listed(
        self, run_id: int | None, kind: ProblemKind, code: str, after: int, last: int, limit: int
    ) -> list[Problem]:
        found: list[Problem] = []
        while after < last and len(found) < limit:
            until = min(after + SLICE, last)
            found += await self._reader.ask(
                ProblemsOf(run_id, kind, code, after, until, limit - len(found))
            )
            after = until
        return found

    async def _with_retry(self, run_id: int, groups: list[ProblemGroup]) -> list[ProblemGroup]:
        """Only failures of the last run can be tried again."""
        last = await self._reader.ask(StatusOf())
        if last.run is not None and last.run.id == run_id:
            return groups
        return [msgspec.structs.replace(group, retryable=False) for group in groups]


def _ranked(counts: _Counts) -> Iterable[CodeCount]:
    return sorted(counts.by_code.values(), key=lambda count: (-count.count, count.code))


def _joined(old: CodeCount | None, more: CodeCount) -> CodeCount:
    if old is None:
        return more
    return CodeCount(
        more.code, old.count + more.count, old.first, more.last, old.retryable or more.retryable
    )
