"""Which keys belong on which page of a table: the part of SQLite's file format that says so.

Where SQLite meets a damaged page it says no more than that. The pages above it in the table's
b-tree still tell which keys belong on it, so that reading can go on right behind it; and they
give away a page that lies where another belongs, which SQLite would read without a word. Layout:
https://www.sqlite.org/fileformat2.html#b_tree_pages
"""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path
from typing import BinaryIO

from engine.errors import StorageFailed

FIRST_KEY = -(2**63)
LAST_KEY = 2**63 - 1

_INTERIOR, _LEAF = 5, 13
_HEADER_BYTES = 12
_DEEPEST = 20
"""SQLite's own bound on the depth of a b-tree (BTCURSOR_MAX_DEPTH)."""


class KeyBounds:
    """Which keys share a page, in the table with this root page."""

    def __init__(self, copy: Path, root: int) -> None:
        self._copy = copy
        self._root = root
        # Of the page above the leaves that was read last: its least key, its children's greatest.
        self._lowest = LAST_KEY
        self._bounds = [FIRST_KEY]

    def around(self, key: int) -> tuple[int, int]:
        """The least and the greatest key that can lie on the same page as `key`.

        Raises `StorageFailed` when the disk does not give the copy.

        The page is the lowest that the way down from the root leads to: a leaf, sound or not, or
        the damaged page that all ways to its leaves lead through.
        """
        if not self._lowest <= key <= self._bounds[-1]:
            return self._descend(key)
        place = bisect_left(self._bounds, key)
        return self._bounds[place - 1] + 1 if place else self._lowest, self._bounds[place]

    def _descend(self, key: int) -> tuple[int, int]:
        try:
            return self._way_down(key)
        except OSError as error:
            raise StorageFailed(str(self._copy), error.strerror or str(error)) from error

    def _way_down(self, key: int) -> tuple[int, int]:
        lowest, highest = FIRST_KEY, LAST_KEY
        with self._copy.open("rb") as file:
            size = _page_size(file)
            page = _page(file, self._root, size)
            for _ in range(_DEEPEST):
                children = _children(page, lowest, highest)
                if children is None:
                    break
                bounds = [bound for _, bound in children]
                place = bisect_left(bounds, key)
                page = _page(file, children[place][0], size)
                if page[:1] == bytes([_LEAF]):
                    self._lowest, self._bounds = lowest, bounds
                lowest = bounds[place - 1] + 1 if place else lowest
                highest = bounds[place]
        return lowest, highest


def _page_size(file: BinaryIO) -> int:
    file.seek(16)
    size = int.from_bytes(file.read(2), "big")
    return 65536 if size == 1 else size


def _page(file: BinaryIO, number: int, size: int) -> bytes:
    file.seek(max(0, number - 1) * size)
    return file.read(size)


def _children(page: bytes, lowest: int, highest: int) -> list[tuple[int, int]] | None:
    """The (page, greatest key) of each child, ascending; None for a leaf or a damaged page."""
    if len(page) < _HEADER_BYTES or page[0] != _INTERIOR:
        return None
    children = []
    for place in range(int.from_bytes(page[3:5], "big")):
        pointer = _HEADER_BYTES + 2 * place
        start = int.from_bytes(page[pointer : pointer + 2], "big")
        cell = page[start : start + 4 + 9]
        key = _varint(cell[4:])
        if start < _HEADER_BYTES or key is None or not lowest <= key <= highest:
            return None
        children.append((int.from_bytes(cell[:4], "big"), key))
        lowest = key + 1
    return [*children, (int.from_bytes(page[8:12], "big"), highest)]


def _varint(data: bytes) -> int | None:
    """A signed 64-bit integer in 1 to 9 bytes, the first 8 of which carry 7 bits each."""
    value = 0
    for place, byte in enumerate(data):
        if place == 8:
            value = value << 8 | byte
            return value - 2**64 if value > LAST_KEY else value
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value
    return None
