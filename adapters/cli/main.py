"""How a command runs: on its backend, under its signals, to its exit code."""

from __future__ import annotations

import signal
import sys
from collections.abc import Awaitable, Callable

from adapters.cli.application import Application
from adapters.cli.arguments import Arguments, parse


def run(application: Application, argv: list[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    arguments = parse(argv)
    for stream in (sys.stdout, sys.stderr):
        # A name in any script is printed, escaped where the terminal cannot show it.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]

    import anyio

    from adapters.cli.commands import COMMANDS
    from adapters.cli.exits import exit_of
    from engine.errors import ReshelveError, cause_of

    command: Callable[[Arguments, Application], Awaitable[int]] = COMMANDS[arguments.command]
    try:
        return int(anyio.run(command, arguments, application, backend=arguments.backend))
    except BaseException as error:
        cause = cause_of(error)
        if isinstance(cause, ReshelveError):
            print(f"reshelve: {cause}", file=sys.stderr)  # noqa: T201
            return exit_of(cause)
        if isinstance(cause, KeyboardInterrupt):
            return 128 + signal.SIGINT
        raise
