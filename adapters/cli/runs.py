"""How runs are conducted from the command line: one after the other, watched, interruptible."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import TypeVar

import anyio

from adapters.cli import documents
from adapters.cli.application import Application
from adapters.cli.arguments import Arguments
from adapters.cli.exits import Exit, exit_of_run
from adapters.cli.output import Output
from adapters.cli.progress import show_progress
from adapters.cli.promoted import next_steps
from adapters.cli.signals import Stop, heed_signals
from adapters.cli.standing import WAITING, show_status
from adapters.cli.tables import show_report
from engine.errors import DatabaseBusy, ReshelveError
from engine.facts.promotion_report import PromotionReport
from engine.facts.status import RunKind, RunStatus
from engine.facts.work import BEFORE_FIRST
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
        application.service(
            arguments.library, arguments.workers, tell_of_wait=partial(output.say, WAITING)
        ) as service,
        anyio.create_task_group() as tasks,
    ):

        async def leave() -> None:
            output.say("Stopping: finishing what is in hand …")
            await service.stop()

        await tasks.start(heed_signals, stop, leave)
        run_ids, error = await _follow(service, steps(service), output, stop)
        # Read anew: a promotion also moved the items of the import before it.
        ended = [await service.status(run_id) for run_id in run_ids]
        promotions = await _promotions(service, ended)
        code = await _report(service, ended, promotions, output)
        if stop.signal is not None:
            output.suggest("Stopped; what was done is kept. To go on:", "resume")
        elif not output.json and error is None:
            await _suggest_next(service, ended, promotions, output)
        tasks.cancel_scope.cancel()
    if error is not None and not (stop.signal is not None and isinstance(error, DatabaseBusy)):
        raise error
    return code if stop.signal is None else 128 + stop.signal


async def run_silently(
    arguments: Arguments,
    application: Application,
    action: Callable[[MigrationService], Awaitable[T]],
) -> T:
    """One call to the service of an owned library, without a run."""
    tell = partial(Output(arguments).say, WAITING)
    async with application.service(
        arguments.library, arguments.workers, tell_of_wait=tell
    ) as service:
        return await action(service)


async def _follow(
    service: MigrationService, steps: Steps, output: Output, stop: Stop
) -> tuple[list[int | None], ReshelveError | None]:
    """Watch each run to its end; returns which there were, and the error that ended the last."""
    run_ids: list[int | None] = []
    try:
        async with aclosing(steps):
            async for begun in steps:
                if begun.run is None:
                    return [None], None
                run_ids.append(begun.run.id)
                error = await _watch(service, begun.run.id, output)
                if error is not None or stop.signal is not None:
                    return run_ids, error
    except DatabaseBusy as busy:  # the next run was not begun before somebody was in a hurry
        return run_ids, busy
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


async def _promotions(
    service: MigrationService, ended: list[RunStatus]
) -> dict[int, PromotionReport]:
    """What became of each id, by the ids of those runs that are promotions."""
    runs = [status.run for status in ended if status.run is not None]
    return {
        run.id: await service.promotion(run.id) for run in runs if run.kind is RunKind.PROMOTION
    }


async def _report(
    service: MigrationService,
    ended: list[RunStatus],
    promotions: dict[int, PromotionReport],
    output: Output,
) -> int:
    code: int = Exit.DONE
    for status in ended:
        if status.run is not None:
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


async def _suggest_next(
    service: MigrationService,
    ended: list[RunStatus],
    promotions: dict[int, PromotionReport],
    output: Output,
) -> None:
    """What can be done about what did not become active."""
    for status in ended:
        if status.run is not None and status.run.id not in promotions and status.counts.failed:
            output.suggest("To see what failed:", "items", "--state", "failed")
    steps = list(next_steps(list(promotions.values())))
    for sentence, words in steps:
        output.suggest(sentence, *words)
    if not steps and any(await service.pending(BEFORE_FIRST, 1)):
        output.suggest("Models wait for promotion:", "promote", "--all")
