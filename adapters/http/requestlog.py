"""What was asked and answered: one structured line a request, on standard error."""

from __future__ import annotations

import json
import logging
import time

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("reshelve.requests")


class Line(msgspec.Struct, frozen=True):
    """One request; `status` is None where the client went away before an answer."""

    at: int
    method: str
    path: str
    status: int | None
    ms: float


class RequestLog:
    """ASGI middleware that writes a line when a request has ended."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        status: int | None = None
        began = time.perf_counter()

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            milliseconds = round((time.perf_counter() - began) * 1000, 1)
            line = Line(
                time.time_ns() // 1_000_000, scope["method"], scope["path"], status, milliseconds
            )
            log.info("%s", _seen(msgspec.json.encode(line).decode()))


def _seen(text: str) -> str:
    """JSON in which no sign acts on a terminal, nor turns the direction of others."""
    if text.isprintable():
        return text
    return "".join(s if s.isprintable() else json.dumps(s)[1:-1] for s in text)
