"""How a server is launched: its port, who may call it, and what it serves."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from adapters.http.answers import LibraryPlace
from adapters.http.app import Settings, create_app
from adapters.http.gate import Policy
from adapters.http.requests import AllowedPaths, DatabasesIn
from adapters.http.server import Server, listen, make_server
from engine.facts.files import Root
from engine.service import MigrationService

WILDCARDS = ("0.0.0.0", "[::]")
LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")


class HttpServing:
    """A server on an open port."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        origins: tuple[str, ...],
        token: str | None,
        folders: tuple[Path, ...],
        roots: tuple[Root, ...],
        page: Path,
        library: Path,
        version: str,
        databases_in: DatabasesIn,
        discover: Callable[[], list[Path]],
        frontend: Path | None,
    ) -> None:
        self._listener: socket.socket = listen(host, port)
        self._name = f"[{host}]" if ":" in host else host
        self._port = int(self._listener.getsockname()[1])
        self._settings = Settings(
            policy=Policy(
                hosts=frozenset(f"{name}:{self._port}".lower() for name in _names(self._name)),
                origins=frozenset(origin.rstrip("/").lower() for origin in origins),
                token=token,
                cookie=f"reshelve_session_{self._port}",
            ),
            allowed=AllowedPaths(tuple(folder.resolve() for folder in folders)),
            roots=roots,
            page=page,
            place=LibraryPlace(os.fsencode(library.resolve()).decode("utf-8", "replace"), version),
            databases_in=databases_in,
            discover=discover,
            frontend=frontend,
        )
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """Where it can be reached."""
        return f"http://{self._name}:{self._port}/"

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.close()

    async def serve(self, service: MigrationService) -> None:
        """Serve until `stop`."""
        self._server = make_server(create_app(service, self._settings))
        await self._server.serve(sockets=[self._listener])

    def stop(self) -> None:
        """End `serve` soon."""
        if self._server is not None:
            self._server.should_exit = True


def _names(bound: str) -> set[str]:
    """What a client may call this server: where it is bound, or this machine's names."""
    names = {*LOCAL_NAMES, bound}
    if bound in WILDCARDS:
        name = socket.gethostname()
        found = socket.getaddrinfo(name, None)
        addresses = {str(entry[4][0]) for entry in found}
        names |= {name, *(f"[{a}]" if ":" in a else a for a in addresses)}
    return names
