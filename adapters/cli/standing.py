"""Where a run stands, in numbers that add up; `reshelve status`, without an event loop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from adapters.cli.exits import Exit
from adapters.cli.output import Output
from adapters.cli.suggestions import command, suggested
from engine.errors import DatabaseBusy
from engine.facts.status import RunKind, RunState, in_state

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.cli.application import Application
    from adapters.cli.arguments import Arguments
    from engine.facts.status import Holdings, RunStatus, RunSummary


TELL_SECONDS = 1.0
"""How long a database may be locked before a person is told what is waited for."""

WAITING = "Waiting for the database: another program has locked it."

EXAMPLES = 10
"""How many conflicts and failures of a promotion are named."""

RUN_WORDS = {
    RunState.RUNNING: "is running",
    RunState.INTERRUPTED: "was interrupted",
    RunState.CANCELLED: "was cancelled",
    RunState.COMPLETED: "is complete",
    RunState.COMPLETED_WITH_FAILURES: "is complete, with failures",
    RunState.FAILED: "failed",
}


def status(arguments: Arguments, application: Application) -> int:
    """Where the last run stands."""
    output = Output(arguments)
    found = _last_status(arguments, application, output)
    if not _is_running(found):
        found = msgspec.structs.replace(found, waiting_for_database=False)
    elif not application.is_owned(arguments.library):
        # Ended since the first look, or killed: then the next start will note it.
        found = _without_its_process(_last_status(arguments, application, output))
    if arguments.json:
        output.document(found)
    else:
        _show(output, application, found)
    return Exit.DONE


def _show(output: Output, application: Application, status: RunStatus) -> None:
    """The last run, what the library holds, and what can be done."""
    library, run = output.arguments.library, status.run
    if run is None:
        show_status(output, status)
        output.line("What can be migrated is looked for by:  ", command())
    elif run.kind is RunKind.PROMOTION:
        from adapters.cli.promoted import next_steps, show_promotion  # which needs this module

        report = application.last_promotion(library, run.id)
        show_promotion(output, status, report, EXAMPLES)
        _show_holdings(output, application.holdings(library))
        _show_next(output, run, [] if run.resumable else next_steps([report]))
    else:
        show_status(output, status)
        _show_holdings(output, application.holdings(library))
        failed = [("To see what failed:", ["items", "--state", "failed"])]
        _show_next(output, run, failed if status.counts.failed else [])


def _show_holdings(output: Output, held: Holdings) -> None:
    """The numbers of the library as a whole: those of one run are a part of them."""
    conflict = f", {held.conflicts} in conflict" if held.conflicts else ""
    waits = "waits" if held.pending == 1 else "wait"
    output.line(
        ("The library now ", "bold"),
        f"{some(held.models, 'model')}, {held.pending} {waits}{conflict}; "
        f"{held.failed} failed, {some(held.warnings, 'warning')}, of all runs",
    )


def _last_status(arguments: Arguments, application: Application, output: Output) -> RunStatus:
    """The status once the database can be read; whoever waits for that is told."""
    began, told = time.monotonic(), False
    while True:
        try:
            return application.last_status(arguments.library)
        except DatabaseBusy:
            if not told and time.monotonic() - began >= TELL_SECONDS:
                output.say(WAITING)
                told = True


def _is_running(status: RunStatus) -> bool:
    return status.run is not None and status.run.status is RunState.RUNNING


def _without_its_process(status: RunStatus) -> RunStatus:
    if status.run is None or status.run.status is not RunState.RUNNING:
        return status
    return in_state(status, RunState.INTERRUPTED, waiting=False)


def show_status(output: Output, status: RunStatus) -> None:
    """The states of the last run, in numbers that add up."""
    if status.run is None:
        output.line("No run yet.")
        return
    show_run(output, status.run)
    if status.waiting_for_database:
        output.line(("  " + WAITING, "yellow"))
    counts = status.counts
    waiting = counts.pending
    show_row(output, "promoted", counts.promoted, "active in the library", "green")
    show_row(output, "pending", waiting, "recorded, or waiting for promotion", "yellow")
    in_work = counts.imported + counts.images_done
    if in_work:
        show_row(output, "in work", in_work, "identity settled, previews not yet done", "cyan")
    show_row(output, "failed", counts.failed, "stopped, each with a reason", "red")
    show_row(output, "total", counts.total, images_carried(status), "bold")


def show_run(output: Output, run: RunSummary) -> None:
    """How a run stands, and what ended it."""
    output.line(("Run ", "bold"), (str(run.id), "bold"), f" {RUN_WORDS[run.status]}.")
    if run.error is not None:
        output.line(("  " + run.error.message, "red"))


def _show_next(output: Output, run: RunSummary, steps: Iterable[tuple[str, list[str]]]) -> None:
    """What can be done about a run that has not ended well: each a sentence and a command."""
    if run.resumable:
        output.line("To go on with it:  ", suggested(output.arguments, "resume"))
    for sentence, words in steps:
        output.line(f"{sentence}  ", suggested(output.arguments, *words))


def show_row(output: Output, name: str, count: int, meaning: str, style: str) -> None:
    """A number, and what it counts."""
    output.line((f"  {name:<9}", style), f"{count:>9}  ", (meaning, "dim"))


def images_carried(status: RunStatus) -> str:
    """How many images were carried, and how many were not."""
    done, failed = some(status.images.done, "image"), status.images.failed
    return f"{done} carried, {failed} could not be" if failed else f"{done} carried"


def some(number: int, one: str) -> str:
    """A number with its noun, such as `3 models` or `1 model`."""
    return f"{number} {one}" if number == 1 else f"{number} {one}s"
