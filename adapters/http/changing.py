"""What a GET that changes something demands of whoever asks: what all other changes demand.

A page of another site can make a browser ask for any address, by a picture, a script or a link.
Other methods bring the page's Origin then; a GET does not, and what browsers say in its place is
left out by old ones, and by all where the server has neither a name of this machine nor TLS.
"""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import MethodNotAllowedException
from litestar.handlers import BaseRouteHandler

from adapters.http.errors import NotFromHere
from adapters.http.headers import JSON, Headers
from adapters.http.heads import ASKED

_BROWSERS = b"mozilla/"
"""How every browser begins its name; no page can change it without asking first."""


def require_own_page(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard of such a route. Raises `NotFromHere`, MethodNotAllowedException."""
    if ASKED in connection.scope:
        raise MethodNotAllowedException
    headers = Headers(connection.scope["headers"])
    if not (_is_vouched_for(headers) or _is_program(headers)):
        raise NotFromHere


def _is_vouched_for(headers: Headers) -> bool:
    """Whether the browser says that a page which may call asks, or the user does.

    Where the first two fields are there, the gate has judged them.
    """
    if b"origin" in headers or b"sec-fetch-site" in headers or b"authorization" in headers:
        return True
    own = b"http://" + headers.get(b"host").lower() + b"/"
    return headers.media_type == JSON or headers.get(b"referer").lower().startswith(own)


def _is_program(headers: Headers) -> bool:
    return not headers.get(b"user-agent").lower().startswith(_BROWSERS)
