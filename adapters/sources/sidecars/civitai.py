"""Civitai's answer for a version, as Civitai Helper and others keep it: `<stem>.civitai.info`.

`{}` is an answer, too: asked, and not known there.
"""

from __future__ import annotations

from typing import Any

from adapters.sources import documents, values
from adapters.sources.facts import Assertion, Origin, Told
from adapters.sources.table import Fields, value_at
from adapters.sources.telling import Aside, told

SUFFIX = ".civitai.info"
MAX_FILES = 1_000


def read(file: str, data: bytes) -> Told:
    """What the sidecar named `file` tells."""
    document = documents.read(data)
    fields = document.fields or {}
    aside = Aside(assertions=_assertions(fields.get("files")), named=_local(fields.get("images")))
    return told(Origin.CIVITAI, file, document, _meant(fields), aside)


def _meant(fields: Fields) -> Fields:
    """The fields without the file's own name, which a skeleton has for the model's."""
    model = fields.get("model")
    if not _is_skeleton(fields) or not isinstance(model, dict):
        return fields
    return fields | {"model": {key: value for key, value in model.items() if key != "name"}}


def _is_skeleton(fields: Fields) -> bool:
    """Whether a helper wrote it of itself, where Civitai knew nothing."""
    deep = value_at(fields, ("extensions", "sd_civitai_helper", "skeleton_file"), [])
    return deep is True or fields.get("skeleton_file") is True


def _assertions(files: Any) -> tuple[Assertion, ...]:
    """The hash of each file of the version: which of them lies here is not said."""
    found = []
    for entry in files[:MAX_FILES] if isinstance(files, list) else []:
        written = value_at(entry, ("hashes", "SHA256"), []) if isinstance(entry, dict) else None
        if isinstance(written, str) and written.strip():
            kilobytes, name = values.size(entry.get("sizeKB")), entry.get("name")
            size = None if kilobytes is None else kilobytes * 1024
            found.append(Assertion(written, size, name if isinstance(name, str) else ""))
    return tuple(found)


def _local(images: Any) -> tuple[str, ...]:
    """The pictures that a helper says it has stored; after a move only their names are right."""
    listed = images if isinstance(images, list) else []
    names = (values.base_name(entry.get("local_file")) for entry in listed if _is_object(entry))
    return tuple(name for name in names if name)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)
