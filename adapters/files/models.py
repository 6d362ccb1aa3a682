"""The model files on the user's disks: looked at, hashed, found; never written."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

from adapters.files.exhaustion import exhaustion
from adapters.files.walking import walk
from adapters.regular import READING, is_regular
from engine.errors import StorageFailed
from engine.facts.files import FileFacts, FileIdentity, FoundFile, Root, UnusableFile

READ_BYTES = 1 << 20

# A FIFO or a device must not hold a worker for ever; Windows has neither, nor the flag.


class DiskModels:
    """Implements `engine.ports.files.ModelFiles`."""

    def sizes(self, paths: Sequence[str]) -> list[int | None]:
        """The size in bytes of each regular file, None where there is none."""
        return [_size(path) for path in paths]

    def identities(self, paths: Sequence[str]) -> list[FileIdentity | None]:
        """Which file each path leads to, None where there is none."""
        return [_identity(path) for path in paths]

    def facts(self, path: str) -> FileFacts:
        """What a regular file looks like now. Raises `UnusableFile`."""
        try:
            return _facts(os.stat(path), path)  # noqa: PTH116  as in `sizes`
        except (OSError, ValueError) as error:
            raise _unusable(path, error) from error

    def sha256(self, path: str, advance: Callable[[int], None]) -> tuple[str, FileFacts]:
        """The hash of a file, and how it looked when reading began. Raises `UnusableFile`."""
        digest = sha256()
        try:
            descriptor = os.open(path, READING)
            try:
                before = _facts(os.fstat(descriptor), path)
                file = os.fdopen(descriptor, "rb", buffering=0)
            except BaseException:
                os.close(descriptor)
                raise
            with file:
                # One byte more than there should be: its end is seen with the same reading.
                view = memoryview(bytearray(min(before.size + 1, READ_BYTES)))
                _expect_sequence(descriptor)
                while amount := file.readinto(view):
                    digest.update(view[:amount])
                    advance(amount)
        except (OSError, ValueError) as error:
            raise _unusable(path, error) from error
        return digest.hexdigest(), before

    def walk(self, roots: Sequence[Root]) -> Iterator[FoundFile]:
        """The model files below the roots, each once. Raises `UnusableFile`."""
        return walk(roots)


def _size(path: str) -> int | None:
    try:
        found = os.stat(path)  # noqa: PTH116  a Path for each of a million rows costs more
    except (OSError, ValueError):
        return None
    return found.st_size if is_regular(found) else None


def _identity(path: str) -> FileIdentity | None:
    try:
        found = os.stat(path)  # noqa: PTH116  as in `sizes`
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _facts(found: os.stat_result, path: str) -> FileFacts:
    if not is_regular(found):
        raise UnusableFile(
            "file_unreadable", f"{path} is no regular file. Point the record to the model's file."
        )
    return FileFacts(found.st_size, found.st_mtime_ns, found.st_ino)


def _expect_sequence(descriptor: int) -> None:
    """Let the system read ahead; a hint, so what it answers does not matter."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)


def _unusable(path: str, error: OSError | ValueError) -> UnusableFile | StorageFailed:
    exhausted = exhaustion(error, path)
    if exhausted is not None:
        return exhausted
    absent = {errno.ENOENT, errno.ENOTDIR}
    if isinstance(error, OSError) and error.errno in absent:
        return UnusableFile(
            "file_missing",
            f"There is no file at {path}. Put it back, or correct the path, then try again.",
        )
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return UnusableFile("file_unreadable", f"{path} cannot be read: {reason}.")
