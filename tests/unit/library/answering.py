"""A reader whose answers are methods of its own, by the names that a test gives them."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from engine.ports.queries import (
    ItemsOf,
    LastProblem,
    ProblemsByCode,
    ProblemsOf,
    ProblemTotals,
    Query,
    StatusOf,
)

T = TypeVar("T")

METHODS: dict[type[Query[Any]], str] = {
    StatusOf: "status",
    ItemsOf: "items",
    ProblemTotals: "problem_counts",
    LastProblem: "last_problem",
    ProblemsByCode: "count_problems",
    ProblemsOf: "problems",
}


class Answering:
    """Implements `engine.ports.journal.Reader`; a query without a method is a test's defect."""

    async def ask(self, query: Query[T]) -> T:
        answer = getattr(self, METHODS[type(query)])
        found: T = await answer(*msgspec.structs.astuple(query))
        return found
