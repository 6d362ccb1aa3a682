"""Regular files that somebody's data names: opened without waiting, and known to be regular before
anything of them is read.

The ground that adapters stand on: any of them may use it, and it knows none of them.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO

from engine.facts.previews import MAX_IMAGE_BYTES, UnusableImage

READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""A FIFO or a device must not hold a worker for ever; Windows has neither, nor the flags."""

READING_NO_LINK = READING | getattr(os, "O_NOFOLLOW", 0)
"""As `READING`, where a link is refused."""


class NotRegular(OSError):
    """What was opened is a folder, a device, a FIFO or a socket."""

    def __init__(self) -> None:
        super().__init__(errno.EINVAL, "it is no regular file")


def is_regular(found: os.stat_result) -> bool:
    """Whether it is a file that can be read as one."""
    return stat.S_ISREG(found.st_mode)


def stamp(found: os.stat_result) -> str:
    """Another text whenever a file is another one than before; also where only permissions have
    changed: it may be readable now."""
    return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ctime_ns}-{found.st_ino}"


def image_content(file: BinaryIO) -> bytes:
    """All of an image's file, at most `MAX_IMAGE_BYTES`. Raises `UnusableImage`, OSError."""
    # Memory for the largest image would be taken, and cleared, for each of them.
    size = os.fstat(file.fileno()).st_size
    require_image_size(size)
    data = file.read(size + 1)
    if len(data) > size:
        data += file.read(MAX_IMAGE_BYTES + 1 - len(data))
    if len(data) > MAX_IMAGE_BYTES:
        raise UnusableImage("image_too_large", "the file grew while it was read")
    return data


def require_image_size(size: int) -> None:
    """Refuse an image of more bytes than are read. Raises `UnusableImage`."""
    if size > MAX_IMAGE_BYTES:
        detail = f"{size} bytes; at most {MAX_IMAGE_BYTES} are read"
        raise UnusableImage("image_too_large", detail)


def regular(descriptor: int) -> int:
    """The descriptor, where it is that of a regular file; else it is closed.

    Before it becomes a file of Python's, which refuses a folder, and would leave it open.
    Raises `NotRegular`, OSError.
    """
    try:
        if is_regular(os.fstat(descriptor)):
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    raise NotRegular
