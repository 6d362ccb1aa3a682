"""Where the library lies, seen from outside: so that no source is taken for it, nor it for one."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class LibraryPlace(Protocol):
    """The place of one library. Methods block; call them in a thread."""

    @property
    def folder(self) -> Path:
        """The library's folder, there or still to be made."""
        ...

    def is_library(self, location: Path) -> bool:
        """Whether what lies at a location is a library of version 2, this one or another's; at a
        glance, and without writing there."""
        ...
