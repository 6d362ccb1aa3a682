"""`reshelve status`: where the last run stands, answered without an event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from adapters.cli.exits import Exit
from adapters.cli.output import Output
from adapters.cli.tables import show_status
from engine.status import RunState

if TYPE_CHECKING:
    from adapters.cli.application import Application
    from adapters.cli.arguments import Arguments
    from engine.status import RunStatus


def status(arguments: Arguments, application: Application) -> int:
    """Where the last run stands."""
    output = Output(arguments)
    found = application.glance(arguments.library)
    if _is_running(found) and not application.is_owned(arguments.library):
        # Ended since the first look, or killed: then the next start will note it.
        found = _without_its_process(application.glance(arguments.library))
    if arguments.json:
        output.document(found)
    else:
        show_status(output, found)
    return Exit.DONE


def _is_running(status: RunStatus) -> bool:
    return status.run is not None and status.run.status is RunState.RUNNING


def _without_its_process(status: RunStatus) -> RunStatus:
    if status.run is None or status.run.status is not RunState.RUNNING:
        return status
    run = msgspec.structs.replace(status.run, status=RunState.INTERRUPTED, resumable=True)
    return msgspec.structs.replace(status, run=run)
