"""Who reads the files of a library as they are: the port of verification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class StoredFiles(Protocol):
    """Reads the image folders of a library. Methods block; call them in a thread."""

    def preview_names(self) -> Iterator[str]:
        """Names of what lies in the image folder, but folders of other names, in no order."""
        ...

    def original_names(self) -> Iterator[str]:
        """Names of what lies in the folder of pending originals, but folders, in no order."""
        ...

    def folders(self) -> list[str]:
        """Paths of folders where there should be none."""
        ...

    def temporaries(self) -> list[str]:
        """Paths of what an interrupted process left; none while somebody owns the library."""
        ...

    def has_preview(self, name: str) -> bool:
        """Whether a preview file is there."""
        ...

    def preview(self, name: str) -> bytes | None:
        """The content of a preview file, None where there is none. Raises `UnusableImage`."""
        ...

    def has_original(self, name: str) -> bool:
        """Whether a pending original is there."""
        ...

    def path_of(self, name: str) -> str:
        """The path of a preview file."""
        ...

    def path_of_original(self, name: str) -> str:
        """The path of a pending original."""
        ...

    def is_there(self, path: str) -> bool:
        """Whether anything lies at a path that was told."""
        ...
