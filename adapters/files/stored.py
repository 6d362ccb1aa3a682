"""The image folders of a library as verification reads them: no lock, nothing changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from adapters.files.durable import is_temporary
from adapters.files.images import unreadable
from adapters.files.library import SCRATCH_NAME


class DiskStoredFiles:
    """Implements `engine.ports.verification.StoredFiles`."""

    def __init__(self, folder: Path) -> None:
        self._images = folder / "images"
        self._pending = self._images / "pending"
        self._scratch = folder / SCRATCH_NAME

    def preview_names(self) -> Iterator[str]:
        """Names of the files in the image folder, in no order."""
        if self._images.is_dir():
            for path in self._images.iterdir():
                if path.is_file() and not is_temporary(path.name):
                    yield path.name

    def temporaries(self) -> list[str]:
        """Paths of what an interrupted process left."""
        left = [
            str(path)
            for folder in (self._images, self._pending)
            if folder.is_dir()
            for path in folder.iterdir()
            if is_temporary(path.name)
        ]
        if self._scratch.exists():
            left.append(str(self._scratch))
        return sorted(left)

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
