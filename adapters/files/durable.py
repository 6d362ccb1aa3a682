"""How a file is written so that a power cut leaves all of it or nothing: temporary name, fsync,
rename, fsync of the folder."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

PREFIX = ".reshelve-"
SUFFIX = ".tmp"


def write_file(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file whole, replacing what lies there; `sync_folder` makes its name durable.

    Raises OSError; the temporary file is then removed where the disk allows it.
    """
    temporary = path.with_name(f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}")
    try:
        with temporary.open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; Windows does so by itself, and cannot be asked to."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_temporary(name: str) -> bool:
    """Whether a file name is one that an interrupted write leaves."""
    return name.startswith(PREFIX) and name.endswith(SUFFIX)
