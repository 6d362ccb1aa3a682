"""How deep JSON is nested, known while it arrives: a decoder must not meet one nested too deep."""

from __future__ import annotations

from itertools import accumulate

import anyio.lowlevel

SLICE = 16_384
"""How many bytes are looked through at once: well under a millisecond, whatever they are."""

_OTHERS = bytes(set(range(256)) - set(b'"[]{}'))
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")


class Nesting:
    """The depth of one text, fed in pieces; linear in its length, and never recursive.

    `[]` is nested 1 deep. What is not JSON gets an answer too, and it holds for the part before
    the first mistake.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._level = 0
        self._in_string = 0
        self._escaping = False

    async def exceeded_by(self, text: bytes) -> bool:
        """Whether it is nested deeper than `most` with this piece; others get their turn."""
        for start in range(0, len(text), SLICE):
            if self.feed(text[start : start + SLICE]):
                return True
            await anyio.lowlevel.checkpoint()
        return False

    def feed(self, piece: bytes) -> bool:
        """Whether it is nested deeper than `most` with this piece."""
        outside = self._outside_strings(piece)
        if not outside:
            return False
        steps = memoryview(outside.translate(_STEPS)).cast("b")
        levels = list(accumulate(steps, initial=self._level))
        self._level = levels[-1]
        return max(levels) > self._most

    def _outside_strings(self, piece: bytes) -> bytes:
        """The brackets that nest something."""
        if self._escaping and piece:
            piece = piece[1:]
            self._escaping = False
        if (len(piece) - len(piece.rstrip(b"\\"))) % 2:
            piece = piece[:-1]
            self._escaping = True
        quoted = piece.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _OTHERS)
        # Two quotes in a row hold nothing between them, or part two strings by nothing.
        parts = quoted.replace(b'""', b"").split(b'"')
        outside = b"".join(parts[self._in_string :: 2])
        self._in_string = (self._in_string + len(parts) - 1) % 2
        return outside
