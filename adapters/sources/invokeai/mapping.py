"""How a row of InvokeAI's table `models` becomes what it tells of a model: pure, and total.

Only `id`, `config` and `created_at` are read: they are stored at every version, and the others are
computed by SQL of the file's own.
"""

from __future__ import annotations

from typing import Any

import msgspec

from adapters.sources import documents
from adapters.sources.documents import Document
from adapters.sources.facts import Assertion, Origin, Told
from adapters.sources.model_types import folder_type
from adapters.sources.table import Fields
from adapters.sources.telling import Aside, told
from adapters.sources.untrusted_sqlite.cells import Cell

COLUMNS = ("id", "config", "created_at")
EXTERNAL = "external://"
NO_SHA256 = "InvokeAI does not say that it is a SHA-256"
OF_A_FOLDER = "it is that of a folder, made of the hashes of its files"

_WHOLE = frozenset({"sd-1", "sd-2", "sdxl", "sdxl-refiner"})
"""Bases whose checkpoints hold more than the diffusion model; those of others do not."""

_HUGGING_FACE = "hf_repo_id"
_SHA256 = "sha256:"


def config(cell: Cell) -> Document:
    """The row's JSON, whatever the cell holds."""
    if isinstance(cell, str):
        return documents.read(cell.encode("utf-8", "surrogatepass"))
    if isinstance(cell, bytes):
        return documents.read(bytes(cell))
    return Document(flaws=("its config is no text",))


def tells(key: str, document: Document, created_at: Cell) -> Told:
    """What a row tells of its model; `key` is how notices name it."""
    fields = document.fields or {}
    written = fields.get("hash")
    asserted = isinstance(written, str) and bool(written.strip())
    aside = Aside(assertions=(_assertion(str(written)),) if asserted else ())
    return told(Origin.INVOKEAI, key, document, _meant(fields, created_at), aside)


def of_folder(source: Told) -> Told:
    """What a row tells of a folder, whose hash is made of those of its files."""
    objected = tuple(
        Assertion(assertion.sha256, objection=OF_A_FOLDER) for assertion in source.assertions
    )
    return msgspec.structs.replace(source, assertions=objected)


def _meant(fields: Fields, created_at: Cell) -> Fields:
    """The fields without what InvokeAI makes up, with what follows from several of them."""
    meant = dict(fields)
    if _is_generated(fields):
        meant["description"] = ""
    meant["folder"] = _folder(fields)
    meant["created_at"] = created_at if isinstance(created_at, str) else None
    meant["repository"] = _repository(fields)
    return meant


def _is_generated(fields: Fields) -> bool:
    """Whether the description is the sentence that InvokeAI writes where it has none."""
    parts = [str(fields.get(key, "")) for key in ("base", "type")]
    return fields.get("description") == f"{' '.join(parts)} model {fields.get('name', '')}"


def _folder(fields: Fields) -> str:
    """The word for the type; a checkpoint of a newer base holds the diffusion model alone."""
    kind = fields.get("type")
    if not isinstance(kind, str):
        return ""
    if kind != "main":
        return kind if folder_type(kind) else ""
    whole = fields.get("format") == "checkpoint" and fields.get("base") in _WHOLE
    return "checkpoint" if whole else "diffusion_model"


def _repository(fields: Fields) -> str:
    """The page of a repository on Hugging Face, without its variant and its subfolder."""
    source: Any = fields.get("source")
    if fields.get("source_type") != _HUGGING_FACE or not isinstance(source, str):
        return ""
    name = source.partition(":")[0].strip()
    return f"https://huggingface.co/{name}" if name.count("/") == 1 else ""


def _assertion(written: str) -> Assertion:
    """A hash counts where it says by itself that it is a SHA-256; by default it is BLAKE3."""
    if written.strip().startswith(_SHA256):
        return Assertion(written.strip().removeprefix(_SHA256))
    return Assertion(written, objection=NO_SHA256)
