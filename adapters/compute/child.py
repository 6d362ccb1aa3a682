"""The process that works for another: takes tasks on standard input, answers on standard output.

It ends when its standard input does, in the middle of a task as well: nobody waits for it then.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

from adapters.compute import wire
from engine.errors import StorageFailed
from engine.facts.files import UnusableFile
from engine.facts.previews import UnusableImage, image_digest
from engine.ports.compute import Encoded
from engine.ports.files import ModelFiles
from engine.ports.previews import PreviewCodec
from engine.ports.source import never

MEMORY_BYTES = 4 << 30
"""Of address space: ten times what the largest image takes that is not refused by its header."""

PROCESSOR_SECONDS = 3600
"""For one task: a file of 4 TB is hashed in that time, and no image takes a thousandth of it."""

REPORT_BYTES = 64 << 20
"""After so many bytes of a file its progress is told."""


class Answering:
    """Does tasks one after the other."""

    def __init__(self, models: ModelFiles, codec: PreviewCodec, replies: BinaryIO) -> None:
        self._models = models
        self._codec = codec
        self._replies = replies
        self._unreported = 0

    def say(self, reply: wire.Reply) -> None:
        """Send a reply."""
        self._replies.write(wire.framed(reply))
        self._replies.flush()

    def answer(self, task: wire.Task) -> wire.Reply:
        """Do one task."""
        try:
            if isinstance(task, wire.HashTask):
                return self._hash(task)
            return self._image(task)
        except UnusableFile as reason:
            return wire.Refused("file", reason.code, reason.message)
        except UnusableImage as reason:
            return wire.Refused("image", reason.code, reason.detail, reason.read)
        except wire.CannotOpen as reason:
            return wire.Refused("opening", "", str(reason))
        except StorageFailed as reason:
            return wire.Refused("storage", reason.path, reason.reason)
        except MemoryError:
            return wire.Refused("memory", "", f"it needs more than {MEMORY_BYTES >> 30} GiB")
        except Exception as error:
            return wire.Refused("defect", "", f"{type(error).__name__}: {error}")

    def _hash(self, task: wire.HashTask) -> wire.Reply:
        sha256, facts = self._models.sha256(os.fsdecode(task.path), self._advance)
        self._report()
        return wire.HashDone(sha256, facts)

    def _image(self, task: wire.ImageTask) -> wire.Reply:
        images, ref = wire.opening(task)
        data = images.read(ref)
        digest, tiers = image_digest(data), None
        if task.known is not None and digest not in task.known:
            try:
                self._codec.pixels(data)  # refuses by the header alone what is too large
                tiers = self._codec.encode(data, never)
            except UnusableImage as reason:
                reason.read = len(data)
                raise
        return wire.ImageDone(Encoded(digest, len(data), tiers))

    def _advance(self, amount: int) -> None:
        self._unreported += amount
        if self._unreported >= REPORT_BYTES:
            self._report()

    def _report(self) -> None:
        amount, self._unreported = self._unreported, 0
        self.say(wire.Read(amount))


def serve(models: ModelFiles, codec: PreviewCodec) -> None:
    """Work until standard input ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # Meant for whoever started this process, who decides; what it tells is believed.
        signal.signal(number, signal.SIG_IGN)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no reply
    _limit(_MEMORY)
    _go_first()
    answering = Answering(models, codec, replies)
    answering.say(wire.Ready())
    for task in _tasks():
        _limit(_PROCESSOR)
        answering.say(answering.answer(task))


def _tasks() -> Iterator[wire.Task]:
    """Tasks as they come; the process ends with them."""
    arrived: SimpleQueue[wire.Task] = SimpleQueue()
    threading.Thread(target=_listen, args=(arrived,), daemon=True).start()
    while True:
        yield arrived.get()


def _listen(arrived: SimpleQueue[wire.Task]) -> None:
    stream = sys.stdin.buffer
    while length := stream.read(wire.LENGTH_BYTES):
        arrived.put(wire.tasks.decode(stream.read(int.from_bytes(length))))
    os._exit(0)


_MEMORY, _PROCESSOR = "memory", "processor"


def _limit(what: str) -> None:
    """Have the system end this process where it takes too much; Windows knows no such limits."""
    try:
        import resource
    except ImportError:
        return
    if what == _MEMORY:
        limits = [(resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CORE, 0)]
    else:
        used = resource.getrusage(resource.RUSAGE_SELF)
        limits = [(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + PROCESSOR_SECONDS)]
    for limit, amount in limits:
        _, hard = resource.getrlimit(limit)
        if hard == resource.RLIM_INFINITY or amount <= hard:
            with suppress(OSError, ValueError):  # not every system has each of them
                resource.setrlimit(limit, (amount, hard))


def _go_first() -> None:
    """Where memory is short, have the system end this process, not the one that it works for."""
    with suppress(OSError):  # known to Linux only
        Path("/proc/self/oom_score_adj").write_text("1000")
