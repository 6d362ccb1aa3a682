"""How a command runs: on its backend, under its signals, to its exit code."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Awaitable, Callable

from adapters.cli.application import Application
from adapters.cli.arguments import Arguments, parse


def run(application: Application, argv: list[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    arguments = parse(argv)
    _open_streams()

    import anyio

    from adapters.cli.commands import COMMANDS
    from adapters.cli.exits import Exit, exit_of
    from adapters.cli.output import OutputFailed
    from engine.errors import ReshelveError, cause_of

    command: Callable[[Arguments, Application], Awaitable[int]] = COMMANDS[arguments.command]
    if os.name != "nt":
        # Until a command heeds signals itself, Ctrl-C ends the process at once, which loses
        # nothing. Python's own way would cancel it while threads are being started, and then
        # wait for them for ever.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        return int(anyio.run(command, arguments, application, backend=arguments.backend))
    except BaseException as error:
        cause = cause_of(error)
        if isinstance(cause, ReshelveError):
            print(f"reshelve: {cause}", file=sys.stderr)  # noqa: T201
            return exit_of(cause)
        if isinstance(cause, OutputFailed):
            print(f"reshelve: {cause}", file=sys.stderr)  # noqa: T201
            return Exit.STORAGE
        if isinstance(cause, KeyboardInterrupt):
            return 128 + signal.SIGINT
        raise


def _open_streams() -> None:
    """Names in any script are printed, escaped where the terminal cannot show them; what is
    printed to a stream that was closed at launch goes nowhere."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
