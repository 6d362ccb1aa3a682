"""The event loop: how long anything keeps it from others, while images and rows are migrated."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from adapters.composition import Program
from engine.facts.status import RunState
from tests.benchmarks.conftest import Figures
from tests.benchmarks.large_library import make_rows
from tests.benchmarks.pictures import pictures
from tests.benchmarks.test_pipeline import make_library
from tests.sources import request

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

WORKERS = 2
ROWS = 50_000
TICK_SECONDS = 0.001
MAX_SECONDS = 0.010


def make_images(folder: Path) -> Path:
    return make_library(folder, [picture.data for picture in pictures()])


def make_plain_rows(folder: Path) -> Path:
    folder.mkdir()
    make_rows(folder / "hikaze_mm.sqlite3", ROWS)
    return folder / "hikaze_mm.sqlite3"


async def delays(database: Path, library: Path) -> list[float]:
    """How much later than asked for a task went on, at every tick of a migration, ascending."""
    found: list[float] = []

    async def tick() -> None:
        while True:
            due = time.perf_counter() + TICK_SECONDS
            await anyio.sleep(TICK_SECONDS)
            found.append(time.perf_counter() - due)

    async with Program().service(library, WORKERS) as service:
        async with anyio.create_task_group() as tasks:
            started = await service.start(request(str(database), str(database.parent / "images")))
            tasks.start_soon(tick)
            assert started.run is not None
            ended = await service.wait(started.run.id)
            tasks.cancel_scope.cancel()
        assert ended.run is not None
        assert ended.run.status is RunState.COMPLETED
    return sorted(found)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize(("what", "make"), [("images", make_images), ("rows", make_plain_rows)])
def test_the_event_loop_is_not_kept_from_others(
    tmp_path: Path, figures: Figures, backend: str, what: str, make: Callable[[Path], Path]
) -> None:
    found = anyio.run(delays, make(tmp_path / "legacy"), tmp_path / "library", backend=backend)
    figures.note(
        f"longest delay of the event loop, {what}, {backend}", f"{found[-1] * 1000:.1f} ms"
    )
    usual = found[int(len(found) * 0.99)]
    figures.at_most(
        f"... in 99 of 100 ticks of {TICK_SECONDS * 1000:.0f} ms",
        usual * 1000,
        MAX_SECONDS * 1000,
        "{:.1f} ms",
    )
