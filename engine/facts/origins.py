"""Where an image came from that became a preview set."""

from __future__ import annotations

import msgspec

from engine.facts.source import ImageRef, SourceRef


class ImageOrigin(msgspec.Struct, frozen=True):
    """A place where a carried image may still lie: in a source, with the digest that it had."""

    source: SourceRef
    image: ImageRef
    digest: bytes
