"""ComfyUI LoRA Manager: `<stem>.metadata.json`."""

from __future__ import annotations

from typing import Any

from adapters.sources import documents, values
from adapters.sources.facts import Assertion, Origin, Told
from adapters.sources.table import Fields, value_at
from adapters.sources.telling import Aside, told

SUFFIX = ".metadata.json"
DONE = "completed"


def read(file: str, data: bytes) -> Told:
    """What the sidecar named `file` tells."""
    document = documents.read(data)
    fields = document.fields or {}
    aside = Aside(
        assertions=_assertions(fields),
        named=tuple(filter(None, (values.base_name(fields.get("preview_url")),))),
        examples=_examples(value_at(fields, ("civitai", "customImages"), [])),
        hidden=fields.get("exclude") is True,
    )
    return told(Origin.LORA_MANAGER, file, document, fields, aside)


def _assertions(fields: Fields) -> tuple[Assertion, ...]:
    """A hash is one only when it was finished; a sidecar that says nothing of that is older."""
    written, status = fields.get("sha256"), fields.get("hash_status")
    if not isinstance(written, str) or not written.strip():
        return ()
    objection = "" if status in (None, DONE) else f"its hash_status is {status!r}"
    return (Assertion(written, values.size(fields.get("size")), objection=objection),)


def _examples(custom: Any) -> tuple[str, ...]:
    """The ids of the user's own example pictures."""
    if not isinstance(custom, list):
        return ()
    ids = (entry.get("id") for entry in custom if isinstance(entry, dict))
    return tuple(found for found in ids if isinstance(found, str) and found)
