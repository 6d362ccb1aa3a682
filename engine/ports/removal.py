"""Who carries out removals of preview sets: their port."""

from __future__ import annotations

from typing import Protocol


class RemovalFiles(Protocol):
    """Moves and removes preview files. Methods block; call them in a thread."""

    def copy_tiers(self, sha256: str, source: int, target: int) -> None:
        """Give a set the content of another, durably."""
        ...

    def trim_tiers(self, sha256: str, count: int) -> None:
        """Remove sets numbered `count` and up."""
        ...
