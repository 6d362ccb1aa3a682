"""Images that could not be carried, and how they looked then: one that has changed since is offered
again."""

from __future__ import annotations

import msgspec

from engine.facts.source import ImageRef

NO_FILE = ""
"""How an image looks of which there is no file within reach."""


class RefusedImage(msgspec.Struct, frozen=True):
    """An image that a row refers to, and its `stamp`, another one whenever its file has changed."""

    image: ImageRef
    stamp: str


class KeptRefusal(msgspec.Struct, frozen=True):
    """A refused image of an item, as the journal keeps it."""

    item_id: int
    image: ImageRef
    stamp: str


BEFORE_FIRST = KeptRefusal(-1, ImageRef(""), "")
"""Where to begin to read them, ascending by item, name and place."""
