"""The library's folder: preview files, pending originals, and the lock that makes one owner."""

from __future__ import annotations

import itertools
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import blake2b
from itertools import takewhile
from pathlib import Path, PurePath
from tempfile import mkdtemp
from typing import BinaryIO

from filelock import FileLock, Timeout

from adapters.files.durable import is_temporary, sync_folder, write_file
from adapters.files.images import open_image, outgrown, unreadable
from engine.errors import LibraryInUse, StorageFailed
from engine.facts.files import ImageFolder
from engine.facts.preview_names import preview_name, set_names
from engine.facts.previews import MAX_IMAGE_BYTES, SIGNATURE_BYTES, UnusableImage, media_type

LOCK_NAME = ".reshelve.lock"
SCRATCH_NAME = ".reshelve-scratch"
LOCK_SECONDS = 0.5
"""How long an owner-to-be tries: `is_owned` holds the lock for an instant."""
COPY_BYTES = 1 << 20
LONGEST_STEM = 48
"""Characters of a name kept beside a digest: a file name has at most 255 bytes."""
LONGEST_SUFFIX = 8


class DiskLibrary:
    """Implements `engine.ports.files.LibraryFiles` in a folder that this process owns."""

    def __init__(self, folder: Path) -> None:
        self._images = folder / "images"
        self._pending = self._images / "pending"
        self.scratch = folder / SCRATCH_NAME

    @property
    def pending_folder(self) -> ImageFolder:
        """Where the originals of models that wait lie."""
        folder = str(self._pending.resolve())
        return ImageFolder(folder, (folder,))

    def write_tiers(self, sha256: str, seq: int, tiers: tuple[bytes, ...]) -> None:
        """Write the tiers of one preview set durably. Raises `StorageFailed`."""
        with _storing(self._images):
            for name, data in zip(set_names(sha256, seq), tiers, strict=True):
                write_file(self._images / name, [data])
            sync_folder(self._images)

    def trim_tiers(self, sha256: str, count: int) -> None:
        """Remove sets numbered `count` and up. Raises `StorageFailed`."""
        with _storing(self._images):
            sets = list(takewhile(bool, (self._set(sha256, seq) for seq in itertools.count(count))))
            # The last first: what an interruption leaves has no gap, so the next trim finds it.
            for paths in reversed(sets):
                for path in paths:
                    path.unlink()
            if sets:
                sync_folder(self._images)

    def adopt_original(self, folder: ImageFolder, name: str) -> tuple[str, int]:
        """Copy an original into `images/pending/`; returns its name there and its size."""
        with open_image(folder, name) as original:
            size = os.fstat(original.fileno()).st_size
            _require_image(original)
            digest = _digest(_chunks(original))
            with _storing(self._pending):
                adopted = self._free_name(name, digest)
                target = self._pending / adopted
                if not target.exists():
                    original.seek(0)
                    write_file(target, _chunks(original))
                # Also where the file was there: its name may not have been made durable yet.
                sync_folder(self._pending)
        return adopted, size

    def copy_tiers(self, sha256: str, source: int, target: int) -> None:
        """Give a set the content of another, durably. Raises `StorageFailed`."""
        with _storing(self._images):
            names = set_names(sha256, source)
            tiers = tuple((self._images / name).read_bytes() for name in names)
        self.write_tiers(sha256, target, tiers)

    def preview_file(self, sha256: str, seq: int, tier: str) -> tuple[bytes, str, str] | None:
        """A preview file's content, media type and version, None where there is none."""
        return _served(self._images / preview_name(sha256, seq, tier))

    def original_file(self, name: str) -> tuple[bytes, str, str] | None:
        """A pending original's content, media type and version, None where there is none."""
        if name in {"", ".", ".."} or set(name) & {"/", "\\", "\0"}:
            return None
        return _served(self._pending / name)

    def remove_originals(self, names: Sequence[str]) -> None:
        """Remove adopted originals. Raises `StorageFailed`."""
        with _storing(self._pending):
            for name in names:
                (self._pending / name).unlink(missing_ok=True)
            sync_folder(self._pending)

    def free_bytes(self) -> int:
        """How much room the library's disk has. Raises `StorageFailed`."""
        with _storing(self._images):
            return shutil.disk_usage(self._images).free

    @contextmanager
    def spare_folder(self) -> Iterator[Path]:
        """An empty folder of its own, removed at the end. Raises `StorageFailed`."""
        with _storing(self.scratch):
            self.scratch.mkdir(exist_ok=True)
            folder = Path(mkdtemp(dir=self.scratch))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> int:
        """Remove what an interrupted process left: temporary files, and copies in the scratch."""
        removed = 0
        with _storing(self._images):
            for folder in (self._images, self._pending):
                for path in folder.iterdir():
                    if is_temporary(path.name):
                        path.unlink(missing_ok=True)
                        removed += 1
            shutil.rmtree(self.scratch, ignore_errors=True)
            self.scratch.mkdir(exist_ok=True)
        return removed

    def _set(self, sha256: str, seq: int) -> list[Path]:
        """The files of one preview set that are there."""
        paths = [self._images / name for name in set_names(sha256, seq)]
        return [path for path in paths if path.exists()]

    def _free_name(self, name: str, digest: bytes) -> str:
        """The name itself, or one with the content's digest where the name cannot be had."""
        if is_temporary(name):
            return f"image-{digest.hex()}"
        if self._is_free(name, digest):
            return name
        parts = PurePath(name)
        return f"{parts.stem[:LONGEST_STEM]}-{digest.hex()}{parts.suffix[:LONGEST_SUFFIX]}"

    def _is_free(self, name: str, digest: bytes) -> bool:
        try:
            with (self._pending / name).open("rb") as there:
                return _digest(iter(partial(there.read, COPY_BYTES), b"")) == digest
        except FileNotFoundError:
            return True


