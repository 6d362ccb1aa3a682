"""Which type of body a route takes: the one that it documents, and no other.

The gate bounds each body by what it is declared as. Were a form taken where JSON belongs, JSON that
calls itself a form would be decoded past the bounds of JSON.
"""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.enums import RequestEncodingType
from litestar.handlers import BaseRouteHandler
from litestar.handlers.http_handlers import HTTPRouteHandler
from litestar.params import BodyKwarg

from adapters.http.errors import InvalidRequest, WrongType
from adapters.http.headers import Headers, has_body


def require_documented_type(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """A guard of every route. Raises `WrongType`, `InvalidRequest`."""
    taken, headers = _taken(handler), Headers(connection.scope["headers"])
    if taken is None or taken.encode() == headers.media_type:
        return
    if not has_body(connection.scope, headers):
        return
    if taken == RequestEncodingType.MULTI_PART:
        # The contract has no other word for an upload that is wrong.
        raise InvalidRequest(f"The body must be declared as {taken} here.")
    raise WrongType(taken)


def _taken(handler: BaseRouteHandler) -> str | None:
    """The type that a route documents; None where it takes no body."""
    if not isinstance(handler, HTTPRouteHandler):
        return None
    field = handler.parsed_data_field
    if field is None or not isinstance(field.kwarg_definition, BodyKwarg):
        return None
    return RequestEncodingType(field.kwarg_definition.media_type).value
