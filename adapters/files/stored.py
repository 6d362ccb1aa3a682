"""The image folders of a library as verification reads them: no lock, nothing changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from adapters.files.durable import is_temporary
from adapters.files.images import unreadable
from adapters.files.library import SCRATCH_NAME, is_owned
from engine.errors import StorageFailed
from engine.facts.preview_names import PREVIEW_NAME


class DiskStoredFiles:
    """Implements `engine.ports.verification.StoredFiles`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._images = folder / "images"
        self._pending = self._images / "pending"
        self._scratch = folder / SCRATCH_NAME

    def preview_names(self) -> Iterator[str]:
        """Names of what lies in the image folder, but folders of other names, in no order."""
        for path in _entries(self._images):
            if PREVIEW_NAME.fullmatch(path.name) or not path.is_dir():
                yield path.name

    def original_names(self) -> Iterator[str]:
        """Names of what lies in the folder of pending originals, but folders, in no order."""
        for path in _entries(self._pending):
            if not path.is_dir():
                yield path.name

    def folders(self) -> list[str]:
        """Paths of folders where there should be none."""
        found = [
            path
            for path in _entries(self._images)
            if path != self._pending and path.is_dir() and not PREVIEW_NAME.fullmatch(path.name)
        ]
        found += [path for path in _entries(self._pending) if path.is_dir()]
        return sorted(str(path) for path in found)

    def temporaries(self) -> list[str]:
        """Paths of what an interrupted process left; none while somebody owns the library."""
        left = [
            str(path)
            for folder in (self._images, self._pending)
            if folder.is_dir()
            for path in folder.iterdir()
            if is_temporary(path.name)
        ]
        if self._scratch.exists():
            left.append(str(self._scratch))
        return [] if left and self._is_owned() else sorted(left)

    def has_preview(self, name: str) -> bool:
        """Whether a preview file is there."""
        return (self._images / name).is_file()

    def preview(self, name: str) -> bytes | None:
        """The content of a preview file, None where there is none. Raises `UnusableImage`."""
        try:
            return (self._images / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(error) from error

    def has_original(self, name: str) -> bool:
        """Whether a pending original is there."""
        return (self._pending / name).is_file()

    def path_of(self, name: str) -> str:
        """The path of a preview file."""
        return str(self._images / name)

    def path_of_original(self, name: str) -> str:
        """The path of a pending original."""
        return str(self._pending / name)

    def is_there(self, path: str) -> bool:
        """Whether anything lies at a path that was told."""
        return os.path.lexists(path)

    def _is_owned(self) -> bool:
        try:
            return is_owned(self._folder)
        except StorageFailed:  # a disk that takes no writes: nobody can own what lies on it
            return False


def _entries(folder: Path) -> Iterator[Path]:
    """What lies in a folder, but what an interrupted write leaves."""
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if not is_temporary(path.name))
