"""Image files of a source: read whole and bounded, never written."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from adapters.files.exhaustion import exhaustion
from engine.errors import StorageFailed
from engine.files import FolderFacts
from engine.previews import MAX_IMAGE_BYTES, UnusableImage

# A FIFO or a device must not hold a worker for ever; Windows has neither, nor the flag.
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | os.O_RDONLY


class DiskImages:
    """Implements `engine.files.ImageFiles`."""

    def folder(self, folder: str) -> FolderFacts:
        """Whether there is such a folder."""
        try:
            found = Path(folder).stat()
            is_folder = stat.S_ISDIR(found.st_mode)
            stamp = f"{found.st_dev}-{found.st_ino}-{found.st_mtime_ns}"
            return FolderFacts(is_folder, is_folder and os.access(folder, os.R_OK | os.X_OK), stamp)
        except (OSError, ValueError):
            return FolderFacts(found=False, readable=False, stamp="")

    def sizes(self, folder: str, names: Sequence[str]) -> list[int | None]:
        """The size in bytes of each regular file, None where there is none."""
        return [_size(folder, name) for name in names]

    def read(self, folder: str, name: str) -> bytes:
        """The content of an image file, at most `MAX_IMAGE_BYTES`.

        Raises `UnusableImage`; `StorageFailed` when the system has no descriptor left for it.
        """
        with open_image(folder, name) as file:
            try:
                # Memory for the largest image would be taken, and cleared, for each of them.
                size = os.fstat(file.fileno()).st_size
                data = file.read(size + 1)
                if len(data) > size:
                    data += file.read(MAX_IMAGE_BYTES + 1 - len(data))
            except OSError as error:
                raise unreadable(error) from error
        if len(data) > MAX_IMAGE_BYTES:
            raise UnusableImage("image_too_large", "the file grew while it was read")
        return data


def _size(folder: str, name: str) -> int | None:
    try:
        found = Path(folder, name).stat()
    except (OSError, ValueError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def open_image(folder: str, name: str) -> BinaryIO:
    """Open a regular file of at most `MAX_IMAGE_BYTES`. Raises `UnusableImage`."""
    path = Path(folder, name)
    try:
        descriptor = os.open(path, _NO_WAIT)
    except FileNotFoundError as error:
        raise UnusableImage("image_missing", f"no such file in {folder}") from error
    except (OSError, ValueError) as error:
        raise unreadable(error) from error
    try:
        # Before it becomes a file: Python refuses a folder, and would leave it open.
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise UnusableImage("image_unreadable", "it is no regular file")
        if found.st_size > MAX_IMAGE_BYTES:
            raise UnusableImage(
                "image_too_large",
                f"{found.st_size} bytes; at most {MAX_IMAGE_BYTES} are read",
            )
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def unreadable(error: Exception) -> UnusableImage | StorageFailed:
    """An image that the disk does not give; or the system's own want, where that is the reason."""
    named = str(error.filename) if isinstance(error, OSError) and error.filename else "an image"
    exhausted = exhaustion(error, named)
    if exhausted is not None:
        return exhausted
    reason = error.strerror if isinstance(error, OSError) else None
    return UnusableImage("image_unreadable", reason or str(error))
