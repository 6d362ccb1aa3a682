"""How single image files are written when a library is repaired."""

from __future__ import annotations

from pathlib import Path

from adapters.files.durable import create_file, replace_file, storing, sync_folder


class DiskMending:
    """Implements `engine.ports.mending.MendingFiles`."""

    def __init__(self, folder: Path) -> None:
        self._images = folder / "images"

    def put_preview(self, name: str, data: bytes, seen: bytes | None) -> bool:
        """Write a preview file durably, where still `seen` is what lies there."""
        return _put(self._images, name, data, seen)


def _put(folder: Path, name: str, data: bytes, seen: bytes | None) -> bool:
    path = folder / name
    with storing(folder):
        try:
            there = path.read_bytes()
        except FileNotFoundError:
            there = None
        if there == data:
            return True
        if there != seen:
            return False
        if seen is None:
            try:
                create_file(path, [data])
            except FileExistsError:
                return False
        else:
            replace_file(path, [data])
        sync_folder(folder)
    return True
