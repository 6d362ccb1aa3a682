"""What a browser opens in a window of its own: a page and its files, never what the routes answer.

A link in a mail or on another site leads here like an address that somebody types. Whoever follows
it sees the page; the site that it stood on sees nothing of it, and can ask the routes for nothing.
Fields of https://www.w3.org/TR/fetch-metadata/, which no script of a page can set.
"""

from __future__ import annotations

from adapters.http.asgi import Scope
from adapters.http.headers import Headers

PAGE_PATH = "/api/page"
"""Where the page of our own lies also while a client has `/`."""

SCHEMA_PATH = "/api/schema"
"""Where the OpenAPI document lies; a browser is led from there to a page that shows it."""


def opens_page(scope: Scope, headers: Headers) -> bool:
    """Whether a browser is to show a page or one of its files, as a window's whole content."""
    return (
        scope["method"] in ("GET", "HEAD")
        and headers.get(b"sec-fetch-mode") == b"navigate"
        and headers.get(b"sec-fetch-dest") == b"document"
        and _is_shown(scope["path"])
    )


def _is_shown(path: str) -> bool:
    first, *others = path.strip("/").split("/")
    return first != "api" or path == SCHEMA_PATH or (others[:1] == ["page"] and len(others) > 1)
