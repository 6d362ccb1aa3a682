"""Where an image came from that became a preview set."""

from __future__ import annotations

import msgspec


class ImageOrigin(msgspec.Struct, frozen=True):
    """A place where a carried image may still lie: by name in the images of a source, with the
    digest that it had."""

    location: str
    images_folder: str
    name: str
    digest: bytes
