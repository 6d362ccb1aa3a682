"""Where a run stands, in numbers that add up; `reshelve status`, without an event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from adapters.cli.exits import Exit
from adapters.cli.output import Output
from engine.facts.status import RunState

if TYPE_CHECKING:
    from adapters.cli.application import Application
    from adapters.cli.arguments import Arguments
    from engine.facts.status import RunStatus


RUN_WORDS = {
    RunState.RUNNING: "is running",
    RunState.INTERRUPTED: "was interrupted; `reshelve resume` goes on with it",
    RunState.CANCELLED: "was cancelled; `reshelve resume` goes on with it",
    RunState.COMPLETED: "is complete",
    RunState.COMPLETED_WITH_FAILURES: "is complete, with failures",
    RunState.FAILED: "failed",
}


def status(arguments: Arguments, application: Application) -> int:
    """Where the last run stands."""
    output = Output(arguments)
    found = application.last_status(arguments.library)
    if _is_running(found) and not application.is_owned(arguments.library):
        # Ended since the first look, or killed: then the next start will note it.
        found = _without_its_process(application.last_status(arguments.library))
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


def show_status(output: Output, status: RunStatus) -> None:
    """The states of the last run, in numbers that add up."""
    if status.run is None:
        output.line("No run yet: `reshelve migrate` starts one.")
        return
    output.line(("Run ", "bold"), (str(status.run.id), "bold"), f" {RUN_WORDS[status.run.status]}.")
    if status.run.error is not None:
        output.line(("  " + status.run.error.message, "red"))
    counts = status.counts
    waiting = counts.pending
    show_row(output, "promoted", counts.promoted, "active in the library", "green")
    show_row(output, "pending", waiting, "recorded, or waiting for promotion", "yellow")
    in_work = counts.imported + counts.images_done
    if in_work:
        show_row(output, "in work", in_work, "identity settled, previews not yet done", "cyan")
    show_row(output, "failed", counts.failed, "see `reshelve items --state failed`", "red")
    show_row(output, "total", counts.total, _images(status), "bold")


def show_row(output: Output, name: str, count: int, meaning: str, style: str) -> None:
    """A number, and what it counts."""
    output.line((f"  {name:<9}", style), f"{count:>9}  ", (meaning, "dim"))


def _images(status: RunStatus) -> str:
    done, failed = status.images.done, status.images.failed
    if not failed:
        return f"{done} images carried"
    return f"{done} images carried, {failed} could not be"
