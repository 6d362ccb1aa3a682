"""What `--json` says: the documents of the contract, streamed from the journal page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import msgspec

from engine.facts.status import import_report
from engine.ports.queries import ItemsOf, PendingModels

if TYPE_CHECKING:
    from adapters.cli.output import Output
    from engine.facts.promotion_report import PromotionReport
    from engine.facts.records import PendingModelRecord
    from engine.facts.states import ModelState
    from engine.facts.status import ItemView, RunFailure, RunNotice, RunStatus
    from engine.ports.journal import Reader
    from engine.service import MigrationService

PAGE = 500
VERBATIM_PAGE = 50


async def item_pages(
    reader: Reader, state: ModelState | None, *, verbatim: bool
) -> AsyncIterator[list[ItemView]]:
    """All items of the last run; with their rows as they were, fewer at once."""
    after: int | None = 0
    size = VERBATIM_PAGE if verbatim else PAGE
    while after is not None:
        page = await reader.ask(ItemsOf(None, state, after, size, verbatim))
        yield page.items
        after = page.next


async def pending_pages(reader: Reader) -> AsyncIterator[list[PendingModelRecord]]:
    """All models that wait."""
    after = -(2**63)
    while page := await reader.ask(PendingModels(after, PAGE)):
        yield page
        after = page[-1].id


async def warning_pages(service: MigrationService, *run_ids: int) -> AsyncIterator[list[RunNotice]]:
    """All warnings of some runs."""
    for run_id in run_ids:
        after = 0
        while page := await service.warnings(run_id, after, PAGE):
            yield [warning for _, warning in page]
            after = page[-1][0]


async def failure_pages(service: MigrationService, run_id: int) -> AsyncIterator[list[RunFailure]]:
    """All failed items of a run."""
    after = 0
    while page := await service.failures(run_id, after, PAGE):
        yield page
        after = page[-1].item


async def write_runs(
    output: Output,
    service: MigrationService,
    ended: list[RunStatus],
    promotions: dict[int, PromotionReport],
) -> None:
    """The status of the first run with `report`, `warnings` and `failures`.

    A promotion that followed an import adds `promotion`, and its warnings.
    """
    first = ended[0]
    if first.run is None:
        output.document(first)
        return
    run_ids = [status.run.id for status in ended if status.run is not None]
    members = msgspec.to_builtins(first)
    members["report"] = promotions.get(first.run.id) or import_report(first)
    if len(run_ids) > 1 and run_ids[-1] in promotions:
        members["promotion"] = promotions[run_ids[-1]]
    members["warnings_total"] = members.pop("warnings")
    output.raw(msgspec.json.encode(members)[:-1] + b",")
    await output.array("warnings", warning_pages(service, *run_ids))
    output.raw(b",")
    await output.array("failures", failure_pages(service, first.run.id))
    output.raw(b"}\n")
