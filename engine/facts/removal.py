"""A removal of preview sets that is under way."""

from __future__ import annotations

import msgspec


class Removal(msgspec.Struct, frozen=True):
    """Sets to be removed from a model that counts `count` of them now, None where it is gone.

    Until `counted`, the set `next_seq` takes the content of the one after it, and so on to the
    last; then the count is lowered, and only files beyond it are left over.
    """

    sha256: str
    next_seq: int
    count: int | None
    counted: bool
