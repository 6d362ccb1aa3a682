"""Promotion: many small models that wait, against version 2's plain way of promoting them."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import anyio
import pytest

from adapters.composition import Program
from engine.facts.files import Root
from tests.benchmarks.conftest import Figures
from tests.benchmarks.plain_promotion import make_files, make_waiting, promote_plainly

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

MODELS = 5_000
PLAIN_MODELS = 1_000
"""The plain way takes as long for each model, however many there are."""

ROUNDS = 3
WORKERS = 2
RATE_TARGET, RATE_LIMIT = 1_000, 500
TIMES_TARGET, TIMES_LIMIT = 5, 2
PROCESSOR_TARGET, PROCESSOR_LIMIT = 0.7, 1.5


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    return make_files(tmp_path_factory.mktemp("models") / "loras", MODELS)


def promote(library: Path, ids: list[int], backend: str) -> tuple[float, float]:
    """Seconds, and seconds of the processor, that a promotion takes."""

    async def whole() -> tuple[float, float]:
        async with Program().service(library, WORKERS) as service:
            began, used = time.perf_counter(), time.process_time()
            report = await service.promote(ids, None)
            seconds = time.perf_counter() - began, time.process_time() - used
        assert report.success == ids
        return seconds

    return anyio.run(whole, backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_small_models_are_promoted(
    tmp_path: Path, root: Root, figures: Figures, backend: str
) -> None:
    ours, used, theirs = [], [], []
    for number in range(ROUNDS):
        library, plain = tmp_path / f"ours {number}", tmp_path / f"plain {number}"
        seconds, processor = promote(library, make_waiting(library, root), backend)
        ours.append(seconds / MODELS)
        used.append(processor / MODELS)
        ids = make_waiting(plain, root)[:PLAIN_MODELS]
        began = time.perf_counter()
        promote_plainly(plain, ids)
        theirs.append((time.perf_counter() - began) / PLAIN_MODELS)
        shutil.rmtree(library)
        shutil.rmtree(plain)
    # The least of each: whatever else a machine does only ever adds to a time.
    figures.at_least(
        f"{MODELS:,} small models promoted, {backend}",
        1 / min(ours),
        RATE_TARGET,
        "{:,.0f}/s",
        RATE_LIMIT,
    )
    figures.at_least(
        "... times as fast as version 2's plain way",
        min(theirs) / min(ours),
        TIMES_TARGET,
        "{:.1f}",
        TIMES_LIMIT,
    )
    figures.at_most(
        "... processor time of each",
        min(used) * 1000,
        PROCESSOR_TARGET,
        "{:.2f} ms",
        PROCESSOR_LIMIT,
    )
