"""How a file is written so that a power cut leaves all of it or nothing: temporary name, fsync,
its own name, fsync of the folder."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from engine.errors import StorageFailed

PREFIX = ".reshelve-"
SUFFIX = ".tmp"


NO_LINKS = frozenset(
    {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}
)
"""How file systems say that a file has one name only: FAT, some network drives."""


def create_file(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file whole where nothing lies; `sync_folder` makes its name durable.

    Raises FileExistsError where somebody was first, and leaves what is there; OSError. The
    temporary file is removed where the disk allows it.
    """
    with written(path.parent, [chunks]) as (temporary,):
        give_name(temporary, path)


def replace_file(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file whole in the place of what lies there. Raises OSError, as `create_file`."""
    with written(path.parent, [chunks]) as (temporary,):
        temporary.replace(path)


def give_name(file: Path, path: Path) -> None:
    """Give a file a name that nothing has, beside its own or, where it can have one only, in its
    place. Raises FileExistsError, OSError."""
    try:
        os.link(file, path)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        with path.open("xb"):
            pass  # the name is ours: what takes the place of the empty file replaces nothing
        file.replace(path)


@contextmanager
def written(folder: Path, contents: Iterable[Iterable[bytes]]) -> Iterator[list[Path]]:
    """A temporary file of each content in the folder, whole and safe, all gone at the end.

    All are written before the first is made safe: what the disk does for one serves the others.
    Raises OSError.
    """
    temporaries: list[Path] = []
    with ExitStack() as gone:
        with ExitStack() as files:
            opened = []
            for chunks in contents:
                temporary = folder / f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}"
                gone.callback(temporary.unlink, missing_ok=True)
                file = files.enter_context(temporary.open("xb"))
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                temporaries.append(temporary)
                opened.append(file)
            for file in opened:
                os.fsync(file.fileno())
        yield temporaries


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


@contextmanager
def storing(folder: Path) -> Iterator[None]:
    """The library's disk is written in this block. Raises `StorageFailed` for its errors."""
    try:
        yield
    except OSError as error:
        path = error.filename or folder
        raise StorageFailed(str(path), error.strerror or str(error)) from error
