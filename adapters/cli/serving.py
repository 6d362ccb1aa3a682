"""How `reshelve serve` runs: the library owned, the server up, interrupted runs gone on with."""

from __future__ import annotations

import errno
import ipaddress
import logging
import socket
import sys
from contextlib import suppress
from functools import partial

import anyio

from adapters.cli.application import Application
from adapters.cli.arguments import Arguments
from adapters.cli.exits import Exit
from adapters.cli.occupant import occupant
from adapters.cli.output import Output
from adapters.cli.signals import Stop, heed_signals
from adapters.cli.standing import TELL_SECONDS, WAITING
from adapters.cli.suggestions import command
from engine.errors import DatabaseBusy, NothingToResume
from engine.service import MigrationService


async def serve(arguments: Arguments, application: Application) -> int:
    """Serve until a signal, and be gone within 5 s of it."""
    output = Output(arguments)
    try:
        token = _token(arguments)
    except (OSError, ValueError) as error:
        output.fail(f"The token file {arguments.token} cannot be used: {error}.")
        return Exit.USAGE
    if token is None and not _is_local(arguments.host):
        output.fail("Binding to another address than this machine's own needs --token FILE.")
        return Exit.USAGE
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    try:
        serving = application.serving(arguments, token)
    except OSError as error:
        output.fail(f"Cannot listen on {arguments.host}:{arguments.port}: {error.strerror}.")
        if error.errno == errno.EADDRINUSE:
            await _tell_who_listens(arguments, output)
        return Exit.USAGE
    stop = Stop()
    roots = tuple(name for name, _ in arguments.root)
    with serving:
        async with (
            application.service(
                arguments.library, arguments.workers, roots, partial(output.say, WAITING)
            ) as service,
            anyio.create_task_group() as tasks,
        ):

            async def leave() -> None:
                serving.stop()
                await service.stop()

            await tasks.start(heed_signals, stop, leave)
            if not arguments.no_auto_resume:
                # Beside the server: it may have to wait for the database.
                resumed = anyio.Event()
                tasks.start_soon(_go_on, service, output, resumed)
                with anyio.move_on_after(TELL_SECONDS):
                    await resumed.wait()
            output.say(f"reshelve serves {arguments.library} at {serving.url}")
            await serving.serve(service)
            tasks.cancel_scope.cancel()
    return Exit.DONE if stop.signal is None else 128 + stop.signal


async def _tell_who_listens(arguments: Arguments, output: Output) -> None:
    found = await occupant(arguments.host, arguments.port)
    if found.library == str(arguments.library):
        host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
        output.fail(f"This library is served there already: http://{host}:{arguments.port}/")
        return
    output.fail(found.sentence)
    output.fail(f"To take another port:\n  {command(*_on_free_port(arguments))}")


async def _go_on(service: MigrationService, output: Output, resumed: anyio.Event) -> None:
    with suppress(NothingToResume, DatabaseBusy):
        status = await service.resume()
        assert status.run is not None
        output.say(f"Going on with run {status.run.id}, which was interrupted.")
    resumed.set()


def _token(arguments: Arguments) -> str | None:
    """The token of the file, if one is named. Raises OSError, ValueError."""
    if arguments.token is None:
        return None
    token = arguments.token.read_text(encoding="utf-8").strip()
    if not token:
        raise ValueError("it is empty")
    if ";" in token or not token.isprintable():
        raise ValueError("it holds a semicolon or a character that no cookie can carry")
    return token


def _on_free_port(arguments: Arguments) -> list[str]:
    """The words of this command, with a port that is free now."""
    with socket.socket(socket.AF_INET6 if ":" in arguments.host else socket.AF_INET) as probe:
        probe.bind((arguments.host, 0))
        free = probe.getsockname()[1]
        for port in range(arguments.port + 1, min(arguments.port + 20, 65536)):
            with suppress(OSError), socket.socket(probe.family) as other:
                other.bind((arguments.host, port))
                free = port
                break
    # The last one given counts.
    return [*arguments.words, "--port", str(free)]


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
