"""Two processes that want one library at the same moment: one has it, the other is told at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from adapters.files.library import LOCK_SECONDS
from tests import commands
from tests.faults.sweeping import busy, tell
from tests.http.libraries import slow_legacy

IN_USE = 4
TOLD_WITHIN = 2.0
"""Seconds of its own time and of waiting for the lock, the start of the interpreter among them."""

SHARED = 5
"""How many times longer it may take on processors that others use, beyond what the load says."""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="kills processes by signal")


class Race(NamedTuple):
    """What became of the one who came second, and of the library after the first was killed."""

    codes: list[int | None]
    said: bytes
    seconds: float
    own_seconds: float
    next_code: int


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images so large that the winner still works when the loser has gone."""
    return slow_legacy(tmp_path_factory.mktemp("two") / "legacy").database


def race(database: Path, folder: Path) -> Race:
    """Two migrations started at once; the one that goes on is killed, and a third command comes."""
    library, models = folder / "library", folder / "models"
    models.mkdir(parents=True)
    began, before = time.monotonic(), children_seconds()
    both = [commands.start("migrate", database, "--library", library, "--quiet") for _ in range(2)]
    try:
        while all(process.poll() is None for process in both):
            time.sleep(0.002)
        seconds = time.monotonic() - began
        codes = [process.poll() for process in both]
        own_seconds = children_seconds() - before
    finally:
        said = b"".join(kill(process) for process in both)
    third = commands.run("scan", "--library", library, "--root", f"loras={models}", "--quiet")
    return Race(codes, said, seconds, own_seconds, third.returncode)


def kill(process: subprocess.Popen[bytes]) -> bytes:
    """Kill what still runs; what it said on standard error."""
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    return process.communicate(timeout=30)[1]


def children_seconds() -> float:
    """Processor time of all children that have ended."""
    used = os.times()
    return used.children_user + used.children_system


def races(database: Path, folder: Path, times: int) -> list[Race]:
    found = []
    for number in range(times):
        found.append(race(database, folder / str(number)))
        shutil.rmtree(folder / str(number))
    return found


def check(found: list[Race]) -> None:
    slowest = max(one.seconds for one in found)
    working = max(one.own_seconds for one in found)
    tell(
        f"two processes, {len(found)} times: the loser gone after {slowest:.2f} s at most, "
        f"{working:.2f} s of them its own, the rest waiting"
    )
    for one in found:
        assert sorted(one.codes, key=str) == [IN_USE, None]
        assert b"in use by another reshelve process" in one.said
        assert b"Traceback" not in one.said
        assert one.next_code == 0
        assert one.own_seconds + LOCK_SECONDS < TOLD_WITHIN
        assert one.seconds < TOLD_WITHIN * SHARED * busy()


def test_of_two_processes_one_has_the_library_and_its_lock_dies_with_it(
    database: Path, tmp_path: Path
) -> None:
    check(races(database, tmp_path, 3))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_of_two_processes_one_has_the_library_a_hundred_times(
    database: Path, tmp_path: Path
) -> None:
    check(races(database, tmp_path, 100))
