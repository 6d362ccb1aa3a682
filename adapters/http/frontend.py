"""What a browser sees at `/`: a built single-page client, else the page of our own."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from mimetypes import MimeTypes
from pathlib import Path
from typing import Annotated, Any

import anyio
from litestar import Request, Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, HeaderParameter
from litestar.response import Redirect

from adapters.http.caching import kept
from adapters.http.navigation import PAGE_PATH, SCHEMA_PATH

SCHEMA_PAGE = f"{PAGE_PATH}/schema.html"

OWN_FIELDS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}
"""The page of our own needs nothing but its files and the routes; a client may need more."""

# Not the system's registry: on Windows it may take a script for plain text, which a browser
# then refuses to run.
_TYPES = MimeTypes()
for _suffix, _type in {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}.items():
    _TYPES.add_type(_type, _suffix)

IfNoneMatch = Annotated[str | None, HeaderParameter(name="If-None-Match")]
Accept = Annotated[str, HeaderParameter(name="Accept")]

MISSING = "missing.html"
"""What the page of our own shows a browser for an address that leads nowhere."""


def frontend_routes(page: Path, client: Path | None) -> list[HTTPRouteHandler]:
    """The routes of the page of our own, and of a client's folder where there is one.

    Paths inside a client that are no file of it show its first page.
    """
    own, others = page.resolve(), None if client is None else client.resolve()

    @get(f"{PAGE_PATH}/{{path:path}}", include_in_schema=False)
    async def handle_page(
        path: FromPath[str], if_none_match: IfNoneMatch = None
    ) -> Response[bytes]:
        return await anyio.to_thread.run_sync(_own_file, own, path, if_none_match)

    @get(["/", "/{path:path}"], include_in_schema=False)
    async def handle_frontend(
        path: FromPath[str] = "/", if_none_match: IfNoneMatch = None, accept: Accept = ""
    ) -> Response[bytes]:
        if path == "/api" or path.startswith("/api/"):
            raise NotFoundException
        if others is None:
            served = _own_page if "text/html" in accept else _own_file
            return await anyio.to_thread.run_sync(served, own, path, if_none_match)
        return await anyio.to_thread.run_sync(_client_file, others, path, if_none_match)

    return [handle_page, handle_frontend]


class _Elsewhere(Exception):
    """A browser opened the OpenAPI document's folder, and wants to see it."""


def schema_router() -> Router:
    """The OpenAPI document's place: a browser that opens it is led to a page that shows it."""

    # The framework's own handler answers there with bytes, so the way out is an exception.
    def lead(request: Request[Any, Any, Any]) -> None:
        if request.scope["path"].rstrip("/") == SCHEMA_PATH:
            raise _Elsewhere

    def answer(_: Request[Any, Any, Any], __: _Elsewhere) -> Redirect:
        return Redirect(SCHEMA_PAGE, status_code=303)

    return Router(
        SCHEMA_PATH,
        route_handlers=[],
        include_in_schema=False,
        before_request=lead,
        exception_handlers={_Elsewhere: answer},
    )


def _own_file(root: Path, path: str, if_none_match: str | None) -> Response[bytes]:
    """In a thread."""
    found = _within(root, path.lstrip("/") or "index.html")
    if found is None:
        raise NotFoundException
    return _served(found, if_none_match, OWN_FIELDS)


def _own_page(root: Path, path: str, if_none_match: str | None) -> Response[bytes]:
    """In a thread, to a browser that opens an address: one that leads nowhere shows where to."""
    try:
        return _own_file(root, path, if_none_match)
    except NotFoundException:
        data = (root / MISSING).read_bytes()
        fields = {**OWN_FIELDS, "Cache-Control": "no-store"}
        return Response(data, status_code=404, headers=fields, media_type="text/html")


def _client_file(root: Path, path: str, if_none_match: str | None) -> Response[bytes]:
    """In a thread."""
    return _served(_within(root, path.lstrip("/")) or root / "index.html", if_none_match, {})


def _within(root: Path, name: str) -> Path | None:
    """A file below a folder. Links are followed before the comparison, so none leads outside."""
    try:
        path = (root / name).resolve()
        return path if path.is_relative_to(root) and path.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None


def _served(path: Path, if_none_match: str | None, fields: Mapping[str, str]) -> Response[bytes]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotFoundException from error
    kind = _TYPES.guess_type(path.name)[0] or "application/octet-stream"
    return kept(data, kind, blake2b(data, digest_size=16).hexdigest(), if_none_match, fields)
