"""What a person at a terminal can do about an error: the engine tells facts, here are commands."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING

from adapters.cli.suggestions import command, suggested
from adapters.cli.values import a_path
from engine.errors import SeveralKinds, SeveralSources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from adapters.cli.arguments import Arguments
    from engine.errors import ReshelveError

_GO_ON = "Go on with it first:  {}"


def _resume(arguments: Arguments) -> str:
    return suggested(arguments, "resume")


REMEDIES: dict[str, Callable[[Arguments], str]] = {
    "source_missing": lambda _: f"What can be migrated is looked for by:  {command()}",
    "library_in_use": lambda _: "Wait until it ends, or stop it.",
    "database_busy": lambda it: f"Let that program end, or close it, then go on:  {_resume(it)}",
    "library_missing": lambda _: (
        "Name the folder that holds hikaze_model_manager.db. Legacy databases that a library can "
        f"be made from are looked for by:  {command()}"
    ),
    "library_too_old": lambda it: (
        f"Bring it up to date, which keeps everything in it:  {_resume(it)}"
    ),
    "library_too_new": lambda _: "Update reshelve, then try again.",
    "storage_failed": lambda it: f"Make room or mend the disk, then go on:  {_resume(it)}",
    "run_active": lambda it: _GO_ON.format(_resume(it)),
    "run_interrupted": lambda it: f"Go on with it:  {_resume(it)}",
}
"""By the code of the error; others tell all there is to tell."""


def remedy(error: ReshelveError, arguments: Arguments) -> str | None:
    """What can be done about an error, None where nothing is known."""
    if isinstance(error, SeveralKinds):
        return _choice([*arguments.words, "--from", kind] for kind in error.kinds)
    if isinstance(error, SeveralSources):
        return _choice(_instead(arguments, location) for location in error.locations)
    word = REMEDIES.get(error.code)
    return None if word is None else word(arguments)


def _choice(commands: Iterable[Sequence[str]]) -> str:
    return "\n".join(["Take one:", *(f"  {command(*words)}" for words in commands)])


def _instead(arguments: Arguments, location: str) -> list[str]:
    """The words of the command line, with another location."""
    return [location if _names(word, arguments.location) else word for word in arguments.words]


def _names(word: str, path: Path) -> bool:
    """Whether a word of the command line is what named this path."""
    try:
        return a_path(word) == path
    except ArgumentTypeError:
        return False
