"""What of a source may be opened: files that lie, after links are followed, below the folders that
a person named, whoever moves links about meanwhile."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePath

from adapters.regular import READING, READING_NO_LINK

_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0)

_LINKS = {errno.ELOOP, errno.EMLINK}
"""What systems answer where a link was not to be followed."""

HANDLES = os.open in os.supports_dir_fd
"""Whether files can be named from an open folder; Windows cannot."""


OUT_OF_REACH = "it lies outside the folders that were named, after links are followed"


class OutOfReach(PermissionError):
    """A path leads outside the folders that were named."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, OUT_OF_REACH)


def open_beside(handle: int, folder: str, name: str, within: Sequence[str]) -> int:
    """As `open_file` of a name in a folder whose handle is at hand; a link takes the long way.

    Raises `OutOfReach`, OSError, ValueError.
    """
    try:
        return os.open(name, READING_NO_LINK, dir_fd=handle)
    except OSError as error:
        if error.errno not in _LINKS:
            raise
    return open_file(os.path.join(folder, name), within)  # noqa: PTH118  text, as all here


def resolved(path: str, within: Sequence[str]) -> str:
    """Where `path` leads, which may be nowhere. Raises `OutOfReach`, OSError, ValueError."""
    found = os.path.realpath(path)
    if not _lies(found, within):
        raise OutOfReach
    return found


def open_file(path: str, within: Sequence[str]) -> int:
    """A descriptor for reading what lies at `path`, links followed that stay `within`.

    Raises `OutOfReach`, OSError, ValueError.
    """
    found = resolved(path, within)
    if not HANDLES:
        return _proven(os.open(found, READING), found, within)
    # A link that takes the place of the folder by now is seen on the handle, and one that takes
    # the place of the file is not followed.
    folder, name = os.path.split(found)
    with folder_handle(folder, within) as handle:
        return os.open(name, READING_NO_LINK, dir_fd=handle)


@contextmanager
def folder_handle(path: str, within: Sequence[str]) -> Iterator[int]:
    """A descriptor to name files from, of a folder that lies `within`. Only where `HANDLES`.

    Raises `OutOfReach`, OSError, ValueError.
    """
    found = resolved(path, within)
    handle = _proven(os.open(found, _FOLDER), found, within)
    try:
        yield handle
    finally:
        os.close(handle)


def _proven(descriptor: int, path: str, within: Sequence[str]) -> int:
    """The descriptor, once it is known to lie within; else it is closed."""
    try:
        if not _is_within(descriptor, path, within):
            raise OutOfReach
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _is_within(descriptor: int, path: str, within: Sequence[str]) -> bool:
    if sys.platform == "linux":
        try:
            return _lies(os.readlink(f"/proc/self/fd/{descriptor}"), within)  # noqa: PTH115  text
        except FileNotFoundError:
            pass  # there is no /proc here
    again = os.path.realpath(path)
    same = os.path.samestat(os.lstat(again), os.fstat(descriptor))
    return same and _lies(again, within)


def _lies(path: str, within: Sequence[str]) -> bool:
    return any(PurePath(path).is_relative_to(folder) for folder in within)
