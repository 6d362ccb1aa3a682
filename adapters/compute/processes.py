"""Work in processes of their own, for what may take a process down.

A process is used again while it lives. Where it dies, its task is done once more in a new one, of
which nothing else was asked: only what ends this one as well is to blame.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import NoReturn

import anyio
from anyio import CapacityLimiter
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from adapters.compute import wire
from engine.errors import StorageFailed
from engine.facts.codes import KILLED
from engine.facts.files import ImageFolder, UnusableFile
from engine.facts.previews import UnusableImage
from engine.ports.compute import Compute, Encoded, Hashed

MOST = 4
"""Processes at once: each of them may decode the largest image."""

START_SECONDS = 60.0
"""How long a process may take to start."""

SILENCE_SECONDS = 300.0
"""How long a process may work without a word: an image is done by then, or 64 MiB of a file."""

BOOT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from importlib import import_module
import_module(sys.argv[2]).work_for_another()
"""
"""The same modules as here, wherever they come from, and none of the working folder."""

log = logging.getLogger("reshelve.compute")


class ChildDied(Exception):
    """A process ended in the middle of its task; the text is the evidence."""


class Child:
    """One process, which does one task at a time."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._tasks = process.stdin
        self._replies = BufferedByteReceiveStream(process.stdout)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    async def ready(self) -> None:
        """Wait until it takes tasks. Raises `ChildDied`."""
        with anyio.move_on_after(START_SECONDS):
            await self._reply()
            return
        raise ChildDied(f"it did not start within {START_SECONDS:.0f} s")

    async def work(self, task: wire.Task, advance: Callable[[int], None]) -> wire.Reply:
        """Have a task done. Raises `ChildDied`."""
        try:
            await self._tasks.send(wire.framed(task))
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            await self._died()
        while True:
            reply: wire.Reply | None = None
            with anyio.move_on_after(SILENCE_SECONDS):
                reply = await self._reply()
            if reply is None:
                raise ChildDied(f"it did not answer for {SILENCE_SECONDS:.0f} s")
            if not isinstance(reply, wire.Read):
                return reply
            advance(reply.amount)

    async def end(self) -> None:
        """End it, whatever it does, and wait for its end."""
        with anyio.CancelScope(shield=True):
            if self._process.returncode is None:
                with suppress(ProcessLookupError):  # it has ended meanwhile
                    self._process.kill()
            await self._process.aclose()

    async def _reply(self) -> wire.Reply:
        try:
            length = await self._replies.receive_exactly(wire.LENGTH_BYTES)
            data = await self._replies.receive_exactly(int.from_bytes(length))
        except (anyio.IncompleteRead, anyio.EndOfStream, anyio.BrokenResourceError, OSError):
            await self._died()
        reply: wire.Reply = wire.replies.decode(data)
        return reply

    async def _died(self) -> NoReturn:
        code = await self._process.wait()
        raise ChildDied(_evidence(code))


class ChildProcesses:
    """Implements `engine.ports.compute.Compute`; `child_processes` opens and closes it."""

    def __init__(self, entry: str, instead: Compute) -> None:
        self._entry = entry
        self._instead = instead
        self._slots = min(instead.slots, MOST)
        self._limiter = CapacityLimiter(self._slots)
        self._idle: list[Child] = []
        self._busy: list[Child] = []

    @property
    def pids(self) -> list[int]:
        """The processes that take tasks, in no order."""
        return [child.pid for child in (*self._idle, *self._busy)]

    @property
    def slots(self) -> int:
        """How many processes there are at once."""
        return self._slots

    async def hash(self, path: str, advance: Callable[[int], None]) -> Hashed:
        """Hash a file. Raises `UnusableFile`."""
        reply = await self._done(wire.HashTask(os.fsencode(path)), path, advance)
        if reply is None:
            return await self._instead.hash(path, advance)
        assert isinstance(reply, wire.HashDone)
        return Hashed(reply.sha256, reply.facts)

    async def encode(self, folder: ImageFolder, name: str, known: frozenset[bytes]) -> Encoded:
        """Make the tiers of an image. Raises `UnusableImage`, `UnusableFile`."""
        return await self._image(folder, name, known) or await self._instead.encode(
            folder, name, known
        )

    async def read(self, folder: ImageFolder, name: str) -> Encoded:
        """Read an image whole. Raises `UnusableImage`, `UnusableFile`."""
        return await self._image(folder, name, None) or await self._instead.read(folder, name)

    async def close(self) -> None:
        """End all processes."""
        while self._idle:
            await self._idle.pop().end()

    async def _image(
        self, folder: ImageFolder, name: str, known: frozenset[bytes] | None
    ) -> Encoded | None:
        path = os.path.join(folder.path, name)  # noqa: PTH118  the name may be anything
        reply = await self._done(wire.image_task(folder, name, known), path, _ignore)
        if reply is None:
            return None
        assert isinstance(reply, wire.ImageDone)
        return reply.encoded

    async def _done(
        self, task: wire.Task, path: str, advance: Callable[[int], None]
    ) -> wire.Reply | None:
        """The outcome of a task; None where there can be no processes."""
        async with self._limiter:
            try:
                child = self._idle.pop() if self._idle else await self._started()
                reply = None if child is None else await self._attempt(child, task, advance)
            except ChildDied:
                reply = await self._alone(task, path, advance)
        if isinstance(reply, wire.Refused):
            _refuse(reply, path)
        return reply

    async def _alone(
        self, task: wire.Task, path: str, advance: Callable[[int], None]
    ) -> wire.Reply | None:
        child = await self._started()
        if child is None:
            return None
        try:
            return await self._attempt(child, task, advance)
        except ChildDied as died:
            raise _killer(path, str(died)) from died

    async def _attempt(
        self, child: Child, task: wire.Task, advance: Callable[[int], None]
    ) -> wire.Reply:
        read = 0

        def step(amount: int) -> None:
            nonlocal read
            read += amount
            advance(amount)

        lives = False
        self._busy.append(child)
        try:
            reply = await child.work(task, step)
            lives = True
        finally:
            self._busy.remove(child)
            if not lives:
                advance(-read)
                await child.end()
        self._idle.append(child)
        return reply

    async def _started(self) -> Child | None:
        """A new process; None where none can be had: then the work is done here, as before."""
        command = [sys.executable, "-P", "-c", BOOT, json.dumps(sys.path), self._entry]
        try:
            child = Child(
                await anyio.open_process(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    # What a terminal sends to this process is not meant for that one.
                    start_new_session=True,
                    creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
                )
            )
        except (OSError, NotImplementedError, ValueError) as error:
            log.warning("No process could be started (%s): working in this one.", error)
            return None
        try:
            await child.ready()
        except ChildDied as died:
            await child.end()
            log.warning("A process could not be started: %s. Working in this one.", died)
            return None
        except BaseException:
            await child.end()
            raise
        return child


@asynccontextmanager
async def child_processes(entry: str, instead: Compute) -> AsyncIterator[ChildProcesses]:
    """Processes that begin in the function `work_for_another` of the module `entry`.

    They are `MOST` at once, and no more than `instead` has slots, which does their work where none
    can be had.
    """
    processes = ChildProcesses(entry, instead)
    try:
        yield processes
    finally:
        with anyio.CancelScope(shield=True):
            await processes.close()


def _refuse(reply: wire.Refused, path: str) -> NoReturn:
    match reply.kind:
        case "file":
            raise UnusableFile(reply.code, reply.text)
        case "image":
            raise UnusableImage(reply.code, reply.text)
        case "storage":
            raise StorageFailed(reply.code, reply.text)
        case "memory":
            raise _killer(path, reply.text)
        case _:
            raise RuntimeError(reply.text)


def _killer(path: str, evidence: str) -> UnusableFile:
    return UnusableFile(
        KILLED,
        f"{path} ends whichever process works on it: {evidence}. It was tried in a process of its "
        "own. Replace or remove the file, then retry.",
    )


def _evidence(code: int) -> str:
    if code >= 0:
        return f"exit code {code:#x}" if code > 255 else f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _ignore(_: int) -> None:
    """Images are not worth the word."""
