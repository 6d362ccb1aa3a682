"""Who reads and moves images for the catalogue: its port."""

from __future__ import annotations

from typing import Protocol

from engine.facts.catalogue import ImageFile
from engine.ports.removal import RemovalFiles


class CatalogueFiles(RemovalFiles, Protocol):
    """Reads and moves the library's images. Methods block; call them in a thread."""

    def preview_file(self, sha256: str, seq: int, tier: str) -> ImageFile | None:
        """A preview file, None where there is none or what lies there is no image."""
        ...

    def original_file(self, name: str) -> ImageFile | None:
        """A pending original, None where there is none or what lies there is no image."""
        ...
