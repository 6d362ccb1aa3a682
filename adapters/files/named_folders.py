"""Folders that a person named, looked through: what lies below them, and nothing else."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from adapters.files.exhaustion import exhaustion
from adapters.files.reach import HANDLES, folder_handle, open_beside, open_file, resolved


@contextmanager
def named_folders(within: Sequence[str]) -> Iterator[NamedFolders]:
    """The reach of these folders, which are free of links."""
    reach = NamedFolders(within)
    try:
        yield reach
    finally:
        reach.close()


class NamedFolders:
    """Implements `adapters.sources.reaching.Reach`.

    The handle of one folder is kept: whoever looks at one file looks at those beside it.
    """

    def __init__(self, within: Sequence[str]) -> None:
        self._within = tuple(within)
        self._stack = ExitStack()
        self._at: tuple[str, int] | None = None

    def close(self) -> None:
        """Let go of the folder that was looked at last."""
        self._at = None
        self._stack.close()

    def entries(self, folder: str) -> list[tuple[str, int]]:
        """The names in a folder, each with its type; a link is one, wherever it leads."""
        try:
            handle = self._handle(folder)
            if handle is None:
                return _entries(resolved(folder, self._within))
            # The handle may be one that only names files.
            listing = os.open(".", os.O_RDONLY, dir_fd=handle)
            try:
                return _entries(listing)
            finally:
                os.close(listing)
        except OSError as error:
            raise _told(error, folder) from error

    def look(self, folder: str, name: str) -> os.stat_result:
        """What the file system says of a name in a folder; a link is not followed."""
        try:
            handle = self._handle(folder)
            if handle is not None:
                return os.stat(name, dir_fd=handle, follow_symlinks=False)
            path = os.path.join(resolved(folder, self._within), name)  # noqa: PTH118  text
            return os.lstat(path)
        except OSError as error:
            raise _told(error, name) from error

    def leads(self, folder: str, name: str) -> str:
        """Where a link leads to in the end. Raises FileNotFoundError where that is nowhere."""
        path = resolved(os.path.join(folder, name), self._within)  # noqa: PTH118  text
        os.lstat(path)
        return path

    def open(self, folder: str, name: str) -> int:
        """A descriptor for reading what a name in a folder stands for."""
        try:
            handle = self._handle(folder)
            if handle is not None:
                return open_beside(handle, folder, name, self._within)
            return open_file(os.path.join(folder, name), self._within)  # noqa: PTH118  text
        except OSError as error:
            raise _told(error, name) from error

    def _handle(self, folder: str) -> int | None:
        if not HANDLES:
            return None
        if self._at is None or self._at[0] != folder:
            self.close()
            self._at = folder, self._stack.enter_context(folder_handle(folder, self._within))
        return self._at[1]


def _entries(folder: str | int) -> list[tuple[str, int]]:
    with os.scandir(folder) as found:
        return [(entry.name, _type(entry)) for entry in found]


def _type(entry: os.DirEntry[str]) -> int:
    try:
        if entry.is_symlink() or _is_junction(entry):
            return stat.S_IFLNK
        if entry.is_file(follow_symlinks=False):
            return stat.S_IFREG
        return stat.S_IFDIR if entry.is_dir(follow_symlinks=False) else 0
    except OSError:
        return 0


def _is_junction(entry: os.DirEntry[str]) -> bool:
    """Whether it is a link of Windows, which Python tells of from 3.12 on."""
    ask = getattr(entry, "is_junction", None)
    return ask is not None and bool(ask())


def _told(error: OSError, path: str) -> Exception:
    return exhaustion(error, path) or error
