"""The OpenAPI document: what the handlers' types say, with sentences and examples beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import Request
from litestar.openapi.plugins import JsonRenderPlugin

from adapters.http.described import FIELDS, FIELDS_OF, PARAMETERS
from adapters.http.examples import ANSWERED, TAKEN
from adapters.http.examples import PARAMETERS as VALUES
from adapters.http.requests import MOST
from engine.facts.conflicts import ConflictStrategy

_EVENT = 'id: 1760000000000\nevent: progress\ndata: {"run": null, "counts": {"total": 0}}\n\n'

_EXACT: dict[str, dict[str, dict[str, Any]]] = {
    "ImportBody": {
        "id": {"type": "array", "items": {}, "minItems": 1, "maxItems": MOST},
        "conflict_strategy": {"enum": [*ConflictStrategy, "null", None]},
    },
    "TagsBody": {"newtags": {"type": "array", "items": {}, "maxItems": MOST}},
}
"""What some fields take; their type leaves room for what each refusal says."""


class CompleteJson(JsonRenderPlugin):
    """The document as JSON, completed."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The document as it is served."""
        document = msgspec.json.decode(self.render_json(request, openapi_schema))
        return msgspec.json.encode(completed(document))


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with a meaning for each field and parameter, and examples for bodies."""
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        for field, found in schema.get("properties", {}).items():
            meaning = FIELDS_OF.get(name, {}).get(field) or FIELDS.get(field)
            _describe(found, meaning)
    for name, fields in _EXACT.items():
        for field, exact in fields.items():
            schemas[name]["properties"][field].update(exact)
    for route, operation in _operations(document):
        operation["summary"] = operation["description"].split("\n")[0].rstrip(".")
        for parameter in operation.get("parameters", ()):
            _describe(parameter, PARAMETERS.get(parameter["name"]))
            if parameter["name"] in VALUES:
                parameter.setdefault("example", VALUES[parameter["name"]])
        _give_examples(route, operation)
    return document


def _describe(part: dict[str, Any], meaning: str | None) -> None:
    if meaning is not None:
        part.setdefault("description", meaning)


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def _give_examples(route: str, operation: dict[str, Any]) -> None:
    if route in TAKEN:
        for media in operation["requestBody"]["content"].values():
            media.setdefault("example", msgspec.to_builtins(TAKEN[route]))
    for status, response in operation["responses"].items():
        if not 200 <= int(status) < 300:
            continue
        for kind, media in response.get("content", {}).items():
            if kind == "text/event-stream":
                media.setdefault("example", _EVENT)
            elif route in ANSWERED:
                media.setdefault("example", msgspec.to_builtins(ANSWERED[route]))
