"""What stage 2 reports: the outcome of every id that was to be promoted."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

UNFINISHED = "unfinished"
"""The code of an id that a run has not come to an end with."""


class Outcome(StrEnum):
    """Where one id of a promotion ends; None in the journal while it is under way."""

    SUCCESS = "success"
    CONFLICT = "conflict"
    IGNORED = "ignored"
    DELETED = "deleted"
    FAILED = "failed"


class PendingSide(msgspec.Struct, frozen=True):
    """The model that was to be promoted."""

    id: int
    path: str


class ExistingSide(msgspec.Struct, frozen=True):
    """The active model of the same content; `id` is its SHA-256."""

    id: str
    path: str


class Conflict(msgspec.Struct, frozen=True):
    """Two models of one content, and no strategy to join them."""

    pending: PendingSide
    existing: ExistingSide


class Refusal(msgspec.Struct, frozen=True):
    """An id that was not promoted: `id` as it was given, `error` a sentence, `code` stable."""

    id: object
    error: str
    code: str


class PromotionReport(msgspec.Struct, frozen=True):
    """The body of `import_models`: every id in exactly one place; `total` is their sum."""

    total: int = 0
    success: list[int] = []
    conflict: list[Conflict] = []
    ignored: list[int] = []
    deleted: list[int] = []
    failed: list[Refusal] = []

    @property
    def refused(self) -> list[Refusal]:
        """Those that failed; the others of `failed` were not finished when the run was stopped."""
        return [refusal for refusal in self.failed if refusal.code != UNFINISHED]

    @property
    def all_promoted(self) -> bool:
        """Whether nothing failed and nothing conflicted."""
        return not self.failed and not self.conflict


def refuse(report: PromotionReport, refusals: list[Refusal]) -> PromotionReport:
    """The report with more refusals, in their order, ahead of its own."""
    return msgspec.structs.replace(
        report, total=report.total + len(refusals), failed=[*refusals, *report.failed]
    )


def sort_ids(given: Sequence[object]) -> tuple[list[int], list[Refusal]]:
    """The integers, each once, in their order, and a refusal for everything else."""
    ids: dict[int, None] = {}
    refusals = []
    for value in given:
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
            ids[value] = None
        else:
            refusals.append(Refusal(value, "This id is not an integer.", "invalid_id"))
    return list(ids), refusals
