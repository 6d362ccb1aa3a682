"""How images travel: what an upload must hold, and how an image is answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from anyio import to_thread
from litestar import Request, Response
from litestar.datastructures import UploadFile
from litestar.exceptions import HTTPException
from litestar.response import Stream

from adapters.http.caching import kept
from adapters.http.errors import InvalidRequest
from adapters.http.requests import required
from engine.facts.catalogue import ImageFile


@dataclass(frozen=True)
class UploadBody:
    """A multipart form: the image, and the hash of the model it belongs to."""

    image: UploadFile | None = None
    sha256: str | None = None


async def read_form(request: Request[Any, Any, Any]) -> None:
    """Read the form before anything is made of it. Raises `InvalidRequest`."""
    try:
        form = await request.form()
    except (HTTPException, LookupError, UnicodeDecodeError) as error:
        # The second is a text in an encoding that nobody knows.
        raise InvalidRequest(
            "The form cannot be read: it is no multipart/form-data with a boundary, whole, "
            "and its texts in UTF-8."
        ) from error
    images, hashes = form.getall("image", []), form.getall("sha256", [])
    if len(images) > 1 or not all(isinstance(image, UploadFile) for image in images):
        raise InvalidRequest("image must be one file: a part of the form with a file name")
    if len(hashes) > 1 or not all(isinstance(sha256, str) for sha256 in hashes):
        raise InvalidRequest("sha256 must be one text")


async def uploaded(body: UploadBody) -> tuple[str, bytes]:
    """The hash and the image's bytes. Raises `InvalidRequest`."""
    sha256 = required(body.sha256, "sha256")
    if body.image is None:
        raise InvalidRequest("image is required")
    return sha256, await body.image.read()


def image_response(image: ImageFile, if_none_match: str | None) -> Response[Any]:
    """The image, or word that the browser has it already; a large one part by part."""
    answer = kept(image.data, image.media_type, image.version, if_none_match)
    if answer.status_code == 304 or len(image.data) == image.size:
        return answer
    # As a field: of a stream's type, that of the route counts for more than its own.
    told = {"Content-Type": image.media_type, "Content-Length": str(image.size)}
    return Stream(_parts(image), headers={**answer.headers, **told})


async def _parts(image: ImageFile) -> AsyncIterator[bytes]:
    yield image.data
    rest = image.rest()
    while part := await to_thread.run_sync(next, rest, b""):
        yield part
