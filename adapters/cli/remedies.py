"""What a person at a terminal can do about an error: the engine tells facts, here are commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.cli.suggestions import command, suggested

if TYPE_CHECKING:
    from collections.abc import Callable

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
    kinds = getattr(error, "kinds", None)
    if kinds is not None:
        return "\n".join(["Say which is meant:", *(_of_kind(kind, arguments) for kind in kinds)])
    word = REMEDIES.get(error.code)
    return None if word is None else word(arguments)


def _of_kind(kind: str, arguments: Arguments) -> str:
    words = (arguments.command, str(arguments.location), "--from", kind)
    return f"  {suggested(arguments, *words)}"
