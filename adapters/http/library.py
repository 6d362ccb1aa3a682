"""The routes of the library: models, tags and images. Each handler makes one call."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import (
    FromPath,
    FromQuery,
    HeaderParameter,
    JSONBody,
    MultipartBody,
    QueryParameter,
)

from adapters.http.answers import (
    Done,
    ImageCount,
    LibraryAnswer,
    LibraryPlace,
    ModelList,
    Roots,
    TagList,
    TypeList,
    Uploaded,
    library_answer,
)
from adapters.http.documented import body_refusals, image_refusals, refusals
from adapters.http.images import UploadBody, image_response, read_form, uploaded
from adapters.http.requests import (
    AllowedPaths,
    RepairBody,
    TagsBody,
    edit_of,
    image_name,
    integer,
    required,
)
from engine.facts.catalogue import ModelPatch
from engine.facts.records import ModelRecord
from engine.facts.repair_report import RepairReport
from engine.service import MigrationService


@get("/api/library", responses=refusals())
async def handle_library(
    service: NamedDependency[MigrationService],
    place: NamedDependency[LibraryPlace],
    roots: NamedDependency[Roots],
) -> LibraryAnswer:
    """Where the library lies, and how much it holds."""
    return library_answer(await service.reports.library(), place, roots)


@post("/api/library/repair", status_code=200, responses=body_refusals())
async def handle_repair(
    service: NamedDependency[MigrationService], data: JSONBody[RepairBody | None] = None
) -> RepairReport:
    """Mend what is wrong with the library, where that is certain, and tell what is left."""
    return await service.repairs.run((data or RepairBody()).mode)


@get("/api/models", responses=refusals(400))
async def handle_models(
    service: NamedDependency[MigrationService],
    type_name: Annotated[str | None, QueryParameter(name="type")] = None,
) -> ModelList:
    """Active models of a type; `Others` for those of no known type."""
    return ModelList(await service.catalogue.models(required(type_name, "type parameter")))


@get("/api/models/get_types", responses=refusals())
async def handle_types(service: NamedDependency[MigrationService]) -> TypeList:
    """The configured types, else those in the library."""
    return TypeList(await service.catalogue.types())


@get("/api/models/{sha256:str}", responses=refusals(400, 404))
async def handle_model(
    service: NamedDependency[MigrationService], sha256: FromPath[str]
) -> ModelRecord:
    """An active model."""
    return await service.catalogue.model(sha256)


@patch("/api/models/{sha256:str}", responses=body_refusals(404))
async def handle_edit_model(
    service: NamedDependency[MigrationService],
    allowed: NamedDependency[AllowedPaths],
    roots: NamedDependency[Roots],
    sha256: FromPath[str],
    data: JSONBody[ModelPatch],
) -> ModelRecord:
    """Change fields of an active model."""
    judge = allowed.beside(roots).check_absolute
    return await service.catalogue.edit(sha256, edit_of(data), judge)


@get("/api/tags", responses=refusals())
async def handle_tags(service: NamedDependency[MigrationService]) -> TagList:
    """All tags by name."""
    return TagList(await service.catalogue.tags())


@post("/api/tags_add", status_code=200, responses=body_refusals())
async def handle_add_tags(
    service: NamedDependency[MigrationService], data: JSONBody[TagsBody]
) -> TagList:
    """Tags of these names, made where they are not there."""
    return TagList(await service.catalogue.add_tags(data.names()))


@get("/api/images/get_img_count", responses=refusals(400))
async def handle_image_count(
    service: NamedDependency[MigrationService], sha256: FromQuery[str | None] = None
) -> ImageCount:
    """How many preview sets a model has."""
    return ImageCount(await service.catalogue.images_count(required(sha256, "sha256")))


@get("/api/images/{name:str}", media_type="image/webp", responses=image_refusals())
async def handle_image(
    service: NamedDependency[MigrationService],
    name: FromPath[str],
    quality: FromQuery[str] = "high",
    if_none_match: Annotated[str | None, HeaderParameter(name="If-None-Match")] = None,
) -> Response[bytes]:
    """A preview of a model."""
    return image_response(
        await service.catalogue.preview(*image_name(name), quality), if_none_match
    )


@get(
    "/api/images/pending/{name:str}",
    media_type="application/octet-stream",
    responses=image_refusals(),
)
async def handle_pending_image(
    service: NamedDependency[MigrationService],
    name: FromPath[str],
    if_none_match: Annotated[str | None, HeaderParameter(name="If-None-Match")] = None,
) -> Response[bytes]:
    """The original image of a pending model, by the model's id or by its file name."""
    return image_response(await service.catalogue.pending_image(name), if_none_match)


@post(
    "/api/images/upload",
    status_code=200,
    before_request=read_form,
    responses=body_refusals(404),
)
async def handle_upload(
    service: NamedDependency[MigrationService],
    data: MultipartBody[UploadBody],
) -> Uploaded:
    """Add a preview to a model."""
    return Uploaded("success", await service.catalogue.upload(*await uploaded(data)))


@delete("/api/images/delete", status_code=200, responses=refusals(400, 404, 408, 413, 415, 507))
async def handle_delete_image(
    service: NamedDependency[MigrationService],
    sha256: FromQuery[str | None] = None,
    seq: FromQuery[str | None] = None,
) -> Done:
    """Remove a preview of a model; later ones move down."""
    await service.catalogue.remove_image(required(sha256, "sha256"), integer(seq, "seq"))
    return Done()
