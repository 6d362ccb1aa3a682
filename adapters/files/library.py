"""The library's folder: preview files, pending originals, and the lock that makes one owner."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from hashlib import blake2b
from pathlib import Path, PurePath
from tempfile import mkdtemp

from filelock import FileLock, Timeout

from adapters.files.durable import create_file, is_temporary, storing, sync_folder
from adapters.files.images import FolderImages
from adapters.files.previews import DiskPreviews
from adapters.files.serving import served_image
from engine.errors import LibraryInUse
from engine.facts.catalogue import ImageFile
from engine.facts.files import ImageFolder
from engine.facts.preview_names import preview_name
from engine.facts.previews import UnusableImage, media_type

LOCK_NAME = ".reshelve.lock"
SCRATCH_NAME = ".reshelve-scratch"
LOCK_SECONDS = 0.5
"""How long an owner-to-be tries: `is_owned` holds the lock for an instant."""
COPY_BYTES = 1 << 20
LONGEST_STEM = 48
"""Characters of a name kept beside a digest: a file name has at most 255 bytes."""
LONGEST_SUFFIX = 8
LONGEST_NAME = 255
"""Bytes, on nearly every file system."""

_UNUSUAL = re.compile(r'[\0-\x1f:*?"<>|\ud800-\udfff]')
"""What not every file system takes into a name."""


class DiskLibrary(DiskPreviews):
    """Implements `engine.ports.files.LibraryFiles` in a folder that this process owns."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "images")
        self._pending = self._images / "pending"
        self.scratch = folder / SCRATCH_NAME
        # Where the folders lie now: links that are laid into the library later lead nowhere.
        self._previews_seen = _as_it_lies(self._images)
        self._originals_seen = _as_it_lies(self._pending)

    @property
    def originals(self) -> FolderImages:
        """The originals of models that wait, by their file names."""
        return FolderImages(_as_it_lies(self._pending))

    def adopt_original(self, name: str, data: bytes) -> str:
        """Keep an original in `images/pending/`; returns its name there.

        Raises `UnusableImage` for what does not begin as an image does, `StorageFailed`.
        """
        if media_type(data) is None:
            raise UnusableImage("image_unreadable", "not a PNG, JPEG, WebP, GIF, AVIF, BMP or TIFF")
        digest = _digest([data])
        with storing(self._pending):
            while not os.path.lexists(
                target := self._pending / (adopted := self._free_name(name, digest))
            ):
                with suppress(FileExistsError):  # somebody was first: look again
                    create_file(target, [data])
            # Also where the file was there: its name may not have been made durable yet.
            sync_folder(self._pending)
        return adopted

    def preview_file(self, sha256: str, seq: int, tier: str) -> ImageFile | None:
        """A preview file, None where there is none or what lies there is no image."""
        return served_image(self._previews_seen, preview_name(sha256, seq, tier))

    def original_file(self, name: str) -> ImageFile | None:
        """A pending original, None where there is none or what lies there is no image."""
        return served_image(self._originals_seen, name)

    def remove_originals(self, names: Sequence[str]) -> None:
        """Remove adopted originals. Raises `StorageFailed`."""
        with storing(self._pending):
            for name in names:
                (self._pending / name).unlink(missing_ok=True)
            sync_folder(self._pending)

    def free_bytes(self) -> int:
        """How much room the library's disk has. Raises `StorageFailed`."""
        with storing(self._images):
            return shutil.disk_usage(self._images).free

    @contextmanager
    def spare_folder(self) -> Iterator[Path]:
        """An empty folder of its own, removed at the end. Raises `StorageFailed`."""
        with storing(self.scratch):
            self.scratch.mkdir(exist_ok=True)
            folder = Path(mkdtemp(dir=self.scratch))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> int:
        """Remove what an interrupted process left: temporary files, and copies in the scratch."""
        removed = 0
        with storing(self._images):
            for folder in (self._images, self._pending):
                for path in folder.iterdir():
                    if is_temporary(path.name):
                        path.unlink(missing_ok=True)
                        removed += 1
            shutil.rmtree(self.scratch, ignore_errors=True)
            self.scratch.mkdir(exist_ok=True)
        return removed

    def _free_name(self, name: str, digest: bytes) -> str:
        """The name itself, or one with the content's digest where the name cannot be had."""
        if is_temporary(name):
            return f"image-{digest.hex()}"
        if _is_file_name(name) and self._is_free(name, digest):
            return name
        parts = PurePath(_UNUSUAL.sub("", re.split(r"[/\\]", name)[-1]))
        stem = parts.stem[:LONGEST_STEM] or "image"
        return f"{stem}-{digest.hex()}{parts.suffix[:LONGEST_SUFFIX]}"

    def _is_free(self, name: str, digest: bytes) -> bool:
        """Whether nothing has the name, or the image itself."""
        path = self._pending / name
        if not os.path.lexists(path):
            return True
        with path.open("rb") as there:
            return _digest(iter(partial(there.read, COPY_BYTES), b"")) == digest


@contextmanager
def owned_library(folder: Path) -> Iterator[DiskLibrary]:
    """A library of one owner, made where there is none. Raises `LibraryInUse`, `StorageFailed`.

    The lock is the system's own, on an open file: it is gone when the process is, however it
    ends.
    """
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK_NAME, timeout=LOCK_SECONDS)
        try:
            lock.acquire()
        except Timeout as error:
            raise LibraryInUse(str(folder)) from error
    try:
        with storing(folder):
            if not (folder / "images" / "pending").is_dir():
                (folder / "images" / "pending").mkdir(parents=True)
                sync_folder(folder / "images")
                sync_folder(folder.parent)
            sync_folder(folder)
        yield DiskLibrary(folder)
    finally:
        shutil.rmtree(folder / SCRATCH_NAME, ignore_errors=True)
        lock.release()


def is_owned(folder: Path) -> bool:
    """Whether a process owns the library now. Raises `StorageFailed` where the disk won't tell."""
    path = folder / LOCK_NAME
    with storing(folder):
        if not path.exists():
            return False
        lock = FileLock(path, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            return True
        lock.release()
    return False


def _as_it_lies(folder: Path) -> ImageFolder:
    """A folder, free of links, beyond which nothing is opened."""
    found = str(folder.resolve())
    return ImageFolder(found, (found,))


def _is_file_name(name: str) -> bool:
    """Whether a file in a folder can be called so; a source may call an image anything."""
    if name in {"", ".", ".."} or set(name) & {"/", "\\", "\0"} or os.path.splitdrive(name)[0]:
        return False
    try:
        return len(name.encode()) <= LONGEST_NAME
    except UnicodeEncodeError:
        return False


def _digest(chunks: Iterable[bytes]) -> bytes:
    digest = blake2b(digest_size=8)
    for chunk in chunks:
        digest.update(chunk)
    return digest.digest()