@contextmanager
def owned_library(folder: Path) -> Iterator[DiskLibrary]:
    """A library of one owner, made where there is none. Raises `LibraryInUse`, `StorageFailed`.

    The lock is the system's own, on an open file: it is gone when the process is, however it
    ends.
    """
    with _storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK_NAME, timeout=LOCK_SECONDS)
        try:
            lock.acquire()
        except Timeout as error:
            raise LibraryInUse(str(folder)) from error
    try:
        with _storing(folder):
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
    with _storing(folder):
        if not path.exists():
            return False
        lock = FileLock(path, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            return True
        lock.release()
    return False


@contextmanager
def _storing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        path = error.filename or folder
        raise StorageFailed(str(path), error.strerror or str(error)) from error


# A link that someone laid into the library leads nowhere; Windows makes none without asking.
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def _served(path: Path) -> tuple[bytes, str, str] | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | _NO_LINK)
    except (OSError, ValueError):
        return None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_IMAGE_BYTES:
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read()
    except OSError:
        return None
    finally:
        os.close(descriptor)
    # What is no image may be anything that somebody laid there.
    kind = media_type(data)
    return None if kind is None else (data, kind, f"{found.st_mtime_ns:x}-{found.st_size:x}")


def _require_image(file: BinaryIO) -> None:
    """Raises `UnusableImage` for what does not begin as an image does."""
    try:
        head = file.read(SIGNATURE_BYTES)
        file.seek(0)
    except OSError as error:
        raise unreadable(error) from error
    if media_type(head) is None:
        raise UnusableImage("image_unreadable", "not a PNG, JPEG, WebP, GIF, AVIF, BMP or TIFF")


def _digest(chunks: Iterable[bytes]) -> bytes:
    digest = blake2b(digest_size=8)
    for chunk in chunks:
        digest.update(chunk)
    return digest.digest()


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """The content of a source's file; a failure to read it is the image's, not the library's."""
    total = 0
    try:
        while chunk := file.read(COPY_BYTES):
            total += len(chunk)
            if total > MAX_IMAGE_BYTES:
                raise outgrown()
            yield chunk
    except OSError as error:
        raise unreadable(error) from error
