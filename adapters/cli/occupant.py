"""Who listens on a port that is taken: asked over HTTP, and only by who wants that port."""

from __future__ import annotations

from typing import Any

import anyio
import msgspec
from anyio.abc import SocketAttribute

ASKING_SECONDS = 2.0
"""How long who listens may take to say who it is."""
LONGEST_ANSWER = 1 << 16


class Occupant(msgspec.Struct, frozen=True):
    """What is known of it: a sentence; `library` is the folder that it serves, where it is told."""

    sentence: str
    library: str | None = None


UNKNOWN = Occupant(
    "Another program listens there. Version 2 itself takes the port after ComfyUI's, 8189 by "
    "default."
)


async def occupant(host: str, port: int) -> Occupant:
    """Who listens on a port of this machine."""
    with anyio.move_on_after(ASKING_SECONDS):
        for path, recognise in _SIGNS.items():
            status, told = await _asked(host, port, path)
            if isinstance(told, dict) and (found := recognise(status, told)) is not None:
                return found
    return UNKNOWN


def _reshelve(status: int, told: dict[str, Any]) -> Occupant | None:
    match told:
        case {"path": str(library), "version": str(version), "pending": int()} if (
            # It goes to a terminal, and any program may answer.
            status == 200 and library.isprintable() and version.isprintable()
        ):
            return Occupant(f"reshelve {version} listens there, with {library}.", library)
        case {"code": "token_required"} if status == 401:
            return Occupant("A reshelve that asks for a token listens there.")
    return None


def _version_2(status: int, told: dict[str, Any]) -> Occupant | None:
    if status == 200 and isinstance(told.get("types"), list):
        return Occupant("Version 2 of Hikaze Model Manager listens there.")
    return None


def _comfyui(status: int, told: dict[str, Any]) -> Occupant | None:
    system = told.get("system")
    if status == 200 and isinstance(system, dict) and "comfyui_version" in system:
        return Occupant("ComfyUI listens there.")
    return None


_SIGNS = {
    "/api/library": _reshelve,
    "/api/models/get_types": _version_2,  # reshelve answers it too, and was asked before
    "/system_stats": _comfyui,
}
"""By which route a program is known, and by what it answers there."""


async def _asked(host: str, port: int, path: str) -> tuple[int, object]:
    """The status and the JSON of an answer; 0 and None where there is none."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    name = f"[{here}]" if ":" in here else here
    # In HTTP/1.0 an answer ends with its connection.
    request = f"GET {path} HTTP/1.0\r\nHost: {name}:{port}\r\nAccept: application/json\r\n\r\n"
    answer = b""
    try:
        async with await anyio.connect_tcp(here, port) as stream:
            # A port may be connected to itself where nobody listens any more.
            if stream.extra(SocketAttribute.local_port) == port:
                return 0, None
            await stream.send(request.encode())
            while len(answer) < LONGEST_ANSWER:
                answer += await stream.receive()
    except anyio.EndOfStream:
        pass
    except (OSError, anyio.BrokenResourceError):
        return 0, None
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    try:
        return int(words[1]), msgspec.json.decode(body)
    except (IndexError, ValueError):
        return 0, None
