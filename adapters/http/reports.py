"""The routes of reports: what went wrong, whole reports, histories and conflicts."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from adapters.http.answers import History
from adapters.http.documented import file_refusals, refusals
from adapters.http.downloads import ReportFile, report_response
from adapters.http.requests import integer, one_kind, optional_integer, page_size, required
from engine.facts.problems import ProblemPage, ProblemSummary
from engine.facts.promotion_report import PromotionReport
from engine.facts.reports import ConflictPage
from engine.service import MigrationService


@get("/api/migration/problems", responses=refusals(400, 404))
async def handle_problems(
    service: NamedDependency[MigrationService], run_id: FromQuery[str | None] = None
) -> ProblemSummary:
    """Failures and warnings of a run, the last one by default, counted by code."""
    return await service.problems.summary(optional_integer(run_id, "run_id"))


@get("/api/migration/problems/items", responses=refusals(400, 404))
async def handle_problem_items(
    service: NamedDependency[MigrationService],
    run_id: FromQuery[str | None] = None,
    kind: FromQuery[str | None] = None,
    code: FromQuery[str | None] = None,
    after: FromQuery[str | None] = None,
    limit: FromQuery[str | None] = None,
) -> ProblemPage:
    """Failures or warnings of one code, page by page."""
    return await service.problems.page(
        optional_integer(run_id, "run_id"),
        one_kind(kind),
        required(code, "code"),
        optional_integer(after, "after") or 0,
        page_size(limit),
    )


@get("/api/library/problems", responses=refusals())
async def handle_all_problems(service: NamedDependency[MigrationService]) -> ProblemSummary:
    """Failures and warnings of all runs, counted by code."""
    return await service.problems.summary_of_all()


@get("/api/library/problems/items", responses=refusals(400))
async def handle_all_problem_items(
    service: NamedDependency[MigrationService],
    kind: FromQuery[str | None] = None,
    code: FromQuery[str | None] = None,
    after: FromQuery[str | None] = None,
    limit: FromQuery[str | None] = None,
) -> ProblemPage:
    """Failures or warnings of one code in all runs, page by page."""
    return await service.problems.page_of_all(
        one_kind(kind),
        required(code, "code"),
        optional_integer(after, "after") or 0,
        page_size(limit),
    )


@get("/api/migration/report", responses=file_refusals(ReportFile))
async def handle_report(
    service: NamedDependency[MigrationService],
    run_id: FromQuery[str | None] = None,
    form: Annotated[str | None, QueryParameter(name="format")] = None,
) -> Stream:
    """Every item of a run, the last one by default, as a JSON or CSV file."""
    return report_response(await service.reports.run(optional_integer(run_id, "run_id")), form)


@get("/api/migration/items/{item_id:str}/history", responses=refusals(400, 404))
async def handle_item_history(
    service: NamedDependency[MigrationService], item_id: FromPath[str]
) -> History:
    """Every transition of an item, in order."""
    return History(await service.reports.item_history(integer(item_id, "id")))


@get("/api/models/{sha256:str}/history", responses=refusals(400, 404))
async def handle_model_history(
    service: NamedDependency[MigrationService], sha256: FromPath[str]
) -> History:
    """Every transition of the items that became a model, in order."""
    return History(await service.reports.model_history(sha256))


@get("/api/migration/promotion", responses=refusals(400, 404))
async def handle_promotion(
    service: NamedDependency[MigrationService], run_id: FromQuery[str | None] = None
) -> PromotionReport:
    """What became of every id of a promotion so far, of the last one by default."""
    return await service.reports.promotion(optional_integer(run_id, "run_id"))


@get("/api/migration/conflicts", responses=refusals(400))
async def handle_conflicts(
    service: NamedDependency[MigrationService],
    after: FromQuery[str | None] = None,
    limit: FromQuery[str | None] = None,
) -> ConflictPage:
    """Models that wait and are known to have the content of an active one, page by page."""
    return await service.reports.conflicts(optional_integer(after, "after"), page_size(limit))
