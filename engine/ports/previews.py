"""Who makes previews: the port of the codec."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class PreviewCodec(Protocol):
    """Makes the tiers of an untrusted image. Methods block; call them in a thread."""

    def pixels(self, data: bytes) -> int:
        """How many pixels decoding `data` would hold, from its header alone.

        Raises `UnusableImage` for what is no allowed image (`image_unreadable`) or has more than
        `MAX_DECODED_PIXELS` (`image_too_large`).
        """
        ...

    def encode(self, data: bytes, checkpoint: Callable[[], None]) -> tuple[bytes, ...]:
        """The WebP bytes of each tier, in the order of `TIERS`.

        The same `data` always gives the same bytes. `checkpoint` is called between tiers and may
        raise to abandon the work. Raises `UnusableImage`.
        """
        ...

    def check(self, data: bytes) -> None:
        """Decode `data` whole, to tell whether it can be. Raises `UnusableImage`."""
        ...
