"""What each command does: one or two calls to the service, and a report."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import anyio
import msgspec

from adapters.cli import documents
from adapters.cli.application import Application
from adapters.cli.arguments import Arguments
from adapters.cli.exits import Exit, exit_of_run
from adapters.cli.output import Output
from adapters.cli.progress import show_progress
from adapters.cli.tables import show_items, show_pending, show_report, show_status
from engine.conflicts import ConflictStrategy
from engine.errors import NothingToResume, ReshelveError, SourceMissing
from engine.lifecycle import ModelState
from engine.service import MigrationService
from engine.status import RunState, RunStatus
from engine.supervisor import LegacyImport

Begin = Callable[[MigrationService], Awaitable[RunStatus]]


class Stopped:
    """Which signal has asked the command to stop, if any."""

    def __init__(self) -> None:
        self.signal: int | None = None


async def migrate(arguments: Arguments, application: Application) -> int:
    """Stage 1 from a legacy database."""
    if not await anyio.Path(arguments.legacy_db).exists():
        # Before a library is made for nothing.
        raise SourceMissing(str(arguments.legacy_db))
    images = arguments.images or arguments.legacy_db.parent / "images"
    request = LegacyImport(
        location=str(arguments.legacy_db),
        images_folder=str(images),
        strategy=ConflictStrategy(arguments.on_conflict),
    )
    return await _conduct(arguments, application, lambda service: service.start(request))


async def resume(arguments: Arguments, application: Application) -> int:
    """Go on with what was interrupted; with nothing to resume, say so and show the last run."""
    async with application.reader(arguments.library):
        """Only to tell that there is no library before one is made."""

    async def begin(service: MigrationService) -> RunStatus:
        try:
            return await service.resume()
        except NothingToResume as nothing:
            output.say(str(nothing))
            return await service.status()

    output = Output(arguments)
    return await _conduct(arguments, application, begin)


async def status(arguments: Arguments, application: Application) -> int:
    """Where the last run stands."""
    output = Output(arguments)
    async with application.reader(arguments.library) as (reader, owned):
        found = await reader.status()
    if found.run is not None and found.run.status is RunState.RUNNING and not owned:
        # Nobody runs it: its process was killed, and the next start will note that.
        run = msgspec.structs.replace(found.run, status=RunState.INTERRUPTED, resumable=True)
        found = msgspec.structs.replace(found, run=run)
    if arguments.json:
        output.document(found)
    else:
        show_status(output, found)
    return Exit.DONE


async def items(arguments: Arguments, application: Application) -> int:
    """Every item of the last run."""
    output = Output(arguments)
    state = ModelState(arguments.state) if arguments.state else None
    async with application.reader(arguments.library) as (reader, _):
        pages = documents.item_pages(reader, state)
        if arguments.json:
            await output.stream("items", pages)
        else:
            await show_items(output, pages)
    return Exit.DONE


async def pending(arguments: Arguments, application: Application) -> int:
    """What waits for promotion."""
    output = Output(arguments)
    async with application.reader(arguments.library) as (reader, _):
        pages = documents.pending_pages(reader)
        if arguments.json:
            await output.stream("models", pages)
        else:
            await show_pending(output, pages)
    return Exit.DONE


async def demo(arguments: Arguments, application: Application) -> int:
    """Draw a legacy library and migrate it."""
    output = Output(arguments)
    folder = arguments.folder or _new_folder()
    legacy = folder / "legacy"
    arguments.library = folder / "library"
    arguments.legacy_db = legacy / "hikaze_mm.sqlite3"
    arguments.images = None
    arguments.on_conflict = "merge"
    if not arguments.legacy_db.exists():
        output.say(f"Drawing a small legacy library in {legacy} …")
        await anyio.to_thread.run_sync(application.make_demo, legacy)
    code = await migrate(arguments, application)
    output.say(f"The legacy library  {legacy}")
    output.say(f"The new library     {arguments.library}")
    output.say(f"Its previews        {arguments.library / 'images'}")
    return code


COMMANDS: dict[str, Callable[[Arguments, Application], Awaitable[int]]] = {
    "demo": demo,
    "migrate": migrate,
    "resume": resume,
    "status": status,
    "items": items,
    "pending": pending,
}


async def _conduct(arguments: Arguments, application: Application, begin: Begin) -> int:
    """Begin a run, show its progress, and report when it has ended."""
    output = Output(arguments)
    stopped = Stopped()
    async with (
        application.service(arguments.library, arguments.workers) as service,
        anyio.create_task_group() as tasks,
    ):
        await tasks.start(_heed_signals, service, stopped, output)
        code = await _follow(service, begin, output, stopped)
        tasks.cancel_scope.cancel()
    if stopped.signal is not None:
        output.say("Stopped; what was done is kept, and `reshelve resume` goes on.")
        return 128 + stopped.signal
    return code


async def _follow(service: MigrationService, begin: Begin, output: Output, stopped: Stopped) -> int:
    started = await begin(service)
    if started.run is None:
        if output.json:
            output.document(started)
        return Exit.DONE
    error: ReshelveError | None = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(show_progress, service, output)
        try:
            await service.wait(started.run.id)
        except ReshelveError as raised:
            error = raised
        tasks.cancel_scope.cancel()
    ended = await service.status(started.run.id)
    if output.json:
        await documents.write_run(output, service, ended)
    else:
        await show_report(output, service, ended)
    if error is not None:
        raise error
    return exit_of_run(ended)


async def _heed_signals(
    service: MigrationService,
    stopped: Stopped,
    output: Output,
    *,
    task_status: anyio.abc.TaskStatus[None],
) -> None:
    """The first signal stops the run within 5 s, the second at once: a kill loses nothing."""
    with suppress(NotImplementedError):  # Windows with asyncio: Ctrl-C ends the program
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async for number in signals:
                if stopped.signal is not None:
                    os._exit(128 + number)
                stopped.signal = int(number)
                output.say("Stopping: finishing what is in hand …")
                await service.stop()
        return
    task_status.started()


def _new_folder() -> Path:
    """A folder that is not there yet, in the working folder."""
    numbers = itertools.count(2)
    folder = Path.cwd() / "reshelve-demo"
    while folder.exists():
        folder = folder.with_name(f"reshelve-demo-{next(numbers)}")
    return folder
