"""What is told of files and folders on the user's disks."""

from __future__ import annotations

import msgspec

FileIdentity = tuple[int, int]
"""Device and inode: equal for all routes to one file."""


class FileFacts(msgspec.Struct, frozen=True):
    """What tells whether a file is still the one that was hashed."""

    size: int
    mtime_ns: int
    inode: int


class Root(msgspec.Struct, frozen=True):
    """A folder of model files of one type."""

    type: str
    folder: str


class FoundFile(msgspec.Struct, frozen=True):
    """A model file that a scan found; `created_at` in ms since 1970.

    `path` leads there from the root; `real_path` is free of links.
    """

    path: str
    real_path: str
    type: str
    size: int
    created_at: int


class UnusableFile(Exception):
    """A model file that cannot be hashed: `code` is stable, `message` says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class ImageFolder(msgspec.Struct, frozen=True):
    """Where the images of a source lie, and the folders that a person named, free of links.

    What lies, after links are followed, below none of `within` is not opened: a link in somebody
    else's folder may lead to anything that this process can read.
    """

    path: str
    within: tuple[str, ...]


class FolderFacts(msgspec.Struct, frozen=True):
    """What can be told of a folder; `stamp` is another one whenever files came or went."""

    path: str
    found: bool
    readable: bool
    stamp: str
