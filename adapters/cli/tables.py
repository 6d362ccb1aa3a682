"""What a person reads at the end: what was promoted, what waits, what was warned about and why."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from adapters.cli.documents import failure_pages, warning_pages
from adapters.cli.promoted import show_promotion
from adapters.cli.standing import show_row, show_status, some
from engine.facts.codes import ProblemKind, meaning

if TYPE_CHECKING:
    from adapters.cli.output import Output
    from engine.facts.findings import Fault
    from engine.facts.promotion_report import PromotionReport
    from engine.facts.recognition import Look
    from engine.facts.records import PendingModelRecord
    from engine.facts.repair_report import RepairReport
    from engine.facts.scan_report import ScanReport
    from engine.facts.status import ItemView, RunStatus
    from engine.service import MigrationService

EXAMPLES = 3
"""How many paths are shown for each warning code."""

STATE_STYLES = {
    "pending": "yellow",
    "imported": "cyan",
    "images_done": "cyan",
    "promoted": "green",
    "failed": "red",
}


async def show_report(
    output: Output,
    service: MigrationService,
    status: RunStatus,
    promotion: PromotionReport | None,
) -> None:
    """The closing table of a run."""
    assert status.run is not None
    if promotion is None:
        show_status(output, status)
    else:
        show_promotion(output, status, promotion)
    await _show_warnings(output, service, status.run.id)
    if promotion is None and status.counts.failed:
        output.line()
        output.line(("Failed", "bold red"))
        async for failures in failure_pages(service, status.run.id):
            for failure in failures:
                output.line(f"  {failure.path}")
                output.line((f"    {failure.code}: ", "red"), failure.message)


def show_look(output: Output, look: Look) -> None:
    """What lies at a location."""
    for found in look.found:
        output.line((found.layout or found.kind, "bold"), f"  {found.location}")
        show_row(output, "models", found.models, f"as {found.kind}", "green")
        for suffix, number in found.sidecars.items():
            show_row(output, suffix, number, "sidecars", "dim")
        show_row(output, "hashes", found.claimed_hashes, "told and not proven", "dim")
        show_row(output, "images", found.images, "previews", "dim")
        show_row(output, "videos", found.videos, "previews that are videos", "dim")
        show_row(output, "damaged", found.damaged, "models of which something is", "yellow")
        for root in found.roots:
            output.line((f"  {root.type or 'by folder':<18}", "dim"), root.folder)


def show_scan(output: Output, report: ScanReport) -> None:
    """What a scan found."""
    output.line(("Scanned ", "bold"), some(report.scanned, "model file"))
    show_row(output, "added", report.added, "wait for promotion", "green")
    show_row(output, "known", report.skipped, "their paths are in the library", "dim")
    show_row(output, "moved", len(report.moved), "an active model's file, elsewhere", "yellow")
    for move in report.moved:
        output.line(("  moved", "yellow"), f"  {move.path}")
        output.line(("     to  ", "dim"), move.found)


def show_fault(output: Output, fault: Fault) -> None:
    """Something that verification found."""
    output.line((f"{fault.code:<18}", "red"), f"  {fault.path}", (f"  {fault.detail}", "dim"))


def show_repair(output: Output, report: RepairReport, *, planned: bool) -> None:
    """What was mended, or would be, and what is left, with what to do about it."""
    for mended in report.repaired:
        output.line((f"{mended.code:<18}", "green"), f"  {mended.path}")
        output.line((f"{'':20}{mended.detail}", "dim"))
    for left in report.left:
        output.line((f"{left.code:<18}", "red"), f"  {left.path}", (f"  {left.detail}", "dim"))
        output.line(f"{'':20}{left.advice}")
    told = "Would mend " if planned else "Mended "
    output.line((told, "bold"), f"{len(report.repaired)}, and {len(report.left)} are left")


def show_verified(output: Output, models: int, images: int, problems: int) -> None:
    """How much was verified, and how it stands."""
    verdict = ("no problem", "green") if not problems else (some(problems, "problem"), "red")
    output.line(
        ("Verified ", "bold"),
        f"{some(models, 'model')} and {some(images, 'image file')}: ",
        verdict,
    )


async def _show_warnings(output: Output, service: MigrationService, run_id: int) -> None:
    counts: dict[str, int] = {}
    examples: dict[str, list[str]] = {}
    async for page in warning_pages(service, run_id):
        for warning in page:
            counts[warning.code] = counts.get(warning.code, 0) + 1
            shown = examples.setdefault(warning.code, [])
            if len(shown) < EXAMPLES:
                where = f"{warning.path}: " if warning.path else ""
                shown.append(f"{where}{warning.detail}")
    if not counts:
        return
    output.line()
    output.line(("Warnings", "bold yellow"), f" ({sum(counts.values())})")
    for code, count in sorted(counts.items(), key=lambda found: -found[1]):
        output.line(
            (f"  {code}", "yellow"), f"  {count}  {meaning(ProblemKind.WARNING, code).fact}"
        )
        for example in examples[code]:
            output.line((f"    {example}", "dim"))
        if count > EXAMPLES:
            output.line((f"    … and {count - EXAMPLES} more", "dim"))


async def show_items(output: Output, pages: AsyncIterator[list[ItemView]]) -> None:
    """One line for each item, its warnings and its error below."""
    async for page in pages:
        for item in page:
            output.line(
                (f"{item.state:<11}", STATE_STYLES[item.state]), f"  {item.id:>6}  {item.path}"
            )
            for warning in item.warnings:
                output.line((f"{'':21}{warning.code}: ", "yellow"), warning.detail)
            if item.error is not None:
                output.line((f"{'':21}{item.error.code}: ", "red"), item.error.message)


async def show_pending(output: Output, pages: AsyncIterator[list[PendingModelRecord]]) -> None:
    """One line for each model that waits."""
    count = 0
    async for page in pages:
        for model in page:
            count += 1
            tags = ", ".join(tag.name for tag in model.tags)
            output.line(f"{model.id:>6}  {model.type:<12}  {model.path}", (f"  {tags}", "dim"))
    output.say(f"{some(count, 'model')} {'waits' if count == 1 else 'wait'} for promotion.")
