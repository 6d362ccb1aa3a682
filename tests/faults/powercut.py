"""What a power cut would have left on a disk, rebuilt from a record of all durable calls.

As strict as POSIX allows: a file's content is safe only once it was fsynced, and a name only once
its folder was. Of everything else any part may be there: any of the writes, whole or torn at a
sector, and any of the names.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from enum import IntEnum
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

SECTOR = 512
HEAD = struct.Struct("=IIIIQQ")
FORGOTTEN = "-shm"
"""The end of the name of SQLite's shared memory, which no start believes."""


class Call(IntEnum):
    """As the interposed library numbers them."""

    CREATE = 1
    WRITE = 2
    SYNC = 3
    RENAME = 4
    UNLINK = 5
    TRUNCATE = 6
    LINK = 7
    MKDIR = 8
    RMDIR = 9
    SAID = 11


class Done(NamedTuple):
    """One call that succeeded."""

    call: Call
    path: str
    other: str
    offset: int
    data: bytes


class Cut(NamedTuple):
    """A moment: what the disk may have, and what had been acknowledged."""

    number: int
    disk: Disk
    told: list[dict[str, Any]]


class Change(NamedTuple):
    """A name that was given to a file or a folder, or taken away with None."""

    path: str
    node: Node | None
    instead_of: str | None = None


class Node:
    """A file: what is safe of it, and the writes that are not; or a folder, which has none."""

    def __init__(self, safe: bytes = b"", folder: bool = False) -> None:
        self.safe = safe
        self.is_folder = folder
        self.writes: list[tuple[int, bytes | None]] = []

    def content(self, chance: Random | None) -> bytes:
        """The safe content, with any of the writes that are not where there is a chance."""
        found = bytearray(self.safe)
        share = chance.choice((0.3, 0.7, 1.0)) if chance else 0.0
        for offset, data in self.writes:
            if data is None:
                if chance and chance.random() < share:
                    _resize(found, offset)
                continue
            for start, sector in _sectors(offset, data):
                if chance and chance.random() < share:
                    _resize(found, max(len(found), start + len(sector)))
                    found[start : start + len(sector)] = sector
        return bytes(found)

    def whole(self) -> bytes:
        """The content as the process sees it."""
        found = bytearray(self.safe)
        for offset, data in self.writes:
            if data is None:
                _resize(found, offset)
            else:
                _resize(found, max(len(found), offset + len(data)))
                found[offset : offset + len(data)] = data
        return bytes(found)


class Disk:
    """Names and files below a folder, each safe or not yet; `called` is its name in the record."""

    def __init__(self, folder: Path, called: Path) -> None:
        self._root = str(called)
        self._safe: dict[str, Node] = {self._root: Node(folder=True)}
        for path in sorted(folder.rglob("*")):
            made = Node(folder=True) if path.is_dir() else Node(path.read_bytes())
            self._safe[str(called / path.relative_to(folder))] = made
        self._now = dict(self._safe)
        self._changes: dict[str, list[Change]] = {}

    def apply(self, done: Done) -> None:
        """What one call does."""
        if done.call is Call.WRITE and done.path in self._now:
            self._now[done.path].writes.append((done.offset, done.data))
        elif done.call is Call.TRUNCATE and done.path in self._now:
            self._now[done.path].writes.append((done.offset, None))
        elif done.call is Call.CREATE:
            self._change(Change(done.path, Node()))
        elif done.call is Call.MKDIR:
            self._change(Change(done.path, Node(folder=True)))
        elif done.call is Call.RENAME:
            self._change(Change(done.other, self._now[done.path], done.path))
        elif done.call is Call.LINK:
            self._change(Change(done.other, self._now[done.path]))
        elif done.call in (Call.UNLINK, Call.RMDIR):
            self._change(Change(done.path, None))
        elif done.call is Call.SYNC and done.path in self._now:
            self._sync(done.path)

    def _change(self, change: Change) -> None:
        folder = change.path.rpartition("/")[0]
        self._changes.setdefault(folder, []).append(change)
        _rename(self._now, change)

    def _sync(self, path: str) -> None:
        node = self._now[path]
        if node.is_folder:
            for change in self._changes.pop(path, []):
                _rename(self._safe, change)
        else:
            node.safe, node.writes = node.whole(), []

    def leave(self, folder: Path, chance: Random | None) -> None:
        """Write what is left after a power cut now; without a chance, only what is safe."""
        names = dict(self._safe)
        for changes in self._changes.values():
            share = chance.choice((0.0, 0.5, 1.0)) if chance else 0.0
            for change in changes:
                if chance and chance.random() < share:
                    _rename(names, change)
        folder.mkdir()
        for path in sorted(names):
            target = folder / path[len(self._root) :].lstrip("/")
            if path == self._root or not target.parent.is_dir() or path.endswith(FORGOTTEN):
                continue
            if names[path].is_folder:
                target.mkdir()
            else:
                target.write_bytes(names[path].content(chance))


def read_log(path: Path) -> Iterator[Done]:
    """The calls of a record, in their order."""
    data = path.read_bytes()
    place = 0
    while place < len(data):
        call, length, other_length, _, offset, size = HEAD.unpack_from(data, place)
        place += HEAD.size
        name, other = place + length, place + length + other_length
        content = data[other : other + size] if call in (Call.WRITE, Call.SAID) else b""
        yield Done(
            Call(call), data[place:name].decode(), data[name:other].decode(), offset, content
        )
        place = other + len(content)


def cuts(disk: Disk, log: Iterable[Done]) -> Iterator[Cut]:
    """The moments before each call that makes something safe, and the end."""
    said = b""
    number = -1
    for number, done in enumerate(log):
        if done.call is Call.SYNC:
            yield Cut(number, disk, _lines(said))
        if done.call is Call.SAID:
            said += done.data
        else:
            disk.apply(done)
    yield Cut(number + 1, disk, _lines(said))


def _lines(said: bytes) -> list[dict[str, Any]]:
    """What was acknowledged; what is no document of the client's is the report at the end."""
    lines = said.decode(errors="replace").split("\n")[:-1]
    told = [json.loads(line) if line.startswith("{") else {"ended": True} for line in lines]
    return told


def _rename(names: dict[str, Node], change: Change) -> None:
    if change.instead_of is not None:
        names.pop(change.instead_of, None)
    if change.node is None:
        names.pop(change.path, None)
    else:
        names[change.path] = change.node


def _resize(content: bytearray, size: int) -> None:
    if size < len(content):
        del content[size:]
    else:
        content.extend(bytes(size - len(content)))


def _sectors(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    """A write in the parts that a disk writes at once."""
    start = 0
    while start < len(data):
        end = min(len(data), start + SECTOR - (offset + start) % SECTOR)
        yield offset + start, data[start:end]
        start = end
