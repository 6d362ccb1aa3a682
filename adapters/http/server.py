"""The server: uvicorn around the application, started on an open port and stopped within 5 s."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from litestar.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

CLOSING_SECONDS = 1
"""How long open connections may take to end, once a stop was asked for."""

IDLE_SECONDS = 15
"""How long a connection may stay open without a whole request head."""

CONNECTIONS = 4096
"""How many connections are served at once; more are told to come back."""


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals to its caller."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the command line's."""
        yield


class PatientProtocol(H11Protocol):
    """HTTP/1.1 that closes a connection on which no request arrives: uvicorn itself begins to
    count only after the first answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.loop.call_later(IDLE_SECONDS, self._close_silent)

    def _close_silent(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


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


def make_server(app: ASGIApp) -> Server:
    """A server of the application, not yet running; `serve(sockets=[…])` runs it."""
    return Server(
        uvicorn.Config(
            app,
            http=PatientProtocol,
            lifespan="on",
            access_log=False,
            log_config=None,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=CLOSING_SECONDS,
            limit_concurrency=CONNECTIONS,
            h11_max_incomplete_event_size=65_536,
            server_header=False,
        )
    )
