"""Images that could not be carried, and how their files looked then: one that has changed since is
offered again."""

from __future__ import annotations

import msgspec

NO_FILE = ""
"""How an image looks of which there is no file within reach."""


class RefusedImage(msgspec.Struct, frozen=True):
    """An image that a row names, and its `stamp`, another one whenever its file has changed."""

    name: str
    stamp: str


class KeptRefusal(msgspec.Struct, frozen=True):
    """A refused image of an item, as the journal keeps it."""

    item_id: int
    name: str
    stamp: str


BEFORE_FIRST = KeptRefusal(-1, "", "")
"""Where to begin to read them, ascending by item and name."""
