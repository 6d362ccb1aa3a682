"""The server: uvicorn around the application, started on an open port and stopped within 5 s."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from adapters.http.asgi import ASGIApp, Message, Receive, Scope, Send
from adapters.http.connections import HEAD_BYTES, LIMITS, Limits, PatientProtocol
from adapters.http.errors import DEFECT
from adapters.http.refusal import STOPPING, Refusal

PART_BYTES = 1 << 16
"""How much of an answer is given to the connection at once: what uvicorn lets it hold."""

CLOSING_SECONDS = 1
"""How long open connections may take to end, once a stop was asked for."""

DEFECTIVE = Refusal(500, DEFECT.code, DEFECT.error)

log = logging.getLogger("reshelve.http")


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals to its caller."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the command line's."""
        yield


class Boundary:
    """The application, whose every end is an answer: in JSON, whatever befell it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def note(message: Message) -> None:
            nonlocal started
            started = True
            for part in _parts(message):
                await send(part)

        refusal = None
        try:
            await self._app(scope, receive, note)
        except asyncio.CancelledError:
            # Only a server that stops cancels requests, and nothing comes after this one.
            refusal = STOPPING
        except Exception as error:
            log.exception("%s %s", scope["method"], scope["path"], exc_info=error)
            refusal = DEFECTIVE
        if refusal is not None and not started:
            for message in refusal.messages():
                await send(message)


def _parts(message: Message) -> Iterator[Message]:
    """The message, or several of a body that is large: between them it is waited until the client
    has taken what came before, and so it is known whether it takes anything."""
    body = message.get("body", b"")
    if len(body) <= PART_BYTES:
        yield message
        return
    view = memoryview(body)
    for start in range(0, len(body), PART_BYTES):
        part = bytes(view[start : start + PART_BYTES])
        is_last = start + PART_BYTES >= len(body)
        more = message.get("more_body", False) if is_last else True
        yield {**message, "body": part, "more_body": more}


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, it is one for asyncio too, which then sends small answers without waiting for
    # the client to acknowledge the part before: 40 ms for each on a connection that stays open.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except BaseException:
        listener.close()
        raise
    return listener


def make_server(app: ASGIApp, limits: Limits = LIMITS) -> Server:
    """A server of the application, not yet running; `serve(sockets=[…])` runs it."""

    class Protocol(PatientProtocol):
        """The protocol of this server alone."""

    Protocol.limits = limits
    return Server(
        uvicorn.Config(
            Boundary(app),
            http=Protocol,
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            timeout_keep_alive=math.ceil(limits.head_seconds),
            timeout_graceful_shutdown=CLOSING_SECONDS,
            h11_max_incomplete_event_size=HEAD_BYTES,
            # A client's word for its address would let it have the share of many.
            proxy_headers=False,
            server_header=False,
        )
    )
