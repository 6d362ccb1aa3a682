"""Work in processes of their own, for what may take a process down.

A process is used again while it lives. Where it dies, the task it had in hand is done once more in
a new one, of which nothing else was asked: only what ends this one as well is to blame. So one
kill from outside, by the system when memory is short or by a person, blames nobody here either.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
from anyio import CapacityLimiter, to_thread

from adapters.compute import wire
from adapters.compute.worker_process import CannotStart, ProcessDied, WorkerProcess, started
from engine.errors import StorageFailed
from engine.facts.codes import KILLED
from engine.facts.files import UnusableFile
from engine.facts.previews import UnusableImage
from engine.facts.source import ImageRef
from engine.ports.compute import Compute, Encoded, Hashed
from engine.ports.source import Images

R = TypeVar("R", bound=wire.Reply)

MOST = 4
"""Processes at once: each of them may decode the largest image."""

log = logging.getLogger("reshelve.compute")


class ChildProcesses:
    """Implements `engine.ports.compute.Compute`; `child_processes` opens and closes it."""

    def __init__(self, entry: str, instead: Compute) -> None:
        self._entry = entry
        self._instead = instead
        self._slots = min(instead.slots, MOST)
        self._limiter = CapacityLimiter(self._slots)
        self._reading = CapacityLimiter(self._slots)
        self._idle: list[WorkerProcess] = []
        self._busy: list[WorkerProcess] = []

    @property
    def pids(self) -> list[int]:
        """The processes that take tasks, in no order."""
        return [process.pid for process in (*self._idle, *self._busy)]

    @property
    def slots(self) -> int:
        """How many processes there are at once."""
        return self._slots

    async def hash(self, path: str, advance: Callable[[int], None]) -> Hashed:
        """Hash a file. Raises `UnusableFile`."""
        outcomes = await self._done([wire.hash_task(path)], advance)
        if not outcomes:
            return await self._instead.hash(path, advance)
        return _hashed(outcomes[0], path)

    async def hash_all(self, paths: Sequence[str]) -> list[Hashed | UnusableFile]:
        """Hash small files, all with one process where none of them ends it."""
        found: list[Hashed | UnusableFile] = []
        for path, outcome in zip(
            paths, await self._done([wire.hash_task(path) for path in paths], _ignore), strict=False
        ):
            try:
                found.append(_hashed(outcome, path))
            except UnusableFile as reason:
                found.append(reason)
        rest = paths[len(found) :]
        return [*found, *await self._instead.hash_all(rest)] if rest else found

    async def encode(self, images: Images, ref: ImageRef, known: frozenset[bytes]) -> Encoded:
        """Make the tiers of an image. Raises `UnusableImage`, `UnusableFile`."""
        encoded = await self._image(images, ref, known)
        return encoded or await self._instead.encode(images, ref, known)

    async def read(self, images: Images, ref: ImageRef) -> Encoded:
        """Read an image whole. Raises `UnusableImage`, `UnusableFile`."""
        encoded = await self._image(images, ref, None)
        return encoded or await self._instead.read(images, ref)

    async def _image(
        self, images: Images, ref: ImageRef, known: frozenset[bytes] | None
    ) -> Encoded | None:
        """The outcome of a task about an image; None where there can be no process."""
        try:
            return await self._opened_there(images, ref, known)
        except wire.CannotOpen:
            data = await to_thread.run_sync(images.read, ref, limiter=self._reading)
            return await self._opened_there(wire.ImageInHand(data), ref, known)

    async def _opened_there(
        self, images: Images, ref: ImageRef, known: frozenset[bytes] | None
    ) -> Encoded | None:
        outcomes = await self._done([wire.image_task(images, ref, known)], _ignore)
        if not outcomes:
            return None
        return _answer(outcomes[0], f"The image {ref.name}", wire.ImageDone).encoded

    async def close(self) -> None:
        """End all processes."""
        while self._idle:
            await self._idle.pop().end()

    async def _done(
        self, tasks: Sequence[wire.Task], advance: Callable[[int], None]
    ) -> list[wire.Reply | ProcessDied]:
        """The outcomes of tasks, in their order: of all, or of those before no process could be
        had any more."""
        outcomes: list[wire.Reply | ProcessDied] = []
        async with self._limiter:
            try:
                while left := tasks[len(outcomes) :]:
                    try:
                        process = self._idle.pop() if self._idle else await started(self._entry)
                        await self._work(process, left, advance, outcomes)
                    except ProcessDied as died:
                        await self._again(tasks[len(outcomes)], died, advance, outcomes)
            except CannotStart as reason:
                log.warning("No process could be started (%s): working in this one.", reason)
        return outcomes

    async def _again(
        self,
        task: wire.Task,
        first: ProcessDied,
        advance: Callable[[int], None],
        outcomes: list[wire.Reply | ProcessDied],
    ) -> None:
        """Do a task that was in hand when a process died, in one that has seen nothing else."""
        try:
            await self._work(await started(self._entry), [task], advance, outcomes)
        except ProcessDied as second:
            outcomes.append(ProcessDied(f"{first}, and again, alone in a new one: {second}"))
        except CannotStart as reason:
            # It would be this process next.
            outcomes.append(ProcessDied(f"{first}, and no other could be started ({reason})"))

    async def _work(
        self,
        process: WorkerProcess,
        tasks: Sequence[wire.Task],
        advance: Callable[[int], None],
        outcomes: list[wire.Reply | ProcessDied],
    ) -> None:
        """Add the outcome of each task, as it comes. Raises `ProcessDied`."""
        read = 0

        def step(amount: int) -> None:
            nonlocal read
            read += amount
            advance(amount)

        lives = False
        self._busy.append(process)
        try:
            await process.give(tasks)
            for _ in tasks:
                read = 0
                outcomes.append(await process.outcome(step))
            lives = True
        finally:
            self._busy.remove(process)
            if not lives:
                advance(-read)
                await process.end()
        self._idle.append(process)


@asynccontextmanager
async def child_processes(entry: str, instead: Compute) -> AsyncIterator[ChildProcesses]:
    """Processes that begin in the function `work_for_another` of the module `entry`.

    They are `MOST` at once, and no more than `instead` has slots, which does their work where none
    can be had. None is started before it is needed.
    """
    processes = ChildProcesses(entry, instead)
    try:
        yield processes
    finally:
        with anyio.CancelScope(shield=True):
            await processes.close()


def _hashed(outcome: wire.Reply | ProcessDied, path: str) -> Hashed:
    done = _answer(outcome, f"The file {path}", wire.HashDone)
    return Hashed(done.sha256, done.facts)


def _answer(outcome: wire.Reply | ProcessDied, what: str, expected: type[R]) -> R:
    """The outcome of a task about `what`; raises what hindered it."""
    if isinstance(outcome, expected):
        return outcome
    if isinstance(outcome, ProcessDied):
        raise _killer(what, str(outcome))
    if not isinstance(outcome, wire.Refused):
        raise RuntimeError(f"a process answered {outcome}")
    match outcome.kind:
        case "file":
            raise UnusableFile(outcome.code, outcome.text)
        case "image":
            unusable = UnusableImage(outcome.code, outcome.text)
            unusable.read = outcome.read
            raise unusable
        case "storage":
            raise StorageFailed(outcome.code, outcome.text)
        case "opening":
            raise wire.CannotOpen(outcome.text)
        case "memory":
            raise _killer(what, outcome.text)
        case _:
            raise RuntimeError(outcome.text)


def _killer(what: str, evidence: str) -> UnusableFile:
    return UnusableFile(
        KILLED,
        f"{what} ended the process that worked on it: {evidence}. Replace or remove it, then "
        "retry.",
    )


def _ignore(_: int) -> None:
    """The progress within an image, or a small file, matters to nobody."""
