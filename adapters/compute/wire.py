"""What two processes say to each other: tasks one way, progress and an outcome the other.

A message is its length in four bytes, the most significant first, and MessagePack. Names of files
are bytes, as the system has them: not every one is text. What opens an image is pickled: it goes
to a process that runs the same code. Nothing that comes back is, for that process reads what
others have made.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Sequence

import msgspec

from engine.facts.files import FileFacts
from engine.facts.source import ImageRef
from engine.ports.compute import Encoded
from engine.ports.source import Images

LENGTH_BYTES = 4


class CannotOpen(Exception):
    """What opens images in one process does not in another."""


class HashTask(msgspec.Struct, frozen=True, tag=True):
    """Hash a file."""

    path: bytes


class ImageTask(msgspec.Struct, frozen=True, tag=True):
    """Read an image, and make its tiers unless its digest is among `known`, or that is None."""

    opening: bytes
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
    """The task cannot be done: `kind` names the error that says so; of an image, `read` bytes."""

    kind: str
    code: str
    text: str
    read: int = 0


Reply = Ready | Read | HashDone | ImageDone | Refused

tasks = msgspec.msgpack.Decoder(Task)
replies = msgspec.msgpack.Decoder(Reply)


def framed(message: Task | Reply) -> bytes:
    """A message as it is sent."""
    data = msgspec.msgpack.encode(message)
    return len(data).to_bytes(LENGTH_BYTES) + data


def hash_task(path: str) -> HashTask:
    """A task about a file."""
    return HashTask(os.fsencode(path))


def image_task(images: Images, ref: ImageRef, known: frozenset[bytes] | None) -> ImageTask:
    """A task about an image. Raises `CannotOpen`."""
    try:
        opening = pickle.dumps((images, ref))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise CannotOpen(str(error)) from error
    return ImageTask(opening, None if known is None else tuple(sorted(known)))


def opening(task: ImageTask) -> tuple[Images, ImageRef]:
    """What opens the image that a task is about. Raises `CannotOpen`."""
    try:
        found: tuple[Images, ImageRef] = pickle.loads(task.opening)
    except Exception as error:
        raise CannotOpen(str(error)) from error
    return found


class ImageInHand:
    """Implements `engine.ports.source.Images` with one image that was read already."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def sizes(self, refs: Sequence[ImageRef]) -> list[int | None]:
        """The size of the image."""
        return [len(self._data) for _ in refs]

    def stamps(self, refs: Sequence[ImageRef]) -> list[str]:
        """Nothing: it does not change."""
        return ["" for _ in refs]

    def read(self, ref: ImageRef) -> bytes:
        """The image."""
        return self._data
