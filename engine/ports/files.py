"""Where bytes lie: the ports for model files, image files and the library's own folder.

Methods block; the engine calls them in worker threads under a limiter that it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from engine.facts.files import FileFacts, FileIdentity, FoundFile, ImageFolder, Root
from engine.facts.preview_sets import PlannedSet, SetsOnDisk
from engine.ports.source import Images, SourceImages


class ModelFiles(Protocol):
    """The model files on the user's disks; never written."""

    def sizes(self, paths: Sequence[str]) -> list[int | None]:
        """The size in bytes of each regular file, None where there is none."""
        ...

    def identities(self, paths: Sequence[str]) -> list[FileIdentity | None]:
        """Which file each path leads to, after links; None where there is none."""
        ...

    def facts(self, path: str) -> FileFacts:
        """What a regular file looks like now. Raises `UnusableFile`."""
        ...

    def sha256(self, path: str, advance: Callable[[int], None]) -> tuple[str, FileFacts]:
        """The hash of a file in hexadecimal, and how the file looked when reading began.

        `advance` is called with the number of bytes read since the last call, and may raise to
        abandon the work. Raises `UnusableFile`.
        """
        ...

    def walk(self, roots: Sequence[Root]) -> Iterator[FoundFile]:
        """The model files below the roots, each once, whatever links lead to it.

        Raises `UnusableFile` when a root is no readable folder.
        """
        ...


class ImageFiles(Protocol):
    """What kinds of sources open images with: files that somebody's data names, and that lie,
    links followed, below the folders that a person named. Never written."""

    def in_folder(self, folder: ImageFolder) -> SourceImages:
        """The files of a folder, each by its name; `place` means nothing."""
        ...

    def read_part(self, folder: ImageFolder, name: str, start: int, length: int) -> bytes:
        """An image that lies inside a file of any size. Raises as `Images.read` does."""
        ...


class LibraryFiles(Protocol):
    """The image folders of the library. What a method reports as written is on disk."""

    def preview_sets(self, sha256: str, count: int) -> SetsOnDisk:
        """Which sets of a model are there, looked for by name around the count of its record."""
        ...

    def write_sets(self, sha256: str, seq: int, sets: Sequence[tuple[bytes, ...]]) -> int:
        """Write preview sets durably under the numbers from `seq` on, replacing nothing.

        Returns how many were written: all, or those before a number that somebody else has taken.
        """
        ...

    def discard_set(self, planned: PlannedSet) -> None:
        """Remove the files of a set that have its digests; what others wrote there stays."""
        ...

    @property
    def originals(self) -> Images:
        """The originals of models that wait, by their file names."""
        ...

    def adopt_original(self, name: str, data: bytes) -> str:
        """Keep an original image in the pending folder durably.

        Returns its file name there: `name` where that can be one and no other image has it.
        Raises `UnusableImage` when it is no image by its content.
        """
        ...

    def remove_originals(self, names: Sequence[str]) -> None:
        """Remove adopted originals; those that are gone already do not matter."""
        ...

    def free_bytes(self) -> int:
        """How much room the library's disk has."""
        ...

    def spare_folder(self) -> AbstractContextManager[Path]:
        """An empty folder of its own, removed at the end. Raises `StorageFailed`."""
        ...

    def sweep(self) -> int:
        """Remove temporary files that an interrupted process left; returns how many."""
        ...
