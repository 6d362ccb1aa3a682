"""AUTOMATIC1111 and Forge: `<stem>.json`, and `<stem>.txt` or `<stem>.description.txt`.

A file of that name may be anything: a trainer's settings, a whole answer of Civitai. Only the
keys that the webui itself writes are taken, where they hold a text or a number.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from adapters.sources import documents
from adapters.sources.documents import Document
from adapters.sources.facts import Origin, Told
from adapters.sources.telling import Aside, told
from adapters.sources.wording import keepable

SUFFIX = ".json"
TEXT_SUFFIXES = (".txt", ".description.txt")
"""Where a description lies that the JSON has no key for; the first that is there."""

KEYS = frozenset(
    {"description", "notes", "sd version", "activation text", "preferred weight", "negative text"}
    | {"vae", "vae_te", "sd_version_str"}
)
TEXT_FILE = "text file"
"""The key under which the table finds the text of a text file."""

MAX_TEXT_BYTES = 1024 * 1024
"""A longer text file is no description."""


def read(file: str, data: bytes) -> Told:
    """What the sidecar named `file` tells; nothing where it is another program's."""
    document = documents.read(data)
    return told(Origin.WEBUI, file, document, _own(document), Aside())


def read_with_text(file: str, data: bytes, text: bytes) -> Told:
    """The same with a text file beside it, which counts where the JSON has no description."""
    document = documents.read(data)
    fields = _own(document)
    if "description" in (document.fields or {}):
        return told(Origin.WEBUI, file, document, fields, Aside())
    described = _described(text)
    flaws = tuple(f"the text file beside it: {flaw}" for flaw in described.flaws)
    document = msgspec.structs.replace(document, flaws=document.flaws + flaws)
    return told(Origin.WEBUI, file, document, fields | (described.fields or {}), Aside())


def read_text(file: str, text: bytes) -> Told:
    """What a text file tells that has no JSON beside it."""
    document = _described(text)
    return told(Origin.WEBUI, file, document, document.fields, Aside())


def is_own(data: bytes) -> bool:
    """Whether JSON is the webui's: an object with a key that the webui writes."""
    return bool(_own(documents.read(data)))


def _own(document: Document) -> dict[str, Any]:
    fields = document.fields or {}
    return {key: fields[key] for key in KEYS & fields.keys() if _is_plain(fields[key])}


def _is_plain(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, str | int) and not isinstance(value, bool)


def _described(text: bytes) -> Document:
    if len(text) > MAX_TEXT_BYTES:
        return Document(flaws=(f"it is larger than {MAX_TEXT_BYTES} bytes and was not read",))
    written, flaws = documents.decoded(text)
    return Document(written, {TEXT_FILE: keepable(written)}, flaws)
