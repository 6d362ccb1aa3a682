"""A removal of a preview set that is under way."""

from __future__ import annotations

import msgspec


class Removal(msgspec.Struct, frozen=True):
    """A set whose place the one after it takes, then the next that one's, and so on to the last.

    `digests` are of what lies at `next_seq` and may be replaced, tier by tier, b"" for one that is
    not there; () where nobody has looked yet. No number below the count of the model's record is
    ever without its picture meanwhile. `count` is that count, None where the model is gone.
    """

    sha256: str
    next_seq: int
    digests: tuple[bytes, ...]
    count: int | None
