"""Who reads what went wrong in runs: its port."""

from __future__ import annotations

from typing import Protocol

from engine.facts.codes import ProblemKind
from engine.facts.problems import CodeCount, Problem, ProblemCounts
from engine.facts.status import RunStatus


class ProblemReader(Protocol):
    """Reads failures and warnings; a run of None means all of them."""

    async def status(self, run_id: int | None = None) -> RunStatus:
        """The status of a run, the last one by default. Raises `UnknownRun`."""
        ...

    async def problem_counts(self) -> ProblemCounts:
        """How many there are in all runs."""
        ...

    async def last_problem(self, kind: ProblemKind) -> int:
        """The greatest id that a problem of this kind can have now."""
        ...

    async def count_problems(
        self, run_id: int | None, kind: ProblemKind, after: int, until: int
    ) -> list[CodeCount]:
        """The problems of a run by code, after < id <= until."""
        ...

    async def problems(
        self, run_id: int | None, kind: ProblemKind, code: str, after: int, until: int, limit: int
    ) -> list[Problem]:
        """Problems of one code, after < id <= until, ascending."""
        ...
