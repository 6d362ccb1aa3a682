"""How sources look at files: at those below the folders that a person named, and at no others."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeAlias

from adapters.regular import READING_NO_LINK, regular

MAX_SETTINGS_BYTES = 1024 * 1024


class Reach(Protocol):
    """Files below folders that were named, links followed that stay there.

    Any method raises OSError, a `PermissionError` where a path leads outside; and `StorageFailed`
    when the system has no descriptor left. Not for two threads at once.
    """

    def entries(self, folder: str) -> list[tuple[str, int]]:
        """The names in a folder, in no order, each with its type as `stat.S_IFMT` gives it; a
        link is one, wherever it leads."""
        ...

    def look(self, folder: str, name: str) -> os.stat_result:
        """What the file system says of a name in a folder; a link is not followed."""
        ...

    def leads(self, folder: str, name: str) -> str:
        """Where a link leads to in the end; raises FileNotFoundError where that is nowhere."""
        ...

    def open(self, folder: str, name: str) -> int:
        """A descriptor for reading what a name in a folder stands for."""
        ...


Reaching: TypeAlias = Callable[[Sequence[str]], AbstractContextManager[Reach]]
"""Gives the reach of these folders, which are free of links."""


def settings(path: Path) -> bytes | None:
    """What a manager's settings say, as much as is read of them; None where there are none.

    A link is none: it might lead to any file, of which messages would tell.
    """
    try:
        with os.fdopen(regular(os.open(path, READING_NO_LINK)), "rb") as file:
            return file.read(MAX_SETTINGS_BYTES)
    except (OSError, ValueError):
        return None
