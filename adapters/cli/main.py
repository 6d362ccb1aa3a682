"""How a command runs: on its backend, under its signals, to its exit code."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from adapters.cli.arguments import parse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import FrameType

    from adapters.cli.application import Application
    from adapters.cli.arguments import Arguments


def run(application: Application, argv: list[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    arguments = parse(argv)

    from adapters.cli.exits import Exit, exit_of
    from adapters.cli.remedies import remedy
    from adapters.cli.streams import OutputFailed, open_streams
    from engine.errors import ReshelveError, cause_of

    open_streams()
    try:
        return int(_answer(arguments, application))
    except BaseException as error:
        cause = cause_of(error)
        if isinstance(cause, ReshelveError):
            print(f"reshelve: {cause}", file=sys.stderr)  # noqa: T201
            if (advice := remedy(cause, arguments)) is not None:
                print(advice, file=sys.stderr)  # noqa: T201
            return exit_of(cause)
        if isinstance(cause, OutputFailed):
            print(f"reshelve: {cause}", file=sys.stderr)  # noqa: T201
            return Exit.STORAGE
        if isinstance(cause, KeyboardInterrupt):
            from signal import SIGINT

            return 128 + SIGINT
        raise


def _answer(arguments: Arguments, application: Application) -> int:
    if arguments.command is None:
        from adapters.cli.guidance import guide

        return guide(application)
    if arguments.command not in {"demo", "look"} and arguments.library is None:
        from adapters.cli.guidance import ask_for_library

        return ask_for_library(arguments, application)
    if arguments.command == "status":
        from adapters.cli.interpreter import without

        with without("typing_extensions"):
            from adapters.cli.standing import status

        return status(arguments, application)

    import signal

    import anyio

    from adapters.cli.commands import COMMANDS

    command: Callable[[Arguments, Application], Awaitable[int]] = COMMANDS[arguments.command]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end_at_once)
    return anyio.run(command, arguments, application, backend=arguments.backend)


def _end_at_once(number: int, _frame: FrameType | None) -> None:
    """Until a command heeds signals itself, one ends the process, which loses nothing.

    Python's own way would cancel the command while threads are being started, and then wait for
    them for ever.
    """
    os._exit(128 + number)
