"""Who reads and moves images for the catalogue: its port."""

from __future__ import annotations

from typing import Protocol

from engine.ports.removal import RemovalFiles


class CatalogueFiles(RemovalFiles, Protocol):
    """Reads and moves the library's images. Methods block; call them in a thread."""

    def preview_file(self, sha256: str, seq: int, tier: str) -> tuple[bytes, str, str] | None:
        """A preview file's content, media type and version, None where there is none."""
        ...

    def original_file(self, name: str) -> tuple[bytes, str, str] | None:
        """A pending original's content, media type and version, None where there is none."""
        ...
