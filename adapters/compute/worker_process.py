"""One process that works for this one: started, given tasks, listened to, ended."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from adapters.compute import wire

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


class ProcessDied(Exception):
    """A process ended in the middle of its task; the text is the evidence."""


class CannotStart(Exception):
    """There can be no process; the text is the reason."""


class WorkerProcess:
    """A process that does one task after the other."""

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

    async def give(self, tasks: Sequence[wire.Task]) -> None:
        """Hand over tasks, each of which has an outcome, in their order. Raises `ProcessDied`."""
        with anyio.move_on_after(SILENCE_SECONDS):
            try:
                await self._tasks.send(b"".join(map(wire.framed, tasks)))
            except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
                await self._died()
            return
        raise _silent()

    async def outcome(self, advance: Callable[[int], None]) -> wire.Reply:
        """Wait for the next outcome; `advance` is told of bytes that were read for it meanwhile.

        Raises `ProcessDied`.
        """
        while True:
            reply: wire.Reply | None = None
            with anyio.move_on_after(SILENCE_SECONDS):
                reply = await self._reply()
            if reply is None:
                raise _silent()
            if not isinstance(reply, wire.Read):
                return reply
            advance(reply.amount)

    async def ready(self) -> None:
        """Wait until it takes tasks. Raises `ProcessDied`."""
        with anyio.move_on_after(START_SECONDS):
            await self._reply()
            return
        raise ProcessDied(f"it did not start within {START_SECONDS:.0f} s")

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
        raise ProcessDied(_evidence(await self._process.wait()))


async def started(entry: str) -> WorkerProcess:
    """A process that begins in the function `work_for_another` of the module `entry`.

    Raises `CannotStart`.
    """
    command = [sys.executable, "-P", "-c", BOOT, json.dumps(sys.path), entry]
    try:
        process = WorkerProcess(
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
        raise CannotStart(str(error)) from error
    try:
        await process.ready()
    except ProcessDied as died:
        await process.end()
        raise CannotStart(str(died)) from died
    except BaseException:
        await process.end()
        raise
    return process


def _silent() -> ProcessDied:
    return ProcessDied(f"it gave no sign of life for {SILENCE_SECONDS:g} s, and was ended")


def _evidence(code: int) -> str:
    if code >= 0:
        return f"exit code {code:#x}" if code > 255 else f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
