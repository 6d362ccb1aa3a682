"""What verification looks at and what it finds wrong."""

from __future__ import annotations

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """Something wrong: a code of the contract, the file or record, and what was found."""

    code: str
    path: str
    detail: str


class StoredModel(msgspec.Struct, frozen=True):
    """An active model as verification sees it; `defects` tell what its record lacks."""

    number: int
    sha256: str
    path: str
    images_count: int
    defects: tuple[str, ...]


class StoredPending(msgspec.Struct, frozen=True):
    """A pending model as verification sees it."""

    id: int
    path: str
    images: tuple[str, ...]
    defects: tuple[str, ...]


class Sample(msgspec.Struct, frozen=True):
    """Which model files to hash anew: the `part`-th of `parts` equal parts, by hash."""

    part: int
    parts: int

    def holds(self, sha256: str) -> bool:
        """Whether a model falls into this part."""
        return int(sha256[:8], 16) % self.parts == self.part - 1
