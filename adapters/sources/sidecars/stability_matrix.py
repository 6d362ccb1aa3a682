"""Stability Matrix: `<stem>.cm-info.json`."""

from __future__ import annotations

from adapters.sources import documents, values
from adapters.sources.facts import Assertion, Origin, Told
from adapters.sources.table import Fields, value_at
from adapters.sources.telling import Aside, told

SUFFIX = ".cm-info.json"


def read(file: str, data: bytes) -> Told:
    """What the sidecar named `file` tells."""
    document = documents.read(data)
    fields = document.fields or {}
    aside = Aside(assertions=_assertions(fields), named=_thumbnail(fields))
    return told(Origin.STABILITY_MATRIX, file, document, fields, aside)


def _assertions(fields: Fields) -> tuple[Assertion, ...]:
    """The SHA-256 of the web site's file, whether or not the local one still is that file."""
    written = value_at(fields, ("Hashes", "SHA256"), [])
    return (Assertion(written),) if isinstance(written, str) and written.strip() else ()


def _thumbnail(fields: Fields) -> tuple[str, ...]:
    """The name of a local picture; an address is never fetched, and may be that of the weights."""
    path = fields.get("ThumbnailImageUrl")
    if not isinstance(path, str) or "://" in path or path.startswith("data:"):
        return ()
    return tuple(filter(None, (values.base_name(path),)))
