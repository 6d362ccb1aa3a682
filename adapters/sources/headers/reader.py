"""A model file's header as what it tells of the model."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import msgspec

from adapters.regular import regular
from adapters.sources import embedded
from adapters.sources.documents import Document
from adapters.sources.facts import Assertion, Origin, Told
from adapters.sources.headers import gguf, safetensors
from adapters.sources.sidecars.swarm import is_placeholder
from adapters.sources.table import Fields
from adapters.sources.telling import Aside, told
from adapters.sources.wording import keepable

FORMATS = {".safetensors": safetensors.read, ".sft": safetensors.read, ".gguf": gguf.read}
"""By suffix, in lower case. No other model file is opened for its header."""

MAX_KEPT = 64 * 1024
"""A longer value stays in the file alone; the journal tells how long it is."""

TENSORS = "a hash in the header is that of the tensors, not of the file"
_GENERATED = ("LoRA@", "Checkpoint@", "TextualInversion@")
"""How titles begin that a trainer makes up from the time."""
_TENSOR_HASHES = ("modelspec.hash_sha256", "sshs_model_hash")


def has_header(name: str) -> bool:
    """Whether a file of this name is looked into."""
    return _suffix(name) in FORMATS


def read(name: str, opened: Callable[[], int]) -> Told:
    """What a model file's header tells; damage, and a file that cannot be read, is a notice.

    `opened` gives a descriptor of the file; only a file that has a header is opened.
    """
    document = _document(name, opened)
    fields = document.fields or {}
    written = fields.get("modelspec.hash_sha256")
    asserted = isinstance(written, str) and bool(written.strip())
    aside = Aside(
        assertions=(Assertion(str(written), objection=TENSORS),) if asserted else (),
        tensors=tuple(fields[key] for key in _TENSOR_HASHES if isinstance(fields.get(key), str)),
        embedded=embedded.places(fields),
    )
    return told(Origin.HEADER, name, document, _meant(fields), aside)


def picture(name: str, opened: Callable[[], int], place: str) -> bytes | None:
    """The picture at a place that `Told.embedded` names; None where there is none any more."""
    return embedded.content(_document(name, opened).fields or {}, place)


def _document(name: str, opened: Callable[[], int]) -> Document:
    suffix = _suffix(name)
    if suffix not in FORMATS:
        return Document()
    try:
        with os.fdopen(regular(opened()), "rb") as file:
            document = FORMATS[suffix](file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        return Document(flaws=(f"it cannot be read: {error.strerror}",))
    except ValueError as error:
        return Document(flaws=(f"it cannot be read: {error}",))
    fields = {key: value for key, value in (document.fields or {}).items() if _is_text(value)}
    flaws = tuple(f"its header: {flaw}" for flaw in document.flaws)
    return Document(_journal(fields), fields, flaws)


def _is_text(value: Any) -> bool:
    return isinstance(value, str | list)


def _journal(fields: Fields) -> str:
    """The fields as JSON, without those that are long."""
    kept = {key: _short(value) for key, value in fields.items()}
    return msgspec.json.encode(kept).decode() if kept else ""


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_KEPT:
        return f"{len(value)} characters, in the file itself"
    return keepable(value) if isinstance(value, str) else value


def _meant(fields: Fields) -> Fields:
    """The fields without what trainers and managers write where they know nothing."""
    return {
        key: value
        for key, value in fields.items()
        if not (isinstance(value, str) and _is_nothing(key, value.strip()))
    }


def _is_nothing(key: str, value: str) -> bool:
    if key.startswith("ss_"):
        return value == "None"
    return value.startswith(_GENERATED) if key == "modelspec.title" else is_placeholder(value)


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122  a name, not a path
