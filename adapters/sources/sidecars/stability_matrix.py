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
    """The name of its picture; an address stays one, since nothing is fetched.

    What OpenModelDB (1) has there is the address of the weights.
    """
    path = fields.get("ThumbnailImageUrl")
    if not isinstance(path, str) or path.startswith("data:") or fields.get("Source") == 1:
        return ()
    return tuple(filter(None, (path if "://" in path else values.base_name(path),)))
