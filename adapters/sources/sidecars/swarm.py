"""SwarmUI: `<stem>.swarm.json`, written by its editor or by its downloader.

Its `hash` is that of the tensors alone, so it is no SHA-256 of a file.
"""

from __future__ import annotations

from adapters.sources import documents, embedded
from adapters.sources.facts import Assertion, Origin, Told, stem_of
from adapters.sources.table import Fields
from adapters.sources.telling import Aside, told
from adapters.sources.values import base_name

SUFFIX = ".swarm.json"
PLACEHOLDERS = ("(None, use '.safetensors'", "(Metadata not yet loaded.)")
"""How descriptions begin that SwarmUI shows where there is none."""

TENSORS = "SwarmUI's hash is that of the tensors, not of the file"
_HASHES = ("modelspec.hash_sha256", "modelspec.hash", "hash_sha256", "hash")
_TITLES = ("modelspec.title", "title")
_DESCRIPTIONS = ("modelspec.description", "description")


def read(file: str, data: bytes) -> Told:
    """What the sidecar named `file` tells."""
    document = documents.read(data)
    fields = document.fields or {}
    assertions = _assertions(fields)
    aside = Aside(
        assertions=assertions,
        tensors=tuple(assertion.sha256 for assertion in assertions),
        embedded=embedded.places(fields),
    )
    return told(Origin.SWARM, file, document, _meant(fields, file.removesuffix(SUFFIX)), aside)


def _meant(fields: Fields, stem: str) -> Fields:
    """The fields without what SwarmUI writes where it knows nothing."""
    empty = {key for key in _DESCRIPTIONS if is_placeholder(fields.get(key))}
    empty |= {key for key in _TITLES if stem in _names(fields.get(key))}
    return {key: value for key, value in fields.items() if key not in empty}


def is_placeholder(description: object) -> bool:
    """Whether a description only says that there is none."""
    return isinstance(description, str) and description.strip().startswith(PLACEHOLDERS)


def _names(title: object) -> set[str]:
    """What a title that is a path would name."""
    name = base_name(title)
    return {name, stem_of(name)}


def _assertions(fields: Fields) -> tuple[Assertion, ...]:
    for key in _HASHES:
        value = fields.get(key)
        if isinstance(value, str) and value.strip():
            return (Assertion(value, objection=TENSORS),)
    return ()
