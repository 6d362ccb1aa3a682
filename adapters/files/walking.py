"""How model folders are walked: links followed, loops and second routes to a file left out."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from adapters.files.exhaustion import exhaustion
from adapters.regular import is_regular
from engine.facts.files import FileIdentity, FoundFile, Root, UnusableFile

EXTENSIONS = frozenset(
    {".safetensors", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".sft", ".onnx"}
)
"""What a model file is called, in any case."""


def walk(roots: Sequence[Root]) -> Iterator[FoundFile]:
    """The model files below the roots, by name within a folder, each by its first route.

    Raises `UnusableFile` when a root is no readable folder; folders below it that cannot be read
    are passed over.
    """
    seen: set[FileIdentity] = set()
    for root in roots:
        try:
            with os.scandir(root.folder):
                top = os.stat(root.folder)  # noqa: PTH116  as below
        except OSError as error:
            raise UnusableFile(
                "root_unreadable",
                f"The model folder {root.folder} ({root.type}) cannot be read: {error.strerror}.",
            ) from error
        seen.add((top.st_dev, top.st_ino))
        yield from _walk(root, seen)


def _walk(root: Root, seen: set[FileIdentity]) -> Iterator[FoundFile]:
    folders = [root.folder]
    while folders:
        below = []
        for path, found in _entries(folders.pop()):
            identity = (found.st_dev, found.st_ino)
            if stat.S_ISDIR(found.st_mode):
                if identity not in seen:
                    seen.add(identity)
                    below.append(path)
            elif _is_model(path, found) and identity not in seen:
                seen.add(identity)
                yield FoundFile(
                    path=path,
                    real_path=os.path.realpath(path),
                    type=root.type,
                    size=found.st_size,
                    created_at=found.st_mtime_ns // 1_000_000,
                )
        folders += reversed(below)


def _entries(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.path for entry in entries)
    except OSError as error:
        exhausted = exhaustion(error, folder)
        if exhausted is not None:
            raise exhausted from error
        return
    for path in names:
        try:
            path.encode()
            yield path, os.stat(path)  # noqa: PTH116  scandir speaks in text
        except (OSError, UnicodeEncodeError):
            # A broken link, or a name that is no text and that no database can hold.
            continue


def _is_model(path: str, found: os.stat_result) -> bool:
    return is_regular(found) and PurePath(path).suffix.lower() in EXTENSIONS
