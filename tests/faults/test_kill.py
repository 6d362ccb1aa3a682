"""A migration that is killed at any moment, and resumed, ends as if nothing had happened."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import commands
from tests.faults.libraries import make_library
from tests.faults.states import has_journal

COMBINATIONS = [(backend, workers) for backend in ("asyncio", "trio") for workers in (1, 4)]


class Uninterrupted(NamedTuple):
    """A migration from beginning to end: what it left, and how long it took."""

    database: Path
    rows: dict[str, list[tuple[Any, ...]]]
    files: dict[str, bytes]
    seconds: float


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Uninterrupted:
    folder = tmp_path_factory.mktemp("kill")
    database = make_library(folder / "legacy", 40)
    began = time.monotonic()
    done = commands.run("migrate", database, "--library", folder / "library", "--quiet")
    assert done.returncode == 0, done.stderr
    seconds = time.monotonic() - began
    library = folder / "library"
    return Uninterrupted(database, commands.rows(library), commands.files(library), seconds)


def kill_after(process: Any, seconds: float) -> bool:
    """Kill a command after a while; False when it had ended before."""
    time.sleep(seconds)  # the moment is the fault: it is drawn, not waited for
    alive = process.poll() is None
    if alive:
        os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    return alive


def migrate_under_kills(
    whole: Uninterrupted, library: Path, backend: str, workers: int, moments: list[float]
) -> int:
    """Migrate, killed at each moment, then to the end; returns how many kills struck."""
    options = ("--library", library, "--quiet", "--backend", backend, "--workers", str(workers))
    kills = 0
    for moment in moments:
        # The same command again: a run that is unfinished is gone on with.
        process = commands.start("migrate", whole.database, *options)
        kills += kill_after(process, moment * whole.seconds)
    if commands.run("resume", *options).returncode == 5:
        # Killed before there was a library: nothing was acknowledged, and nothing resumes.
        assert not has_journal(library)
    done = commands.run("migrate", whole.database, *options)
    assert done.returncode == 0, done.stderr
    return kills


def compare(whole: Uninterrupted, library: Path) -> None:
    found = commands.rows(library)
    for table, expected in whole.rows.items():
        if table != "counts":
            assert found[table] == expected, table
    counts, wanted = dict(found["counts"]), dict(whole.rows["counts"])
    assert {k: v for k, v in counts.items() if v} == {k: v for k, v in wanted.items() if v}
    assert commands.files(library) == whole.files
    assert not list(library.glob("**/.reshelve-*.tmp"))


def sweep(
    whole: Uninterrupted, folder: Path, backend: str, workers: int, times: int, seed: int
) -> None:
    chance = random.Random(f"{backend} {workers} {seed}")
    kills = 0
    for number in range(times):
        library = folder / f"library {number}"
        moments = [chance.uniform(0.15, 1) for _ in range((1, 6)[number % 2])]
        kills += migrate_under_kills(whole, library, backend, workers, moments)
        compare(whole, library)
        shutil.rmtree(library)
    print(f"{backend}, {workers} workers: {kills} kills in {times} runs, 0 divergences")  # noqa: T201


@pytest.mark.parametrize(("backend", "workers"), COMBINATIONS)
def test_a_migration_that_is_killed_and_resumed_ends_as_if_it_had_not_been(
    uninterrupted: Uninterrupted, tmp_path: Path, backend: str, workers: int
) -> None:
    sweep(uninterrupted, tmp_path, backend, workers, times=2, seed=1)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("backend", "workers"), COMBINATIONS)
def test_a_migration_that_is_killed_at_sixty_moments_ends_as_if_it_had_not_been(
    uninterrupted: Uninterrupted, tmp_path: Path, backend: str, workers: int
) -> None:
    sweep(uninterrupted, tmp_path, backend, workers, times=60, seed=2)
