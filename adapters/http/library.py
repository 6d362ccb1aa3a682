"""The routes of the library: models, tags and images. Each handler makes one call."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, delete, get, patch, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, Parameter

from adapters.http.answers import Done, ImageCount, ModelList, TagList, TypeList, Uploaded
from adapters.http.images import UploadBody, image_response, uploaded
from adapters.http.requests import TagsBody, image_name, integer, required
from engine.catalogue import ModelPatch
from engine.records import ModelRecord
from engine.service import MigrationService


@get("/api/models")
async def handle_models(
    service: MigrationService,
    type_name: Annotated[str | None, Parameter(query="type")] = None,
) -> ModelList:
    """Active models of a type; `Others` for those of no known type."""
    return ModelList(await service.catalogue.models(required(type_name, "type")))


@get("/api/models/get_types")
async def handle_types(service: MigrationService) -> TypeList:
    """The configured types, else those in the library."""
    return TypeList(await service.catalogue.types())


@get("/api/models/{sha256:str}")
async def handle_model(service: MigrationService, sha256: str) -> ModelRecord:
    """An active model."""
    return await service.catalogue.model(sha256)


@patch("/api/models/{sha256:str}")
async def handle_edit_model(
    service: MigrationService, sha256: str, data: ModelPatch
) -> ModelRecord:
    """Change fields of an active model."""
    return await service.catalogue.edit(sha256, data)


@get("/api/tags")
async def handle_tags(service: MigrationService) -> TagList:
    """All tags by name."""
    return TagList(await service.catalogue.tags())


@post("/api/tags_add", status_code=200)
async def handle_add_tags(service: MigrationService, data: TagsBody) -> TagList:
    """Tags of these names, made where they are not there."""
    return TagList(await service.catalogue.add_tags(data.newtags))


@get("/api/images/get_img_count")
async def handle_image_count(service: MigrationService, sha256: str | None = None) -> ImageCount:
    """How many preview sets a model has."""
    return ImageCount(await service.catalogue.images_count(required(sha256, "sha256")))


@get("/api/images/{name:str}", media_type="image/webp")
async def handle_image(
    service: MigrationService,
    name: str,
    quality: str = "high",
    if_none_match: Annotated[str | None, Parameter(header="If-None-Match")] = None,
) -> Response[bytes]:
    """A preview of a model."""
    return image_response(
        await service.catalogue.preview(*image_name(name), quality), if_none_match
    )


@get("/api/images/pending/{name:str}", media_type="application/octet-stream")
async def handle_pending_image(
    service: MigrationService,
    name: str,
    if_none_match: Annotated[str | None, Parameter(header="If-None-Match")] = None,
) -> Response[bytes]:
    """The original image of a pending model, by the model's id or by its file name."""
    return image_response(await service.catalogue.pending_image(name), if_none_match)


@post("/api/images/upload", status_code=200)
async def handle_upload(
    service: MigrationService,
    data: Annotated[UploadBody, Body(media_type=RequestEncodingType.MULTI_PART)],
) -> Uploaded:
    """Add a preview to a model."""
    return Uploaded("success", await service.catalogue.upload(*await uploaded(data)))


@delete("/api/images/delete", status_code=200)
async def handle_delete_image(
    service: MigrationService, sha256: str | None = None, seq: str | None = None
) -> Done:
    """Remove a preview of a model; later ones move down."""
    await service.catalogue.remove_image(required(sha256, "sha256"), integer(seq, "seq"))
    return Done()
