"""What is told to whoever does not know yet what to type: what was found, and the next command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.cli.exits import Exit
from adapters.cli.streams import to_stdout
from adapters.cli.suggestions import command
from engine.errors import LibraryTooOld, ReshelveError
from engine.facts.status import RunState

if TYPE_CHECKING:
    from adapters.cli.application import Application
    from adapters.cli.arguments import Arguments


def guide(application: Application) -> int:
    """What `reshelve` alone tells: what there is on this machine, and what can be done with it."""
    from engine import __version__

    found = application.discover()
    _say(
        f"reshelve {__version__} carries a library of Hikaze Model Manager 1 to version 2, with "
        "its previews."
    )
    for title, paths in (
        ("Legacy databases", found.databases),
        ("Libraries of version 2", found.libraries),
    ):
        if paths:
            _say("", f"{title}:", *(f"  {path}" for path in paths))
    if found.databases:
        for database in found.databases:
            _say("", *_next(application, database, _beside(database, found.libraries)))
    elif found.libraries:
        for library in found.libraries:
            _say("", "To open it in a browser:", f"  {command('serve', '--library', library)}")
    else:
        places = ", ".join(str(place) for place in found.places)
        _say(
            "",
            f"No legacy database, hikaze_mm.sqlite3, was found below {places}.",
            "Go to the folder that holds it, or to ComfyUI's, and run this again there.",
        )
    _say("", "To see how it works, with a small library of its own:", f"  {command('demo')}")
    _say("", "All commands:", f"  {command('--help')}")
    return Exit.DONE


def ask_for_library(arguments: Arguments, application: Application) -> int:
    """A command that needs a library was given none: as any other usage, and with those found."""
    arguments.parser.print_usage(sys.stderr)
    lines = [f"{arguments.parser.prog}: error: the following arguments are required: --library"]
    if libraries := application.discover().libraries:
        lines.append("With the library of version 2 that was found:")
        lines += [f"  {command(*arguments.words, '--library', path)}" for path in libraries]
    else:
        lines.append(f"Legacy databases that one can be made from are looked for by:  {command()}")
    print("\n".join(lines), file=sys.stderr)  # noqa: T201
    return Exit.USAGE


def _next(application: Application, database: Path, library: Path | None) -> list[str]:
    """What can be done with a legacy database."""
    if library is None:
        own = Path.home() / "reshelve-library"
        return [
            f"To carry {database} across:",
            f"  {command('migrate', database, '--library', own)}",
            "Version 2 opens only the folder `data` of its own extension. Once it has run, that "
            "folder is found and named here.",
        ]
    try:
        state = _last_state(application, library, database)
    except LibraryTooOld as error:
        return [
            f"{error} To bring it up to date, which keeps everything in it:",
            f"  {command('resume', '--library', library)}",
        ]
    if state is RunState.RUNNING and application.is_owned(library):
        return [
            f"{database} is being carried across. To see how far it is:",
            f"  {command('status', '--library', library)}",
        ]
    if state is not None and state.unfinished:
        return [
            f"{database} was begun, and is not carried across. To go on with it:",
            f"  {command('resume', '--library', library)}",
        ]
    if state in {RunState.COMPLETED, RunState.COMPLETED_WITH_FAILURES}:
        return [
            f"{database} has been carried across. To open the library in a browser:",
            f"  {command('serve', '--library', library)}",
        ]
    return [
        f"To carry {database} across:",
        f"  {command('migrate', database, '--library', library)}",
    ]


def _beside(database: Path, libraries: tuple[Path, ...]) -> Path | None:
    """The library in the same ComfyUI, else the only one there is."""
    same = [path for path in libraries if path.parents[1:2] == database.parents[2:3]]
    fitting = same or list(libraries)
    return fitting[0] if len(fitting) == 1 else None


def _last_state(application: Application, library: Path, database: Path) -> RunState | None:
    """How the last run of a database stands, None where it had none or that cannot be told.

    Raises `LibraryTooOld`.
    """
    try:
        return application.last_state_of(library, str(database))
    except LibraryTooOld:
        raise
    except ReshelveError:
        return None


def _say(*lines: str) -> None:
    with to_stdout():
        print("\n".join(lines), flush=True)  # noqa: T201
