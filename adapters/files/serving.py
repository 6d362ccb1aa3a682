"""Images of a library as they are handed to a browser: recognised, and never whole in memory where
they are large."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from adapters.files.reach import OutOfReach, open_file
from adapters.regular import is_regular
from engine.facts.catalogue import ImageFile
from engine.facts.files import ImageFolder
from engine.facts.previews import MAX_IMAGE_BYTES, media_type

PART_BYTES = 1 << 20
"""How much is read at once."""


def served_image(folder: ImageFolder, name: str) -> ImageFile | None:
    """An image in a folder, None where there is none: what is no image may be anything that
    somebody laid there, and what lies elsewhere is nobody's business."""
    if name in {"", ".", ".."} or set(name) & {"/", "\\", "\0"}:
        return None
    try:
        with _opened(folder, name) as file:
            found = os.fstat(file)
            if not is_regular(found) or found.st_size > MAX_IMAGE_BYTES:
                return None
            data = os.read(file, min(found.st_size, PART_BYTES))
    except (OutOfReach, OSError, ValueError):
        return None
    kind = media_type(data)
    if kind is None:
        return None
    rest = partial(_rest, folder, name, found, len(data))
    return ImageFile(data, kind, _version(found), found.st_size, rest)


def _rest(folder: ImageFolder, name: str, seen: os.stat_result, at: int) -> Iterator[bytes]:
    """What follows the first part, of the same file; it may be another one by now."""
    try:
        with _opened(folder, name) as file:
            os.lseek(file, at, os.SEEK_SET)
            while at < seen.st_size:
                part = os.read(file, min(seen.st_size - at, PART_BYTES))
                if not part or _version(os.fstat(file)) != _version(seen):
                    raise FileNotFoundError(name)
                at += len(part)
                yield part
    except OutOfReach as error:
        raise FileNotFoundError(name) from error


@contextmanager
def _opened(folder: ImageFolder, name: str) -> Iterator[int]:
    descriptor = open_file(os.path.join(folder.path, name), folder.within)  # noqa: PTH118  text
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _version(found: os.stat_result) -> str:
    return f"{found.st_mtime_ns:x}-{found.st_size:x}"
