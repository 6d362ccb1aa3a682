"""A removal of a preview set that is under way."""

from __future__ import annotations

import msgspec


class Removal(msgspec.Struct, frozen=True):
    """A number to be vacated, whose place the sets after it then take, one after the other.

    `digests` are of the tiers to be removed, in order, b"" for one that is not there; () where
    nobody has looked yet, and None once they are removed: then `next_seq` takes the set after it,
    and so on to the last. `count` is what the model's record counts, None where it is gone.
    """

    sha256: str
    next_seq: int
    digests: tuple[bytes, ...] | None
    count: int | None
