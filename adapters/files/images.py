"""Image files that somebody's data names: read whole and bounded, never written."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from adapters.files.exhaustion import exhaustion
from adapters.files.reach import HANDLES, OutOfReach, folder_handle, open_file, resolved
from adapters.regular import image_content, is_regular, regular, require_image_size, stamp
from engine.errors import StorageFailed
from engine.facts.files import FolderFacts, ImageFolder
from engine.facts.previews import UnusableImage
from engine.facts.refusals import NO_FILE
from engine.facts.source import ImageRef

OUT_OF_REACH = "it lies outside the folders that were named, after links are followed"


class DiskImages:
    """Implements `engine.ports.files.ImageFiles`."""

    def in_folder(self, folder: ImageFolder) -> FolderImages:
        """The files of a folder, each by its name."""
        return FolderImages(folder)

    def read_part(self, folder: ImageFolder, name: str, start: int, length: int) -> bytes:
        """An image that lies inside a file of any size. Raises as `FolderImages.read` does."""
        require_image_size(length)
        with _open(folder, name) as file:
            try:
                file.seek(start)
                data = file.read(length)
            except (OSError, ValueError) as error:
                raise unreadable(error) from error
        if len(data) < length:
            raise UnusableImage("image_unreadable", "the file ends before the image does")
        return data


class FolderImages:
    """Implements `engine.ports.source.SourceImages`: the files of one folder, by their names."""

    def __init__(self, folder: ImageFolder) -> None:
        self._folder = folder

    @property
    def where(self) -> str:
        """The folder."""
        return self._folder.path

    def facts(self) -> FolderFacts:
        """Whether there is such a folder within reach."""
        folder = self._folder
        try:
            path = resolved(folder.path, folder.within)
            found = Path(path).stat()
            is_folder = stat.S_ISDIR(found.st_mode)
            stamp = f"{found.st_dev}-{found.st_ino}-{found.st_mtime_ns}"
            readable = is_folder and os.access(path, os.R_OK | os.X_OK)
            return FolderFacts(folder.path, is_folder, readable, stamp)
        except (OutOfReach, OSError, ValueError):
            return FolderFacts(folder.path, found=False, readable=False, stamp="")

    def sizes(self, refs: Sequence[ImageRef]) -> list[int | None]:
        """The size in bytes of each regular file, None where there is none."""
        return [None if found is None else found.st_size for found in self._found(refs)]

    def stamps(self, refs: Sequence[ImageRef]) -> list[str]:
        """What tells of each file whether it is another one than before."""
        return [NO_FILE if found is None else stamp(found) for found in self._found(refs)]

    def _found(self, refs: Sequence[ImageRef]) -> list[os.stat_result | None]:
        """What the system tells of each regular file within reach."""
        folder = self._folder
        if not HANDLES:
            return [_state(folder, ref.name) for ref in refs]
        try:
            with folder_handle(folder.path, folder.within) as handle:
                return [_state(folder, ref.name, handle) for ref in refs]
        except (OutOfReach, OSError, ValueError):
            return [None] * len(refs)

    def read(self, ref: ImageRef) -> bytes:
        """The content of an image file, at most `MAX_IMAGE_BYTES`.

        Raises `UnusableImage`; `StorageFailed` when the system has no descriptor left for it.
        """
        with _open(self._folder, ref.name) as file:
            try:
                return image_content(file)
            except OSError as error:
                raise unreadable(error) from error


def _state(folder: ImageFolder, name: str, handle: int | None = None) -> os.stat_result | None:
    try:
        if not _is_base_name(name):
            return None
        if handle is not None:
            found = os.stat(name, dir_fd=handle, follow_symlinks=False)
            if not stat.S_ISLNK(found.st_mode):
                return found if is_regular(found) else None
        found = Path(resolved(_path(folder, name), folder.within)).lstat()
    except (OutOfReach, OSError, ValueError):
        return None
    return found if is_regular(found) else None


def _open(folder: ImageFolder, name: str) -> BinaryIO:
    """Open a regular file. Raises `UnusableImage`, `StorageFailed`."""
    if not _is_base_name(name):
        raise UnusableImage("image_unreadable", "it is no name of a file")
    try:
        descriptor = regular(open_file(_path(folder, name), folder.within))
    except OutOfReach as error:
        raise UnusableImage("image_unreadable", OUT_OF_REACH) from error
    except FileNotFoundError as error:
        raise UnusableImage("image_missing", f"no such file in {folder.path}") from error
    except (OSError, ValueError) as error:
        raise unreadable(error) from error
    return os.fdopen(descriptor, "rb")


def _path(folder: ImageFolder, name: str) -> str:
    return os.path.join(folder.path, name)  # noqa: PTH118  a Path for each of a million costs more


def _is_base_name(name: str) -> bool:
    """Whether a name is one of a file in a folder, and leads nowhere else; a drive would."""
    return name == os.path.basename(os.path.splitdrive(name)[1])  # noqa: PTH119  as above


def unreadable(error: Exception) -> UnusableImage | StorageFailed:
    """An image that the disk does not give; or the system's own want, where that is the reason."""
    named = str(error.filename) if isinstance(error, OSError) and error.filename else "an image"
    exhausted = exhaustion(error, named)
    if exhausted is not None:
        return exhausted
    reason = error.strerror if isinstance(error, OSError) else None
    return UnusableImage("image_unreadable", reason or str(error))
