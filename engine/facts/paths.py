"""Paths as people give them: copied from a file manager, a browser, another system."""

from __future__ import annotations

import re
from collections.abc import Callable

from engine.errors import PathOfWindows

_QUOTES = (
    *(('"', '"'), ("'", "'"), ("\u201c", "\u201d"), ("\u2018", "\u2019")),
    *(("\u201e", "\u201c"), ("\u00ab", "\u00bb")),
)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_SHARE = re.compile(r"\\\\[^\\/]+[\\/]")
_URL = re.compile(r"file:/*", re.IGNORECASE)
_URL_OF_DRIVE = re.compile(r"/[A-Za-z]:/")


def understood(text: str, is_there: Callable[[str], bool], *, on_windows: bool) -> str:
    """The path that somebody gave: the text itself where something is there, else what was meant.

    `on_windows` is the system that it is given on. Raises `PathOfWindows`.
    """
    if is_there(text):
        return text
    path = meant(text)
    if not on_windows and is_of_windows(path) and not is_there(path):
        raise PathOfWindows(path)
    return path


def meant(text: str) -> str:
    """The path that was meant: without quotes and spaces around it, and of a `file:` address.

    It may be none; what is there under the text itself is no business of this.
    """
    path = text.strip()
    for opening, closing in _QUOTES:
        if len(path) > 1 and path.startswith(opening) and path.endswith(closing):
            path = path[1:-1].strip()
            break
    return _of_url(path) if _URL.match(path) else path


def is_of_windows(path: str) -> bool:
    r"""Whether it is a path of Windows: of a drive (`C:\models`) or of a share (`\\nas\models`)."""
    return bool(_DRIVE.match(path) or _SHARE.match(path))


def _of_url(address: str) -> str:
    """RFC 8089: the path of a file on this machine, the address itself where it is on another."""
    from urllib.parse import unquote  # too much for each start of a program

    rest = address[len("file:") :]
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if host.lower() not in ("", "localhost"):
            return address
        rest = slash + path
    path = unquote(rest, errors="surrogateescape")
    return path[1:] if _URL_OF_DRIVE.match(path) else path
