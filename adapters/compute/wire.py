"""What two processes say to each other: tasks one way, progress and an outcome the other.

A message is its length in four bytes, the most significant first, and MessagePack. Names of files
are bytes, as the system has them: not every one is text.
"""

from __future__ import annotations

import os

import msgspec

from engine.facts.files import FileFacts, ImageFolder
from engine.ports.compute import Encoded

LENGTH_BYTES = 4


class HashTask(msgspec.Struct, frozen=True, tag=True):
    """Hash a file."""

    path: bytes


class ImageTask(msgspec.Struct, frozen=True, tag=True):
    """Read an image, and make its tiers unless its digest is among `known`, or that is None."""

    folder: bytes
    within: tuple[bytes, ...]
    name: bytes
    known: tuple[bytes, ...] | None


Task = HashTask | ImageTask


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The process has started and takes tasks: what ends it from here on is the task."""


class Read(msgspec.Struct, frozen=True, tag=True):
    """So many bytes more were read."""

    amount: int


class HashDone(msgspec.Struct, frozen=True, tag=True):
    """A file was hashed."""

    sha256: str
    facts: FileFacts


class ImageDone(msgspec.Struct, frozen=True, tag=True):
    """An image was read, or encoded."""

    encoded: Encoded


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The task cannot be done: `kind` names the error that says so."""

    kind: str
    code: str
    text: str


Reply = Ready | Read | HashDone | ImageDone | Refused

tasks = msgspec.msgpack.Decoder(Task)
replies = msgspec.msgpack.Decoder(Reply)


def framed(message: Task | Reply) -> bytes:
    """A message as it is sent."""
    data = msgspec.msgpack.encode(message)
    return len(data).to_bytes(LENGTH_BYTES) + data


def image_task(folder: ImageFolder, name: str, known: frozenset[bytes] | None) -> ImageTask:
    """A task about an image."""
    return ImageTask(
        folder=os.fsencode(folder.path),
        within=tuple(os.fsencode(path) for path in folder.within),
        name=os.fsencode(name),
        known=None if known is None else tuple(sorted(known)),
    )


def folder_of(task: ImageTask) -> ImageFolder:
    """The folder of an image, as text."""
    within = tuple(os.fsdecode(path) for path in task.within)
    return ImageFolder(os.fsdecode(task.folder), within)
