"""Who carries out removals of preview sets: their port."""

from __future__ import annotations

from typing import Protocol

from engine.facts.preview_sets import PlannedSet, SetsOnDisk


class RemovalFiles(Protocol):
    """Moves and removes preview files. Methods block; call them in a thread."""

    def preview_sets(self, sha256: str, count: int) -> SetsOnDisk:
        """Which sets of a model are there, looked for by name around the count of its record."""
        ...

    def set_digests(self, sha256: str, seq: int) -> tuple[bytes, ...]:
        """The digests of a set's tiers, b"" for one that is not there."""
        ...

    def discard_set(self, planned: PlannedSet) -> None:
        """Remove the files of a set that have its digests; what others wrote there stays."""
        ...

    def take_over(
        self, sha256: str, source: int, target: int, replaced: tuple[bytes, ...]
    ) -> tuple[bytes, ...] | None:
        """Give a set the content of another, durably, tier by tier; to do it again does no harm.

        `replaced` are the digests of what may be replaced. Returns those of what is there now;
        None where somebody has written there meanwhile, and nothing was done.
        """
        ...
