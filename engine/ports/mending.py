"""Who writes the image files of a library that is repaired: its port."""

from __future__ import annotations

from typing import Protocol


class MendingFiles(Protocol):
    """Writes single files of the image folders. Methods block; call them in a thread."""

    def put_preview(self, name: str, data: bytes, seen: bytes | None) -> bool:
        """Write a preview file durably, where still `seen` is what lies there, None for nothing;
        returns whether it was. Raises `StorageFailed`."""
        ...
