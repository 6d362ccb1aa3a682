"""What can be told beyond a run's status: steps, counts, conflicts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from engine.facts.promotion_report import Conflict
from engine.facts.status import ItemView, RunStatus


class Step(msgspec.Struct, frozen=True):
    """One transition of an item; `at` in ms since 1970, `from_state` None where it was born."""

    run_id: int
    item_id: int
    source_key: str | None
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
