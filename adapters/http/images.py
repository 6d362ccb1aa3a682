"""How images travel: what a browser may keep, and what an upload must hold."""

from __future__ import annotations

from dataclasses import dataclass

from litestar import Response
from litestar.datastructures import UploadFile

from adapters.http.errors import InvalidRequest
from adapters.http.requests import required
from engine.catalogue import ImageFile

KEEP = "private, no-cache"
"""Kept, and asked for again with its ETag: an image that was replaced is seen at once."""


@dataclass(frozen=True)
class UploadBody:
    """A multipart form: the image, and the hash of the model it belongs to."""

    image: UploadFile | None = None
    sha256: str | None = None


async def uploaded(body: UploadBody) -> tuple[str, bytes]:
    """The hash and the image's bytes. Raises `InvalidRequest`."""
    sha256 = required(body.sha256, "sha256")
    if body.image is None:
        raise InvalidRequest("image is required")
    return sha256, await body.image.read()


def image_response(image: ImageFile, if_none_match: str | None) -> Response[bytes]:
    """The image, or word that the browser has it already."""
    etag = f'"{image.version}"'
    headers = {"ETag": etag, "Cache-Control": KEEP}
    if if_none_match is not None and _has(if_none_match, etag):
        return Response(b"", status_code=304, headers=headers, media_type=image.media_type)
    return Response(image.data, headers=headers, media_type=image.media_type)


def _has(if_none_match: str, etag: str) -> bool:
    """RFC 9110, 13.1.2: any of the tags, compared weakly; an asterisk means any."""
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag in tags
