"""The application: routes, what they are given, and how errors are answered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from litestar import Litestar
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.types import ASGIApp

from adapters.http import finding, library, migration, nearby, reports
from adapters.http.answers import LibraryPlace
from adapters.http.bodytypes import require_documented_type
from adapters.http.door import Door
from adapters.http.entry import Entry
from adapters.http.errors import answer_defect, answer_fact, answer_http, answer_text
from adapters.http.frontend import frontend_routes, schema_router
from adapters.http.gate import Gate, Policy, credentials_of
from adapters.http.heads import Heads
from adapters.http.navigation import SCHEMA_PATH
from adapters.http.openapi import CompleteJson
from adapters.http.requestlog import RequestLog
from adapters.http.requests import AllowedPaths, DatabasesIn, nowhere
from engine.errors import ReshelveError
from engine.facts.files import Root
from engine.service import MigrationService

ROUTES = [
    migration.handle_migrate_legacy_db,
    migration.handle_import_models,
    migration.handle_pending_models,
    migration.handle_pending_model,
    migration.handle_scan,
    nearby.handle_databases,
    migration.handle_check,
    migration.handle_start,
    migration.handle_resume,
    migration.handle_cancel,
    migration.handle_retry,
    migration.handle_status,
    migration.handle_items,
    migration.handle_events,
    reports.handle_problems,
    reports.handle_problem_items,
    reports.handle_all_problems,
    reports.handle_all_problem_items,
    reports.handle_report,
    reports.handle_item_history,
    reports.handle_model_history,
    reports.handle_promotion,
    reports.handle_conflicts,
    finding.handle_find_models,
    finding.handle_tag_counts,
    finding.handle_change_tags,
    finding.handle_edit_pending,
    library.handle_library,
    library.handle_repair,
    library.handle_models,
    library.handle_types,
    library.handle_model,
    library.handle_edit_model,
    library.handle_tags,
    library.handle_add_tags,
    library.handle_image_count,
    library.handle_image,
    library.handle_pending_image,
    library.handle_upload,
    library.handle_delete_image,
]


class Settings(msgspec.Struct, frozen=True):
    """How a server was launched."""

    policy: Policy
    allowed: AllowedPaths
    page: Path
    """The folder of the page of our own."""
    place: LibraryPlace
    databases_in: DatabasesIn = nowhere
    """Where legacy databases are looked for when a client names a folder."""
    discover: Callable[[], list[Path]] = list
    """Legacy databases in the usual places. Blocks."""
    roots: tuple[Root, ...] = ()
    frontend: Path | None = None


def create_app(service: MigrationService, settings: Settings) -> ASGIApp:
    """The application over an entered service, behind the gate."""
    found = nearby.Nearby(settings.allowed, settings.discover, settings.databases_in)
    app = Litestar(
        route_handlers=[*ROUTES, *frontend_routes(settings.page, settings.frontend)],
        dependencies={
            "service": Provide(lambda: service, sync_to_thread=False),
            "allowed": Provide(lambda: settings.allowed, sync_to_thread=False),
            "databases_in": Provide(lambda: settings.databases_in, sync_to_thread=False),
            "nearby": Provide(lambda: found, sync_to_thread=False),
            "place": Provide(lambda: settings.place, sync_to_thread=False),
            "roots": Provide(lambda: settings.roots, sync_to_thread=False),
        },
        guards=[require_documented_type],
        exception_handlers={
            ReshelveError: answer_fact,
            HTTPException: answer_http,
            UnicodeDecodeError: answer_text,
            Exception: answer_defect,
        },
        openapi_config=OpenAPIConfig(
            title="reshelve",
            version="1",
            path=SCHEMA_PATH,
            openapi_router=schema_router(),
            render_plugins=[CompleteJson()],
            use_handler_docstrings=True,
        ),
        logging_config=None,
        request_max_body_size=settings.policy.upload_bytes + (1 << 20),
    )
    credentials = credentials_of(settings.policy)
    gate = Gate(Heads(app), settings.policy, credentials)
    if credentials is None:
        return RequestLog(gate)
    return RequestLog(Entry(gate, credentials.sessions, Door(settings.page)))
