"""What each command does: a few calls to the service, and a report."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import anyio

from adapters.cli import documents
from adapters.cli.application import Application
from adapters.cli.arguments import Arguments
from adapters.cli.exits import Exit
from adapters.cli.output import Output
from adapters.cli.runs import Steps, run_silently, run_steps
from adapters.cli.serving import serve
from adapters.cli.standing import WAITING
from adapters.cli.suggestions import quoted
from adapters.cli.tables import (
    show_fault,
    show_items,
    show_look,
    show_pending,
    show_repair,
    show_scan,
    show_verified,
)
from engine.errors import LibraryTooOld, NothingToResume
from engine.facts.conflicts import ConflictStrategy
from engine.facts.files import Root
from engine.facts.findings import Fault, Sample
from engine.facts.requests import ImportRequest
from engine.facts.source import HashClaims, SourceOptions, SourceRef
from engine.facts.states import ModelState
from engine.library.repair import swept
from engine.service import MigrationService


async def migrate(arguments: Arguments, application: Application) -> int:
    """Stage 1 from another manager's library, and with `--promote` stage 2 for all that waits."""
    output = Output(arguments)
    strategy = ConflictStrategy(arguments.on_conflict or "merge")
    options = SourceOptions(
        images=str(arguments.images or ""),
        roots=tuple(Root(name, str(folder)) for name, folder in arguments.root),
        map=tuple(arguments.map),
        hashes=HashClaims(arguments.hashes),
    )
    named = ImportRequest(SourceRef(arguments.kind, str(arguments.location), options), strategy)
    # Before a library is made for nothing.
    request = await anyio.to_thread.run_sync(application.settled, named, arguments.library)
    images = request.source.options.images

    if request.source.location != str(arguments.location):
        output.say(f"The legacy database is {request.source.location}")
    if request.source.layout and not arguments.kind:
        output.say(f"Reading {request.source.location} as {request.source.layout}.")
    if not arguments.images and (outside := _led_out(images)):
        output.say(
            f"{images} is a link to {outside}, a folder that was not named: its images are left "
            f"out. To take them, add --images {quoted(outside)}"
        )

    async def steps(service: MigrationService) -> Steps:
        started = await service.start(request)
        if started.run is not None and started.run.images_folder != images:
            output.say(
                f"Going on with run {started.run.id}, which takes its images from "
                f"{started.run.images_folder}. Run this again afterwards for those in {images}."
            )
        yield started
        if arguments.promote and (ids := await service.pending_ids()):
            yield await service.begin_promotion(ids, strategy)

    return await run_steps(arguments, application, steps)


async def look(arguments: Arguments, application: Application) -> int:
    """What lies at a location; nothing is written."""
    output = Output(arguments)
    options = SourceOptions(map=tuple(arguments.map))
    source = SourceRef("", str(arguments.location), options)
    found = await anyio.to_thread.run_sync(application.look, source)
    if arguments.json:
        output.document(found)
    else:
        show_look(output, found)
    return Exit.DONE


def _led_out(images: str) -> str:
    """Where the folder beside a database leads, where that is one that nobody named; else ""."""
    found = Path(images).resolve()
    return "" if not images or found.is_relative_to(Path(images).parent) else str(found)


async def promote(arguments: Arguments, application: Application) -> int:
    """Stage 2 for some or all models that wait."""
    await _require_library(arguments, application)
    strategy = ConflictStrategy(arguments.on_conflict) if arguments.on_conflict else None

    async def steps(service: MigrationService) -> Steps:
        ids = await service.pending_ids() if arguments.all else list(dict.fromkeys(arguments.ids))
        yield await service.begin_promotion(ids, strategy)

    return await run_steps(arguments, application, steps)


async def resume(arguments: Arguments, application: Application) -> int:
    """Go on with all that was interrupted; with nothing to resume, show the last run."""
    await _require_library(arguments, application)
    output = Output(arguments)

    async def steps(service: MigrationService) -> Steps:
        resumed = 0
        while True:
            try:
                status = await service.resume()
            except NothingToResume as nothing:
                if not resumed:
                    output.say(str(nothing))
                    yield await service.status()
                return
            resumed += 1
            yield status

    return await run_steps(arguments, application, steps)


