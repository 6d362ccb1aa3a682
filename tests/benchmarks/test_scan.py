"""Scans: many found files that nothing but their content tells apart, as LoRAs of one rank are."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import anyio
import pytest

from adapters.composition import Program
from engine.facts.files import Root
from tests.benchmarks.conftest import Figures
from tests.benchmarks.plain_promotion import make_files

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

FILES, FEW_FILES = 20_000, 4_000
FILE_BYTES = 64
ROUNDS = 3
RATE_TARGET = 5_000
GROWTH_TARGET = 1.2


Times = tuple[float, float]
"""Seconds, and seconds of the processor."""


def scan(library: Path, root: Root, files: int, backend: str) -> Times:
    """What a scan takes for each file that adds all files of a folder."""

    async def whole() -> Times:
        async with Program().service(library, 2) as service:
            began, used = time.perf_counter(), time.process_time()
            report = await service.scan([root])
            seconds, processor = time.perf_counter() - began, time.process_time() - used
        assert report.added == files
        return seconds / files, processor / files

    return anyio.run(whole, backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_files_of_one_size_are_found(tmp_path: Path, figures: Figures, backend: str) -> None:
    many = make_files(tmp_path / "many", FILES, FILE_BYTES)
    few = make_files(tmp_path / "few", FEW_FILES, FILE_BYTES)
    all_of_them: list[Times] = []
    some: list[Times] = []
    for number in range(ROUNDS):
        for times, root, files in ((some, few, FEW_FILES), (all_of_them, many, FILES)):
            library = tmp_path / f"library {number}"
            times.append(scan(library, root, files, backend))
            shutil.rmtree(library)
    # The least of each: whatever else a machine does only ever adds to a time.
    figures.at_least(
        f"{FILES:,} files of one size found and added, {backend}",
        1 / min(seconds for seconds, _ in all_of_them),
        RATE_TARGET,
        "{:,.0f}/s",
    )
    figures.at_most(
        f"... processor time of each, against {FEW_FILES:,} files",
        min(processor for _, processor in all_of_them) / min(processor for _, processor in some),
        GROWTH_TARGET,
    )
