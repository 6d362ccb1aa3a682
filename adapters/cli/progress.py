"""What a person sees while a run goes on: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

from adapters.cli.output import Output
from engine.facts.status import RunState, RunStatus, settled, whole

if TYPE_CHECKING:
    from engine.service import MigrationService

LINE_SECONDS = 3.0
"""Seconds between two lines where there is no terminal."""


class Pace:
    """Rates since the first look of this process, not since a run that was interrupted."""

    def __init__(self) -> None:
        self._first: tuple[float, RunStatus] | None = None

    def describe(self, status: RunStatus) -> str:
        """Images, bytes and time left, as far as they are known."""
        now = anyio.current_time()
        if self._first is None:
            self._first = (now, status)
        began, first = self._first
        seconds = max(now - began, 0.001)
        images = status.images.done - first.images.done
        read = _bytes(status) - _bytes(first)
        parts = [f"{status.images.done} images"]
        if seconds > 1:
            parts.append(f"{images / seconds:.1f}/s")
            parts.append(f"{read / seconds / 1e6:.1f} MB/s")
        if status.eta_seconds is not None:
            parts.append(f"{_duration(status.eta_seconds)} left")
        if status.waiting_for_database:
            parts.append("waiting for the database")
        return "  ".join(parts)


async def show_progress(service: MigrationService, output: Output) -> None:
    """Follow the events of a service until cancelled."""
    if output.quiet:
        return
    if output.progress.is_terminal:
        await _bars(service, output)
    else:
        await _lines(service, output)


async def _bars(service: MigrationService, output: Output) -> None:
    pace = Pace()
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        _Models(),
        TextColumn("{task.fields[pace]}", markup=False),
        console=output.progress,
        transient=True,
    ) as progress:
        task = progress.add_task("models", total=None, pace="")
        async for _, status in service.events():
            progress.update(
                task,
                total=whole(status) or None,
                completed=settled(status),
                pace=pace.describe(status),
            )


async def _lines(service: MigrationService, output: Output) -> None:
    pace = Pace()
    async for _, status in service.events():
        expected = whole(status)
        if expected and status.run is not None and status.run.status is RunState.RUNNING:
            output.say(f"{settled(status)}/{expected} models  {pace.describe(status)}")
        await anyio.sleep(LINE_SECONDS)


class _Models(ProgressColumn):
    """How many models are settled, of how many."""

    def render(self, task: Task) -> Text:
        """Both numbers, once the second is known."""
        total = "?" if task.total is None else f"{task.total:.0f}"
        return Text(f"{task.completed:.0f}/{total}")


def _bytes(status: RunStatus) -> int:
    return status.images.bytes_read + status.bytes_hashed.done


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 60}:{whole % 60:02}"