async def scan(arguments: Arguments, application: Application) -> int:
    """New model files wait for promotion."""
    output = Output(arguments)
    roots = [Root(name, str(folder)) for name, folder in arguments.root]
    report = await run_silently(arguments, application, lambda service: service.scan(roots))
    if arguments.json:
        output.document(report)
    else:
        show_scan(output, report)
        if report.added:
            output.suggest("To promote all that wait:", "promote", "--all")
    return Exit.DONE


async def verify(arguments: Arguments, application: Application) -> int:
    """Database and files compared; 3 where something is wrong."""
    output = Output(arguments)
    rehash = Sample(*(arguments.subset or (1, 1))) if arguments.hash else None
    found: list[Fault] = []
    async with application.verification(
        arguments.library, rehash, arguments.workers, _tell(output)
    ) as pass_:
        async for fault in pass_.faults():
            found.append(fault)
            if not arguments.json:
                show_fault(output, fault)
    if arguments.json:
        output.document(
            {
                "ok": not found,
                "models": pass_.models,
                "images": pass_.images,
                "problems": found,
            }
        )
    else:
        show_verified(output, pass_.models, pass_.images, len(found))
    return Exit.FAILURES if found else Exit.DONE


async def repair(arguments: Arguments, application: Application) -> int:
    """What verification finds, mended where that is certain; 3 where something is left."""
    output = Output(arguments)
    if arguments.dry_run:
        async with application.repair_plan(arguments.library, arguments.workers) as plan:
            report = await plan.run()
    else:
        async with application.verification(arguments.library, None, 1) as before:
            left = await before.leftovers()
        report = await run_silently(
            arguments, application, lambda service: service.repairs.carry_out()
        )
        report.repaired += swept(left)
    if arguments.json:
        output.document(report)
    else:
        show_repair(output, report, planned=arguments.dry_run)
    return Exit.FAILURES if report.left else Exit.DONE


async def items(arguments: Arguments, application: Application) -> int:
    """Every item of the last run."""
    output = Output(arguments)
    state = ModelState(arguments.state) if arguments.state else None
    async with application.reader(arguments.library, _tell(output)) as reader:
        pages = documents.item_pages(reader, state, verbatim=arguments.json)
        if arguments.json:
            await output.stream("items", pages)
        else:
            await show_items(output, pages)
    return Exit.DONE


async def pending(arguments: Arguments, application: Application) -> int:
    """What waits for promotion."""
    output = Output(arguments)
    async with application.reader(arguments.library, _tell(output)) as reader:
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
    arguments.library_given = str(arguments.library)
    arguments.location = legacy / "hikaze_mm.sqlite3"
    arguments.kind = "hikaze1"
    arguments.root, arguments.map, arguments.hashes = [], [], "verify"
    arguments.images = None
    arguments.on_conflict = "merge"
    arguments.promote = False
    if not arguments.location.exists():
        output.say(f"Drawing a small legacy library in {legacy} …")
        await anyio.to_thread.run_sync(application.make_demo, legacy)
    code = await migrate(arguments, application)
    output.say(f"The legacy library  {legacy}")
    output.say(f"The new library     {arguments.library}")
    output.say(f"Its previews        {arguments.library / 'images'}")
    return code


COMMANDS: dict[str, Callable[[Arguments, Application], Awaitable[int]]] = {
    "demo": demo,
    "look": look,
    "migrate": migrate,
    "resume": resume,
    "items": items,
    "pending": pending,
    "promote": promote,
    "scan": scan,
    "verify": verify,
    "repair": repair,
    "serve": serve,
}


def _tell(output: Output) -> Callable[[], None]:
    """Tells that the database is waited for."""
    return partial(output.say, WAITING)


async def _require_library(arguments: Arguments, application: Application) -> None:
    """Tell that there is no library, before one is made. Raises `LibraryMissing`."""
    with suppress(LibraryTooOld):  # who owns it next brings it up to date
        async with application.reader(arguments.library, _tell(Output(arguments))):
            pass


def _new_folder() -> Path:
    """A folder that is not there yet, in the working folder."""
    numbers = itertools.count(2)
    folder = Path.cwd() / "reshelve-demo"
    while folder.exists():
        folder = folder.with_name(f"reshelve-demo-{next(numbers)}")
    return folder
