"""The routes of migration: each handler decodes, makes one call to the service, and encodes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import anyio
import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, HeaderParameter, JSONBody, QueryParameter
from litestar.response import ServerSentEvent
from litestar.response.sse import ServerSentEventMessage

from adapters.http.answers import (
    MigrationAnswer,
    PendingList,
    Roots,
    ScanAnswer,
    migration_answer,
    pending_list,
    scan_answer,
)
from adapters.http.changing import require_own_page
from adapters.http.documented import body_refusals, refusals
from adapters.http.requests import (
    AllowedPaths,
    DatabasesIn,
    ImportBody,
    MigrateBody,
    RetryBody,
    RunBody,
    integer,
    is_wanted,
    one_state,
    optional_integer,
    page_size,
)
from engine.facts.promotion_report import PromotionReport
from engine.facts.records import PendingModelRecord
from engine.facts.status import ItemPage, RunStatus
from engine.facts.survey import Survey
from engine.runs.watching import EVENT_INTERVAL
from engine.service import MigrationService

COMMENT_SECONDS = 15.0
"""How often an event stream without news says that it is alive."""


@post("/api/migration/migrate_legacy_db", status_code=200, responses=body_refusals(404, 409, 422))
async def handle_migrate_legacy_db(
    data: JSONBody[MigrateBody],
    service: NamedDependency[MigrationService],
    allowed: NamedDependency[AllowedPaths],
    databases_in: NamedDependency[DatabasesIn],
) -> MigrationAnswer:
    """Carry a legacy library across, and answer when that is done."""
    return migration_answer(await service.import_legacy(await data.request(allowed, databases_in)))


@post("/api/migration/import_models", status_code=207, responses=body_refusals())
async def handle_import_models(
    data: JSONBody[ImportBody], service: NamedDependency[MigrationService]
) -> PromotionReport:
    """Promote waiting models, and answer when that is done."""
    return await service.promote(data.ids(), data.strategy())


@get("/api/migration/pending_models", responses=refusals())
async def handle_pending_models(service: NamedDependency[MigrationService]) -> PendingList:
    """All models that wait for promotion."""
    return pending_list(await service.finder.pending())


@get("/api/migration/pending_model", responses=refusals(400, 404))
async def handle_pending_model(
    service: NamedDependency[MigrationService],
    pending_id: Annotated[str | None, QueryParameter(name="id")] = None,
) -> PendingModelRecord:
    """One model that waits for promotion."""
    return await service.catalogue.pending_model(integer(pending_id, "id"))


@get("/api/scan", guards=[require_own_page], responses=refusals(503, 507))
async def handle_scan(
    service: NamedDependency[MigrationService], roots: NamedDependency[Roots]
) -> ScanAnswer:
    """Look for new model files in the configured folders."""
    return scan_answer(await service.scan(roots))


@post("/api/migration/start", status_code=202, responses=body_refusals(404, 409, 422))
async def handle_start(
    data: JSONBody[MigrateBody],
    service: NamedDependency[MigrationService],
    allowed: NamedDependency[AllowedPaths],
    databases_in: NamedDependency[DatabasesIn],
) -> RunStatus:
    """Begin to carry a legacy library across, or go on with its unfinished run, at once."""
    return await service.start(await data.request(allowed, databases_in))


@post("/api/migration/check", status_code=200, responses=body_refusals(404))
async def handle_check(
    data: JSONBody[MigrateBody],
    service: NamedDependency[MigrationService],
    allowed: NamedDependency[AllowedPaths],
    databases_in: NamedDependency[DatabasesIn],
) -> Survey:
    """What a migration would find there, and the room it takes; changes nothing."""
    return await service.surveyor.look(await data.request(allowed, databases_in))


@post("/api/migration/resume", status_code=202, responses=body_refusals(409))
async def handle_resume(
    service: NamedDependency[MigrationService], data: JSONBody[RunBody | None] = None
) -> RunStatus:
    """Go on with what was interrupted or cancelled, at once."""
    return await service.resume(data.run_id if data else None)


@post("/api/migration/cancel", status_code=202, responses=refusals(400, 408, 413, 415))
async def handle_cancel(service: NamedDependency[MigrationService]) -> RunStatus:
    """Finish what is in hand and stop; the run can be resumed."""
    return await service.cancel()


@post("/api/migration/retry", status_code=202, responses=body_refusals(409))
async def handle_retry(
    service: NamedDependency[MigrationService], data: JSONBody[RetryBody | None] = None
) -> RunStatus:
    """Try failed items again, at once."""
    return await service.retry(data.items() if data else None)


@get("/api/migration/status", responses=refusals(400, 404))
async def handle_status(
    service: NamedDependency[MigrationService], run_id: FromQuery[str | None] = None
) -> RunStatus:
    """Where a run stands, the last one by default."""
    return await service.status(optional_integer(run_id, "run_id"))


@get("/api/migration/items", responses=refusals(400, 404))
async def handle_items(
    service: NamedDependency[MigrationService],
    run_id: FromQuery[str | None] = None,
    wanted: Annotated[str | None, QueryParameter(name="state")] = None,
    after: FromQuery[str | None] = None,
    limit: FromQuery[str | None] = None,
    verbatim: FromQuery[str | None] = None,
) -> ItemPage:
    """Items of a run, the last one by default, page by page; `verbatim=true` adds their rows as
    the source had them."""
    return await service.items(
        optional_integer(run_id, "run_id"),
        one_state(wanted),
        optional_integer(after, "after") or 0,
        page_size(limit),
        is_wanted(verbatim),
    )


@get("/api/migration/events", media_type="text/event-stream", responses=refusals(400))
async def handle_events(
    service: NamedDependency[MigrationService],
    last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID")] = None,
) -> ServerSentEvent:
    """The run status whenever it changes: server-sent events, the newest only."""
    return ServerSentEvent(_progress(service, optional_integer(last_event_id, "Last-Event-ID")))


async def _progress(
    service: MigrationService, last: int | None
) -> AsyncIterator[ServerSentEventMessage]:
    number = last or 0
    while True:
        message = ServerSentEventMessage(data=None, comment="still here")
        with anyio.move_on_after(COMMENT_SECONDS):
            event = await service.next_event(number)
            if event is None:
                return
            number, status = event
            data = msgspec.json.encode(status).decode()
            message = ServerSentEventMessage(data=data, event="progress", id=number)
        yield message
        await anyio.sleep(EVENT_INTERVAL)
