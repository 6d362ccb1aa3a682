"""The routes by which models are found and changed many at once, and edited while they wait."""

from __future__ import annotations

from typing import Annotated

from litestar import get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, QueryParameter

from adapters.http.answers import Roots, TagCounts
from adapters.http.documented import body_refusals, refusals
from adapters.http.requests import AllowedPaths, edit_of, integer, page_size
from adapters.http.searches import ManyTagsBody, files_there, from_offset, model_search
from engine.facts.catalogue import ModelPatch, TagReport
from engine.facts.records import PendingModelRecord
from engine.facts.search import ModelPage
from engine.service import MigrationService


@get("/api/library/models", responses=refusals(400))
async def handle_find_models(
    service: NamedDependency[MigrationService],
    search: FromQuery[str | None] = None,
    type_name: Annotated[str | None, QueryParameter(name="type")] = None,
    tag: FromQuery[str | None] = None,
    pictures: FromQuery[str | None] = None,
    files: FromQuery[str | None] = None,
    order: FromQuery[str | None] = None,
    offset: FromQuery[str | None] = None,
    limit: FromQuery[str | None] = None,
) -> ModelPage:
    """Active models for which all that is given holds, page by page."""
    return await service.finder.find(
        model_search(search, type_name, tag, pictures, order),
        files_there(files),
        from_offset(offset),
        page_size(limit),
    )


@get("/api/library/tags", responses=refusals())
async def handle_tag_counts(service: NamedDependency[MigrationService]) -> TagCounts:
    """All tags by name, with how many models have each."""
    return TagCounts(await service.finder.tags())


@post("/api/library/tags", status_code=200, responses=body_refusals())
async def handle_change_tags(
    service: NamedDependency[MigrationService], data: JSONBody[ManyTagsBody]
) -> TagReport:
    """Tag and untag many models in one step."""
    return await service.catalogue.change_tags(*data.change())


@patch("/api/migration/pending_model", responses=body_refusals(404, 409))
async def handle_edit_pending(
    service: NamedDependency[MigrationService],
    allowed: NamedDependency[AllowedPaths],
    roots: NamedDependency[Roots],
    data: JSONBody[ModelPatch],
    pending_id: Annotated[str | None, QueryParameter(name="id")] = None,
) -> PendingModelRecord:
    """Change fields of a model that waits for promotion."""
    judge = allowed.beside(roots).check_absolute
    return await service.catalogue.edit_pending(integer(pending_id, "id"), edit_of(data), judge)
