"""Promotion: many small models that wait, against version 2's plain way of promoting them, and
larger ones against the hashing of their files alone."""

from __future__ import annotations

import resource
import shutil
import subprocess
import time
from pathlib import Path

import anyio
import pytest

from adapters.composition import Program
from engine.facts.files import Root
from tests import commands
from tests.benchmarks.conftest import Figures
from tests.benchmarks.plain_promotion import make_files, make_waiting, promote_plainly
from tests.waiting_library import active

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

MODELS = 5_000
PLAIN_MODELS = 1_000
"""The plain way takes as long for each model, however many there are."""

ROUNDS = 3
WORKERS = 2
RATE_TARGET, RATE_LIMIT = 1_000, 500
TIMES_TARGET, TIMES_LIMIT = 5, 2
PROCESSOR_TARGET = 0.7
KILLED_TARGET, KILLED_LIMIT = 1.2, 1.5
MANY = 20_000
GROWTH_TARGET = 1.3
LARGER, LARGER_BYTES = 1_000, 1 << 20
HASHING_ROUNDS = 7
HASHING_TARGET, HASHING_LIMIT = 0.9, 0.3
HASHING_PROCESSOR_LIMIT = 0.7


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
    )


def test_each_of_many_models_takes_as_long(tmp_path: Path, root: Root, figures: Figures) -> None:
    """In processor time, whoever else uses the machine."""
    many = make_files(tmp_path / "many", MANY)
    each: dict[int, list[float]] = {MODELS: [], MANY: []}
    for number in range(ROUNDS):
        for models, files in ((MODELS, root), (MANY, many)):
            library = tmp_path / f"{models} {number}"
            _, processor = promote(library, make_waiting(library, files), "asyncio")
            each[models].append(processor / models)
            shutil.rmtree(library)
    figures.at_most(
        f"processor time of each of {MANY:,} small models, against {MODELS:,}",
        min(each[MANY]) / min(each[MODELS]),
        GROWTH_TARGET,
    )


def own(library: Path) -> None:
    """Make the tables of the journal beside those of version 2."""

    async def whole() -> None:
        async with Program().service(library, WORKERS):
            pass

    anyio.run(whole)


def resume(library: Path) -> float:
    """Seconds that a promotion takes to its end."""

    async def whole() -> float:
        async with Program().service(library, WORKERS) as service:
            began = time.perf_counter()
            status = await service.resume()
            assert status.run is not None
            ended = await service.wait(status.run.id)
            seconds = time.perf_counter() - began
        assert ended.counts.failed == 0
        return seconds

    return anyio.run(whole)


def test_a_promotion_that_was_killed_goes_on_as_fast(
    tmp_path: Path, root: Root, figures: Figures
) -> None:
    """All that was in hand in the crash is worked on in processes of its own, beside the rest."""
    whole, rest = [], []
    for number in range(ROUNDS):
        library, killed = tmp_path / f"whole {number}", tmp_path / f"killed {number}"
        ids = make_waiting(library, root)
        whole.append(promote(library, ids, "asyncio")[0] / len(ids))
        make_waiting(killed, root)
        own(killed)
        words = ("promote", "--all", "--workers", str(WORKERS), "--library", killed)
        assert commands.kill_with_work_in_hand(killed, *words) > 0
        left = len(ids) - len(active(killed))
        rest.append(resume(killed) / left)
        shutil.rmtree(library)
        shutil.rmtree(killed)
    figures.at_most(
        "seconds of each model of a promotion that was killed, against one that was not",
        min(rest) / min(whole),
        KILLED_TARGET,
        limit=KILLED_LIMIT,
    )


def openssl(paths: list[Path]) -> tuple[float, float]:
    """Seconds, and seconds of the processor, that one command takes for all files."""
    began, used = time.perf_counter(), children_seconds()
    command = ["openssl", "dgst", "-sha256", *map(str, paths)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began, children_seconds() - used


def children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_files_of_a_mebibyte_are_promoted_as_they_are_hashed(
    tmp_path: Path, figures: Figures, backend: str
) -> None:
    larger = make_files(tmp_path / "larger", LARGER, LARGER_BYTES)
    paths = sorted(Path(larger.folder).iterdir())
    openssl(paths)  # brings the files into the page cache, if they are not there
    ours, theirs = [], []
    for number in range(HASHING_ROUNDS):
        library = tmp_path / f"library {number}"
        theirs.append(openssl(paths))
        ours.append(promote(library, make_waiting(library, larger), backend))
        shutil.rmtree(library)
    (seconds, processor), (their_seconds, their_processor) = (
        [min(column) for column in zip(*rounds, strict=True)] for rounds in (ours, theirs)
    )
    figures.at_least(
        f"{LARGER:,} models of 1 MiB promoted, against `openssl dgst -sha256 FILE …`, {backend}",
        their_seconds / seconds,
        HASHING_TARGET,
        limit=HASHING_LIMIT,
    )
    figures.at_least(
        "... in processor time, of all threads",
        their_processor / processor,
        HASHING_TARGET,
        limit=HASHING_PROCESSOR_LIMIT,
    )
