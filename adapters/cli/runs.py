"""How runs are conducted from the command line: one after the other, watched, interruptible."""

from __future__ import annotations

import shlex
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

import anyio

from adapters.cli import documents
from adapters.cli.application import Application
from adapters.cli.arguments import Arguments
from adapters.cli.exits import Exit, exit_of_run
from adapters.cli.output import Output
from adapters.cli.progress import show_progress
from adapters.cli.signals import Stop, heed_signals
from adapters.cli.standing import show_status
from adapters.cli.tables import show_report
from engine.errors import ReshelveError
from engine.facts.promotion_report import PromotionReport
from engine.facts.status import RunKind, RunStatus
from engine.facts.work import BEFORE_FIRST_KEY
from engine.service import MigrationService

T = TypeVar("T")

Steps = AsyncGenerator[RunStatus, None]
"""Each run as it begins; the next is asked for when the one before has ended."""


async def run_steps(
    arguments: Arguments,
    application: Application,
    steps: Callable[[MigrationService], Steps],
) -> int:
    """Run runs, show their progress, and report when they have ended."""
    output, stop = Output(arguments), Stop()
    code: int = Exit.DONE
    async with (
        application.service(arguments.library, arguments.workers) as service,
        anyio.create_task_group() as tasks,
    ):

        async def leave() -> None:
            output.say("Stopping: finishing what is in hand …")
            await service.stop()

        await tasks.start(heed_signals, stop, leave)
        run_ids, error = await _follow(service, steps(service), output, stop)
        # Read anew: a promotion also moved the items of the import before it.
        ended = [await service.status(run_id) for run_id in run_ids]
        code = await _report(service, ended, output)
        if not output.json and any(await service.pending(BEFORE_FIRST_KEY, 1)):
            output.say(
                "Models wait for promotion: "
                f"reshelve promote --all --library {shlex.quote(str(arguments.library))}"
            )
        tasks.cancel_scope.cancel()
    if error is not None:
        raise error
    if stop.signal is not None:
        output.say("Stopped; what was done is kept, and `reshelve resume` goes on.")
        return 128 + stop.signal
    return code


async def run_silently(
    arguments: Arguments,
    application: Application,
    action: Callable[[MigrationService], Awaitable[T]],
) -> T:
    """One call to the service of an owned library, without a run."""
    async with application.service(arguments.library, arguments.workers) as service:
        return await action(service)


async def _follow(
    service: MigrationService, steps: Steps, output: Output, stop: Stop
) -> tuple[list[int | None], ReshelveError | None]:
    """Watch each run to its end; returns which there were, and the error that ended the last."""
    run_ids: list[int | None] = []
    async with aclosing(steps):
        async for begun in steps:
            if begun.run is None:
                return [None], None
            run_ids.append(begun.run.id)
            error = await _watch(service, begun.run.id, output)
            if error is not None or stop.signal is not None:
                return run_ids, error
    return run_ids, None


async def _watch(service: MigrationService, run_id: int, output: Output) -> ReshelveError | None:
    error = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(show_progress, service, output)
        try:
            await service.wait(run_id)
        except ReshelveError as raised:
            error = raised
        tasks.cancel_scope.cancel()
    return error


async def _report(service: MigrationService, ended: list[RunStatus], output: Output) -> int:
    code: int = Exit.DONE
    promotions: dict[int, PromotionReport] = {}
    for status in ended:
        if status.run is None:
            continue
        if status.run.kind is RunKind.PROMOTION:
            promotions[status.run.id] = await service.promotion(status.run.id)
        code = max(code, exit_of_run(status, promotions.get(status.run.id)))
    if output.json:
        await documents.write_runs(output, service, ended, promotions)
        return code
    for status in ended:
        if status.run is None:
            show_status(output, status)
        else:
            await show_report(output, service, status, promotions.get(status.run.id))
    return code
