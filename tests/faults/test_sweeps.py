"""Kills and errors at every durable call of every operation, and of the recovery after a kill."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.faults.attempts import attempt, attempt_twice
from tests.faults.interposer import ERRORS, Fault, Tally, settings
from tests.faults.sweeping import (
    Ground,
    Point,
    Total,
    calls,
    spread,
    sweep,
    totalled,
    warm_ground,
)

NAMES = ("migrate", "promote", "scan", "edit", "repair")

WAYS = [
    *((error, lasting) for error in ERRORS for lasting in (False, True)),
    ("kill", False),
    ("tear", False),
    ("short", False),
    ("short", True),
]
"""What fails, and whether it goes on failing."""

EVERY = sys.maxsize

RECOVERIES = 4
"""After so many kills of an operation, its recovery is killed at every call."""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with warm_ground(tmp_path_factory.mktemp("sweeps")) as ground:
        yield ground


def points(ground: Ground, name: str, kind: str, lasting: bool, wanted: int) -> list[Point]:
    scenario = ground.scenarios[name]
    total = calls(ground, scenario, kind, resumes_after=None)
    return [partial(attempt, scenario, Fault(kind, at, lasting)) for at in spread(total, wanted)]


def recovery_points(ground: Ground, name: str, kills: int, wanted: int) -> list[Point]:
    scenario = ground.scenarios[name]
    found: list[Point] = []
    for at in spread(calls(ground, scenario, "kill", resumes_after=None) - 1, kills):
        first = Fault("kill", at)
        total = calls(ground, scenario, "kill", resumes_after=first)
        found += [
            partial(attempt_twice, scenario, first, Fault("kill", second))
            for second in spread(total, wanted)
        ]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_at_a_few_calls_changes_nothing_that_was_acknowledged(
    ground: Ground, name: str
) -> None:
    ways = random.Random(name).sample(WAYS, 5)
    few = [point for way in ways for point in points(ground, name, *way, wanted=2)]
    few += points(ground, name, "kill", lasting=False, wanted=3)
    total = sweep(f"{name}, a few", few, ground)
    assert total.divergences == []
    assert total.struck > total.tried // 2


@pytest.mark.parametrize("name", NAMES)
def test_a_kill_at_a_few_calls_of_a_recovery_changes_nothing_that_was_acknowledged(
    ground: Ground, name: str
) -> None:
    few = recovery_points(ground, name, kills=2, wanted=2)
    assert sweep(f"{name}, a few recoveries", few, ground).divergences == []


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("command", ["status", "verify", "pending"])
def test_a_library_that_cannot_be_opened_is_not_taken_for_none(
    ground: Ground, tmp_path: Path, command: str, error: str
) -> None:
    stage = ground.scenarios["promote"].prepare(tmp_path / "stage")
    tally = Tally(tmp_path / "tally")
    armed = settings(stage, Fault(error, 1, lasting=True), tally)
    with ground.server() as server:
        done = server.run(command, "--library", stage / "library", "--quiet", settings=armed)
    assert "There is no library" not in done.err
    assert "Traceback" not in done.err
    assert tally.struck
    assert done.code in (0, 6)


@pytest.fixture(scope="module")
def totals() -> Iterator[list[Total]]:
    """Every total of the long sweeps; their sum is told at the end."""
    with totalled() as found:
        yield found


def test_a_refused_commit_that_the_next_start_finds_whole_tells_of_no_file_that_is_gone(
    ground: Ground,
) -> None:
    """Each sync of an upload in turn is the last thing that the disk refuses, and all after it."""
    scenario = ground.scenarios["edit"]
    few = [partial(attempt, scenario, Fault("EDQUOT", at, lasting=True)) for at in range(40, 52)]
    assert sweep("edit, refused commits", few, ground).divergences == []


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("kind", "lasting"), WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_a_fault_at_every_call_changes_nothing_that_was_acknowledged(
    ground: Ground, totals: list[Total], name: str, kind: str, lasting: bool
) -> None:
    every = points(ground, name, kind, lasting, wanted=EVERY)
    what = f"{name}: {kind}{', and from then on' if lasting else ''}"
    totals.append(sweep(what, every, ground))
    assert totals[-1].divergences == []


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", NAMES)
def test_a_kill_at_every_call_of_a_recovery_changes_nothing_that_was_acknowledged(
    ground: Ground, totals: list[Total], name: str
) -> None:
    every = recovery_points(ground, name, RECOVERIES, wanted=EVERY)
    totals.append(sweep(f"{name}: kill, and kill of resume", every, ground))
    assert totals[-1].divergences == []
