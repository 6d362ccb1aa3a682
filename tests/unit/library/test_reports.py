"""That a report is read page by page."""

from __future__ import annotations

import pytest

from engine.facts.states import ModelState
from engine.facts.status import ItemPage, ItemView, RunKind, RunState, RunStatus, RunSummary
from engine.library.reports import Reports
from tests.unit.library.answering import Answering

pytestmark = pytest.mark.anyio

PAGES = 200


class LongRun(Answering):
    """A run of many pages, each of one item."""

    async def status(self, run_id: int | None = None) -> RunStatus:
        return RunStatus(RunSummary(1, RunKind.LEGACY, RunState.COMPLETED, False, 0, 0, 0))

    async def items(
        self,
        run_id: int | None,
        state: ModelState | None,
        after: int,
        limit: int,
        verbatim: bool,
    ) -> ItemPage:
        item = ItemView(after + 1, None, None, "", "", "", "pending", "", "", "")
        return ItemPage([item], after + 1 if after < PAGES else None)


async def test_a_report_is_read_page_by_page_to_its_end() -> None:
    report = await Reports(LongRun()).run(None)
    read = [item.id async for items in report.pages for item in items]
    assert read == list(range(1, PAGES + 2))
