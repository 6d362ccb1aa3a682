"""The header of a GGUF file: named values before the tensors, plain data.

Layout: `GGUF`, version (u32), number of tensors and of pairs (u64), then for each pair its key,
the type of its value (u32) and the value. Texts are a length (u64) and UTF-8. In version 1, counts
and lengths are u32. The byte order is little unless the version only makes sense in the other.
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

from adapters.sources.documents import Document
from adapters.sources.wording import keepable, shown

MAGIC = b"GGUF"
MAX_BYTES = 32 * 1024 * 1024
"""What lies behind is not looked at. The vocabulary of a text encoder takes 10 MB."""

MAX_PAIRS = 100_000
MAX_ENTRIES = 1_000_000
"""Entries of all lists of texts together."""

MAX_KEY = 65_535
MAX_LISTED = 1_000
"""Entries that are kept of a list of texts."""

VERSIONS = (1, 2, 3)
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of a value of each type that has a fixed size."""
_TEXT, _LIST = 8, 9
_KEPT = ("general.", "modelspec.", "thumbnail", "preview_image")


class _Unusable(Exception):
    pass


def read(file: BinaryIO, size: int) -> Document:
    """The texts of a GGUF file of `size` bytes; what was read before damage is kept."""
    cursor = _Cursor(file, min(size, MAX_BYTES))
    fields: dict[str, Any] = {}
    try:
        if cursor.take(4) != MAGIC:
            raise _Unusable("it does not begin as a GGUF file")
        cursor.begin()
        cursor.skip(cursor.width)
        pairs = cursor.count()
        if pairs > MAX_PAIRS:
            raise _Unusable(f"it tells of {pairs} values; more than {MAX_PAIRS} are not read")
        for _ in range(pairs):
            key = cursor.text(MAX_KEY)
            value = cursor.value(kept=key.startswith(_KEPT))
            if value is not None:
                fields[key] = value
    except _Unusable as error:
        return Document("", fields, (str(error),))
    return Document("", fields)


class _Cursor:
    """Reads on in a file, never beyond its bound; every length is checked against it first."""

    width = 8
    """Bytes of a count or a length."""

    def __init__(self, file: BinaryIO, bound: int) -> None:
        self._file = file
        self._left = bound
        self._order = "<"
        self._entries = 0

    def begin(self) -> None:
        """Learn the version, and with it the byte order and how wide lengths are."""
        written = self.take(4)
        for order in "<>":
            (version,) = struct.unpack(f"{order}I", written)
            if version in VERSIONS:
                self._order = order
                self.width = 4 if version == 1 else 8
                return
        raise _Unusable(f"its version {int.from_bytes(written, 'little')} is not known")

    def take(self, length: int) -> bytes:
        self._pass(length)
        data = self._file.read(length)
        if len(data) < length:
            raise _Unusable("it is cut off within its header")
        return data

    def skip(self, length: int) -> None:
        self._pass(length)
        self._file.seek(length, 1)

    def count(self) -> int:
        return self._number(self.width)

    def text(self, most: int = MAX_BYTES) -> str:
        length = self.count()
        if length > most:
            raise _Unusable(f"a text in it would have {length} bytes")
        return keepable(self.take(length).decode("utf-8", "replace"))

    def value(self, *, kept: bool) -> Any:
        """The next value where it is a text or a list of texts that is kept; else None."""
        kind = self._number(4)
        if kind == _TEXT and kept:
            return self.text()
        if kind == _TEXT:
            self.skip(self.count())
        elif kind == _LIST:
            return self._list(kept=kept)
        else:
            self.skip(self._size(kind))
        return None

    def _list(self, *, kept: bool) -> list[str] | None:
        kind, count = self._number(4), self.count()
        if kind == _LIST:
            raise _Unusable("it has lists within lists")
        if kind != _TEXT:
            self.skip(self._size(kind) * count)
            return None
        self._entries += count
        if self._entries > MAX_ENTRIES:
            raise _Unusable(f"its lists have more than {MAX_ENTRIES} entries")
        listed: list[str] = []
        for _ in range(count):
            if kept and len(listed) < MAX_LISTED:
                listed.append(self.text())
            else:
                self.skip(self.count())
        return listed if kept else None

    def _size(self, kind: int) -> int:
        if kind not in _SIZES:
            raise _Unusable(f"a value in it has the unknown type {shown(kind)}")
        return _SIZES[kind]

    def _number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "little" if self._order == "<" else "big")

    def _pass(self, length: int) -> None:
        if length > self._left:
            raise _Unusable("it tells of more than the file holds, or than is read of a header")
        self._left -= length
