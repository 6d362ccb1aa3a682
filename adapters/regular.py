"""Regular files that somebody's data names: opened without waiting, and known to be regular before
anything of them is read.

The ground that adapters stand on: any of them may use it, and it knows none of them.
"""

from __future__ import annotations

import errno
import os
import stat

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
