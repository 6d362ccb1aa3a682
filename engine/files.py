"""Where bytes lie: the ports for model files, image files and the library's own folder.

Methods block; the engine calls them in worker threads under a limiter that it names.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class ModelFiles(Protocol):
    """The model files on the user's disks; never written."""

    def sizes(self, paths: Sequence[str]) -> list[int | None]:
        """The size in bytes of each regular file, None where there is none."""
        ...


class ImageFiles(Protocol):
    """Image files of a source; never written."""

    def read(self, folder: str, name: str) -> bytes:
        """The content of an image file, at most `MAX_IMAGE_BYTES`.

        Raises `UnusableImage`: `image_missing`, `image_unreadable` or `image_too_large`.
        """
        ...


class LibraryFiles(Protocol):
    """The image folders of the library. What a method reports as written is on disk."""

    def write_tiers(self, sha256: str, seq: int, tiers: tuple[bytes, ...]) -> None:
        """Write the tiers of one preview set durably, replacing what lies there."""
        ...

    def trim_tiers(self, sha256: str, count: int) -> None:
        """Remove sets numbered `count` and up, which an interrupted attempt left behind."""
        ...

    def adopt_original(self, folder: str, name: str) -> str:
        """Copy an original image into `images/pending/` durably; returns its file name there.

        The name is kept unless another image has it. Raises `UnusableImage` when the original
        cannot be read.
        """
        ...

    def sweep(self) -> int:
        """Remove temporary files that an interrupted process left; returns how many."""
        ...


class Library(Protocol):
    """An owned library folder."""

    @property
    def files(self) -> LibraryFiles:
        """Its image folders."""
        ...

    def scratch(self) -> Path:
        """An empty folder for copies that live as long as a run; swept at the next start."""
        ...
