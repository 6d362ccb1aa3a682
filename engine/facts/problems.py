"""What went wrong in runs, as it is shown: failures and notices, grouped by code."""

from __future__ import annotations

import msgspec

from engine.facts.codes import ProblemKind


class Problem(msgspec.Struct, frozen=True):
    """A failure or a warning; `id` orders those of its kind.

    `item_id` and `source_key` are None, and `path` is empty, where it concerns the run as a whole.
    `source_id` is the key as a number, where it is one.
    `pending_id` is the model that still waits, `sha256` the active one that its item became.
    """

    id: int
    item_id: int | None
    source_key: str | None
    source_id: int | None
    path: str
    detail: str
    pending_id: int | None = None
    sha256: str = ""


class ProblemCounts(msgspec.Struct, frozen=True):
    """How many items of all runs have failed, and how many warnings there are."""

    failed: int
    warnings: int


class CodeCount(msgspec.Struct, frozen=True):
    """How many problems of a code there are, and between which ids."""

    code: str
    count: int
    first: int
    last: int
    retryable: bool = False


class ProblemGroup(msgspec.Struct, frozen=True):
    """All problems of one code: what it means, what to do, and the first few of them."""

    kind: ProblemKind
    code: str
    title: str
    advice: str
    count: int
    retryable: bool
    examples: list[Problem]


class ProblemSummary(msgspec.Struct, frozen=True):
    """Problems: failures, then warnings, the most frequent first; `run_id` is None for all runs."""

    run_id: int | None
    groups: list[ProblemGroup]


class ProblemPage(msgspec.Struct, frozen=True):
    """Problems of one code by ascending id; `next` is the `after` of the next page."""

    items: list[Problem]
    next: int | None
