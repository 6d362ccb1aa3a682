"""The preview files of a library's image folder: found by name, written, moved and removed.

Another program writes here too: nothing is replaced or removed that has not the content that was to
be replaced or removed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from adapters.files.durable import give_name, replace_file, storing, sync_folder, written
from adapters.files.exhaustion import exhaustion
from engine.facts.preview_names import PREVIEW_NAME, set_names
from engine.facts.preview_sets import PlannedSet, SetsOnDisk, sets_on_disk
from engine.facts.previews import image_digest

log = logging.getLogger("reshelve.previews")


class DiskPreviews:
    """The preview sets in one folder. What a method reports as written is on disk."""

    def __init__(self, images: Path) -> None:
        self._images = images

    def preview_sets(self, sha256: str, count: int) -> SetsOnDisk:
        """Which sets of a model are there. Raises `StorageFailed`."""

        def tiers_at(seq: int) -> int:
            return sum(os.path.lexists(path) for path in self._tiers(sha256, seq))

        def numbers() -> Iterator[int]:
            for path in self._images.glob(f"{sha256}_*.webp"):
                if match := PREVIEW_NAME.fullmatch(path.name):
                    yield int(match["seq"])

        with storing(self._images):
            return sets_on_disk(count, tiers_at, numbers)

    def write_sets(self, sha256: str, seq: int, sets: Sequence[tuple[bytes, ...]]) -> int:
        """Write sets from `seq` on, up to a number that is taken. Raises `StorageFailed`."""
        written = 0
        with storing(self._images):
            for tiers in sets:
                if not self._write_set(sha256, seq + written, tiers):
                    break
                written += 1
            if written:
                sync_folder(self._images)
        return written

    def discard_set(self, planned: PlannedSet) -> None:
        """Remove the files of a set that have its digests. Raises `StorageFailed`."""
        paths = self._tiers(planned.sha256, planned.seq)
        with storing(self._images):
            removed = [
                _discard(path, digest)
                for path, digest in zip(paths, planned.digests, strict=True)
                if digest
            ]
            if any(removed):
                sync_folder(self._images)

    def set_digests(self, sha256: str, seq: int) -> tuple[bytes, ...]:
        """The digests of a set's tiers, b"" for one that is no file. Raises `StorageFailed`."""
        with storing(self._images):
            return tuple(
                image_digest(path.read_bytes()) if path.is_file() else b""
                for path in self._tiers(sha256, seq)
            )

    def take_over(
        self, sha256: str, source: int, target: int, replaced: tuple[bytes, ...]
    ) -> tuple[bytes, ...] | None:
        """Give a set the content of another. Raises `StorageFailed`."""
        with storing(self._images):
            wanted, there = self.set_digests(sha256, source), self.set_digests(sha256, target)
            paths = self._tiers(sha256, target)
            known = zip(paths, there, replaced, wanted, strict=True)
            if any(now not in {old, new} and os.path.lexists(to) for to, now, old, new in known):
                return None
            sources = self._tiers(sha256, source)
            for origin, to, now, new in zip(sources, paths, there, wanted, strict=True):
                if new and new != now:
                    replace_file(to, [origin.read_bytes()])
                elif not new:
                    to.unlink(missing_ok=True)
            sync_folder(self._images)
        return wanted

    def _write_set(self, sha256: str, seq: int, tiers: tuple[bytes, ...]) -> bool:
        paths = self._tiers(sha256, seq)
        if any(os.path.lexists(path) for path in paths):
            return False
        named: list[tuple[Path, bytes]] = []
        with written(self._images, [[data] for data in tiers]) as temporaries:
            for temporary, path, data in zip(temporaries, paths, tiers, strict=True):
                try:
                    give_name(temporary, path)
                except FileExistsError:
                    for ours, content in named:
                        _discard(ours, image_digest(content))
                    return False
                named.append((path, data))
        return True

    def _tiers(self, sha256: str, seq: int) -> list[Path]:
        return [self._images / name for name in set_names(sha256, seq)]


def _discard(path: Path, digest: bytes) -> bool:
    """Remove a file if it has this content, or none, as `give_name` may leave it."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return False
    except OSError as error:
        if (exhausted := exhaustion(error, str(path))) is not None:
            raise exhausted from error
        log.warning("%s cannot be read (%s); it stays", path, error.strerror)
        return False
    if data and image_digest(data) != digest:
        return False
    path.unlink(missing_ok=True)
    return True
