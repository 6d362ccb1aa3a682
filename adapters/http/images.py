"""How images travel: what an upload must hold, and how an image is answered."""

from __future__ import annotations

from dataclasses import dataclass

from litestar import Response
from litestar.datastructures import UploadFile

from adapters.http.caching import kept
from adapters.http.errors import InvalidRequest
from adapters.http.requests import required
from engine.catalogue import ImageFile


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
    return kept(image.data, image.media_type, image.version, if_none_match)
