"""Pictures that lie within other files, as base64: where they are, and what they hold.

Only data is taken, and only what begins as a raster picture: an address or a path in a picture's
field is text.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from adapters.sources import documents
from adapters.sources.table import Fields
from engine.facts.previews import MAX_IMAGE_BYTES, SIGNATURE_BYTES, media_type

THUMBNAILS = ("modelspec.preview_image", "modelspec.thumbnail", "thumbnail", "preview_image")
"""The keys of ModelSpec and of SwarmUI; the first that is there counts."""

COVERS = "ssmd_cover_images"
"""A JSON list of base64, written by a metadata editor of the webui."""

MAX_COVERS = 100

_DATA = re.compile(r"data:[^,]{0,200},", re.IGNORECASE)
_FIRST = 4 * SIGNATURE_BYTES


def places(fields: Fields) -> tuple[str, ...]:
    """Where pictures lie in the fields of a header or of a sidecar, the best first."""
    thumbnails = (key for key in THUMBNAILS if isinstance(fields.get(key), str) and fields[key])
    found = [key for key in list(thumbnails)[:1] if _begins_as_picture(fields[key])]
    covers = _covers(fields)
    found += [f"{COVERS}/{at}" for at, text in enumerate(covers) if _begins_as_picture(text)]
    return tuple(found)


def content(fields: Fields, place: str) -> bytes | None:
    """The bytes of the picture at a place that `places` gave; None where there is none."""
    if not place.startswith(f"{COVERS}/"):
        return _decoded(fields.get(place))
    covers = {f"{COVERS}/{at}": text for at, text in enumerate(_covers(fields))}
    return _decoded(covers.get(place))


def _covers(fields: Fields) -> list[Any]:
    written = fields.get(COVERS)
    listed = documents.read_value(written) if isinstance(written, str) else written
    return listed[:MAX_COVERS] if isinstance(listed, list) else []


def _begins_as_picture(text: Any) -> bool:
    beginning = "".join(_encoded(text)[:_FIRST].split()) if isinstance(text, str) else ""
    data = _bytes(beginning[: len(beginning) // 4 * 4])
    return data is not None and media_type(data) is not None


def _decoded(text: Any) -> bytes | None:
    if not isinstance(text, str) or len(text) > MAX_IMAGE_BYTES or not _begins_as_picture(text):
        return None
    encoded = "".join(_encoded(text).split()).rstrip("=")
    return _bytes(encoded + "=" * (-len(encoded) % 4))


def _encoded(text: str) -> str:
    """The base64 itself, without `data:…;base64,` before it."""
    text = text.lstrip()
    if (prefix := _DATA.match(text)) is None:
        return text
    return text[prefix.end() :] if prefix[0].lower().endswith(";base64,") else ""


def _bytes(encoded: str) -> bytes | None:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
