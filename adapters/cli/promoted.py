"""What a person reads of a promotion: what became of each id, and what can be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from adapters.cli.standing import images_carried, show_row, show_run
from engine.facts.status import RunState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.cli.output import Output
    from engine.facts.promotion_report import PromotionReport, Refusal
    from engine.facts.status import RunStatus

NAMED = 20
"""More ids than this are not named in a suggestion: all that wait are."""


def show_promotion(
    output: Output, status: RunStatus, report: PromotionReport, examples: int | None = None
) -> None:
    """Each id once: where the items of the run stand is another question, which `items` answers.

    Of conflicts and failures, so many `examples` are named, or all.
    """
    assert status.run is not None
    run, refused = status.run, report.refused
    if refused and run.status is RunState.COMPLETED:
        # Ids that nobody has are no items, and the run knows of its items only.
        run = msgspec.structs.replace(run, status=RunState.COMPLETED_WITH_FAILURES)
    show_run(output, run)
    show_row(output, "success", len(report.success), "now active", "green")
    show_row(output, "conflict", len(report.conflict), "the content of an active model", "yellow")
    show_row(output, "ignored", len(report.ignored), "left where they are", "yellow")
    show_row(output, "deleted", len(report.deleted), "removed from the queue", "yellow")
    show_row(output, "failed", len(refused), "not promoted, each with a reason", "red")
    if unfinished := len(report.failed) - len(refused):
        show_row(output, "open", unfinished, "not yet looked at, or in work", "cyan")
    show_row(output, "total", report.total, images_carried(status), "bold")
    for conflict in report.conflict[:examples]:
        output.line(("  conflict", "yellow"), f"  {conflict.pending.id}  {conflict.pending.path}")
        output.line(("            has the content of  ", "dim"), conflict.existing.path)
    _show_more(output, report.conflict, examples)
    for refusal in refused[:examples]:
        output.line(("  failed", "red"), f"    {refusal.id}  {refusal.error}")
    _show_more(output, refused, examples)


def next_steps(reports: Sequence[PromotionReport]) -> Iterator[tuple[str, list[str]]]:
    """What can be done about what did not become active: a sentence, and the words of a command."""
    conflicts = [each.pending.id for report in reports for each in report.conflict]
    failed = [each.id for report in reports for each in report.refused if _waits(each)]
    if conflicts:
        yield (
            "To join those of one content, or choose override, ignore or delete instead of merge:",
            ["promote", *_ids(conflicts), "--on-conflict", "merge"],
        )
    if failed:
        yield "To try again what failed:", ["promote", *_ids(failed)]


def _show_more(output: Output, all_of_them: Sequence[object], shown: int | None) -> None:
    if shown is not None and len(all_of_them) > shown:
        output.line((f"    … and {len(all_of_them) - shown} more", "dim"))


def _waits(refusal: Refusal) -> bool:
    return refusal.code not in {"unknown_id", "invalid_id", "record_missing"}


def _ids(ids: Sequence[object]) -> list[str]:
    return [str(given) for given in ids] if len(ids) <= NAMED else ["--all"]
