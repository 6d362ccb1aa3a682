"""The model files on the user's disks: looked at, never written."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence


class DiskModels:
    """Implements `engine.files.ModelFiles`."""

    def sizes(self, paths: Sequence[str]) -> list[int | None]:
        """The size in bytes of each regular file, None where there is none."""
        return [_size(path) for path in paths]


def _size(path: str) -> int | None:
    try:
        found = os.stat(path)  # noqa: PTH116  a Path for each of a million rows costs more
    except (OSError, ValueError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None
