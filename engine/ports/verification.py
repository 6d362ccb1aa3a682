"""Who reads the files of a library as they are: the port of verification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class StoredFiles(Protocol):
    """Reads the image folders of a library. Methods block; call them in a thread."""

    def preview_names(self) -> Iterator[str]:
        """Names of the files in the image folder, in no order."""
        ...

    def temporaries(self) -> list[str]:
        """Paths of what an interrupted process left."""
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
