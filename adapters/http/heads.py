"""HEAD: what GET would answer, without the body."""

from __future__ import annotations

import anyio

from adapters.http.asgi import ASGIApp, Message, Receive, Scope, Send

ASKED = "reshelve.head"
"""A mark on the scope of a GET that was asked for as a HEAD."""


class Heads:
    """The application, which answers HEAD wherever it answers GET.

    RFC 9110, 9.3.2: the fields are those of GET. It is asked that, and cut off when they are known.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                asking.cancel()

        with anyio.CancelScope() as asking:
            await self._app({**scope, "method": "GET", ASKED: True}, receive, without_body)
