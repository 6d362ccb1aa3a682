"""What a browser sees at `/`: a built single-page client, else a page of our own."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Any

import anyio
from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>reshelve</title>
<style>
  body { font: 1.1rem/1.6 system-ui; max-width: 40rem; margin: 4rem auto; padding: 0 1rem;
         color-scheme: light dark; }
</style>
<h1>reshelve is running</h1>
<p>Its routes are described in the <a href="/api/schema/openapi.json">OpenAPI document</a>, and the
<a href="/api/migration/status">status of the last run</a> is here. Start with
<code>--frontend DIR</code> to serve a client at this address.</p>
"""

SECURITY = {"Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'"}


def frontend_routes(folder: Path | None) -> list[HTTPRouteHandler]:
    """The routes of a client's folder; paths that are no file of it show its first page."""
    if folder is None:

        @get("/", media_type="text/html", include_in_schema=False)
        async def handle_page() -> Response[str]:
            return Response(PAGE, media_type="text/html", headers=SECURITY)

        return [handle_page]

    root = folder.resolve()

    @get(["/", "/{path:path}"], include_in_schema=False)
    async def handle_frontend(path: str = "") -> Response[bytes]:
        return await anyio.to_thread.run_sync(_file, root, path.lstrip("/"))

    return [handle_frontend]


def _file(root: Path, name: str) -> Response[Any]:
    """In a thread. Links are followed before the comparison, so none leads outside."""
    if name == "api" or name.startswith("api/"):
        raise NotFoundException
    try:
        path = (root / name).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            path = root / "index.html"
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise NotFoundException from error
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Response(data, media_type=kind, headers={"Cache-Control": "no-cache"})
