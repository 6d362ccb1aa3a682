"""A million rows: time is linear, and starting, status and resume do not take longer for it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import anyio
import pytest

from adapters.composition import Program
from adapters.sqlite.opening import database_path
from engine.facts.requests import ImportRequest
from engine.facts.status import RunState, RunStatus
from engine.service import MigrationService
from tests.benchmarks import plain_rows
from tests.benchmarks.conftest import Figures
from tests.benchmarks.large_library import make_rows
from tests.sources import request

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]

ROWS = 1_000_000
WORKERS = 2
SAMPLE_SECONDS = 0.1
HALVES_TARGET, HALVES_LIMIT = 1.0, 1.5
PLAIN_TARGET, PLAIN_LIMIT = 0.6, 0.3
MAX_SECONDS = 1.0

T = TypeVar("T")


class Moment(NamedTuple):
    """How many rows had become models at a time, in seconds and in seconds of the processor."""

    promoted: int
    seconds: float
    processor: float


@pytest.fixture(scope="module")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> ImportRequest:
    folder = tmp_path_factory.mktemp("legacy")
    make_rows(folder / "hikaze_mm.sqlite3", ROWS)
    return request(str(folder / "hikaze_mm.sqlite3"), str(folder / "images"))


async def timed(action: Callable[[], Awaitable[T]]) -> tuple[float, T]:
    began = time.perf_counter()
    found = await action()
    return time.perf_counter() - began, found


async def watched(
    service: MigrationService, legacy: ImportRequest, until: Callable[[RunStatus], bool]
) -> list[Moment]:
    """A run from its start until a fact holds of its status."""
    await service.start(legacy)
    moments: list[Moment] = []
    while True:
        status = await service.status()
        moments.append(Moment(status.counts.promoted, time.perf_counter(), time.process_time()))
        if until(status):
            return moments
        await anyio.sleep(SAMPLE_SECONDS)


def is_complete(status: RunStatus) -> bool:
    return status.run is not None and status.run.status is RunState.COMPLETED


def is_under_way(status: RunStatus) -> bool:
    return status.counts.promoted > ROWS // 10


def halves(moments: list[Moment]) -> tuple[plain_rows.Times, plain_rows.Times]:
    """What passed from the first rows to the half, and from there to the end."""
    first, end = next(moment for moment in moments if moment.promoted), moments[-1]
    middle = (first.promoted + ROWS) / 2
    half = next(moment for moment in moments if moment.promoted >= middle)
    return _between(first, half), _between(half, end)


def _between(one: Moment, other: Moment) -> plain_rows.Times:
    return other.seconds - one.seconds, other.processor - one.processor


def test_time_is_linear_and_a_large_library_answers_at_once(
    tmp_path: Path, legacy: ImportRequest, figures: Figures
) -> None:
    async def migrate() -> list[Moment]:
        async with Program().service(tmp_path / "library", WORKERS) as service:
            return await watched(service, legacy, is_complete)

    async def reopen() -> tuple[float, float]:
        async def enter() -> MigrationService:
            return await opened.__aenter__()

        opened = Program().service(tmp_path / "library", WORKERS)
        start, service = await timed(enter)
        status, _ = await timed(service.status)
        await opened.__aexit__(None, None, None)
        return start, status

    first, second = halves(anyio.run(migrate))
    start, status = anyio.run(reopen)
    plain_first, plain_second = plain_rows.copy(
        str(database_path(tmp_path / "library")), str(tmp_path / "plain.db")
    )
    figures.note(f"{ROWS:,} rows", f"{ROWS / (first[0] + second[0]):,.0f}/s")
    figures.at_least(
        "... a bare executemany of them into version 2's tables, against it, in processor time",
        (plain_first[1] + plain_second[1]) / (first[1] + second[1]),
        PLAIN_TARGET,
        limit=PLAIN_LIMIT,
    )
    (clock, processor), (plain_clock, plain_processor) = (
        (two[0] / one[0], two[1] / one[1])
        for one, two in ((first, second), (plain_first, plain_second))
    )
    figures.note(
        "... second half against the first, and of the bare executemany",
        f"{clock:.2f}, {plain_clock:.2f}",
    )
    figures.at_most("... ours against that", clock / plain_clock, HALVES_TARGET, limit=HALVES_LIMIT)
    figures.note("... in processor time", f"{processor:.2f}, {plain_processor:.2f}")
    figures.at_most("... a start on that library", start, MAX_SECONDS, "{:.3f} s")
    figures.at_most("... its status", status, MAX_SECONDS / 100, "{:.4f} s")


def test_a_large_run_resumes_at_once(
    tmp_path: Path, legacy: ImportRequest, figures: Figures
) -> None:
    async def interrupt() -> None:
        async with Program().service(tmp_path / "library", WORKERS) as service:
            await watched(service, legacy, is_under_way)

    async def resume() -> float:
        began = time.perf_counter()
        async with Program().service(tmp_path / "library", WORKERS) as service:
            resumed = await service.resume()
            seconds = time.perf_counter() - began
            assert resumed.run is not None
            assert resumed.run.status is RunState.RUNNING
        return seconds

    anyio.run(interrupt)
    seconds = anyio.run(resume)
    figures.at_most("start and resume of a run of a million rows", seconds, MAX_SECONDS, "{:.3f} s")
