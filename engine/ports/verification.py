"""Who reads a library as it is, damaged records too: the ports of verification."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from engine.facts.findings import StoredModel, StoredPending


class StoredRecords(Protocol):
    """Reads the records of a library as they are, damaged ones too."""

    async def models(self, after: int, limit: int) -> list[StoredModel]:
        """Active models, ascending by their number."""
        ...

    async def waiting(self, after: int, limit: int) -> list[StoredPending]:
        """Pending models, ascending by id."""
        ...

    async def images_counts(self, hashes: Sequence[str]) -> dict[str, int]:
        """`images_count` of those of the hashes that are active models."""
        ...


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
