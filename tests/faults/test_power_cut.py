"""A power cut at every moment: what was fsynced is there, of the rest any part, and it suffices."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random
from tempfile import mkdtemp

import pytest

from tests.faults.attempts import Attempt, kept, recover
from tests.faults.forkserver import ForkServer
from tests.faults.interposer import settings
from tests.faults.powercut import Call, Cut, Disk, Done, cuts, read_log
from tests.faults.scenarios import Scenario
from tests.faults.sweeping import Ground, Point, Total, spread, sweep, totalled, warm_ground

NAMES = ("migrate", "promote", "scan", "edit")
SUBSETS = 4
"""How many times chance decides what else a power cut leaves."""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with warm_ground(tmp_path_factory.mktemp("power cut")) as ground:
        yield ground


class Recorded:
    """An operation that was recorded from its beginning to its end."""

    def __init__(self, ground: Ground, scenario: Scenario) -> None:
        self.scenario = scenario
        folder = Path(mkdtemp(dir=ground.folder))
        self._log = folder / "log"
        stage = scenario.prepare(folder / "stage").resolve()
        self._before = folder / "before" / "stage"
        shutil.copytree(stage, self._before)
        ask = scenario.ask_client if scenario.client else scenario.ask
        with ground.server() as server:
            done = ask(server, stage, settings(stage, log=self._log))
        assert done.code == 0, done.err
        self._stage = stage
        self.moments = sum(1 for _ in self.cuts())

    def cuts(self) -> Iterator[Cut]:
        """Every moment, in order; a disk is what it is only until the next."""
        return cuts(self.disk_before(), read_log(self._log))

    def disk_before(self) -> Disk:
        """The disk before the first call."""
        return Disk(self._before, called=self._stage)

    def log(self) -> list[Done]:
        """Every call."""
        return list(read_log(self._log))

    def attack(self, moment: int, seed: int | None, server: ForkServer, folder: Path) -> Attempt:
        """Cut the power at a moment, start again, and compare."""
        cut = next(cut for number, cut in enumerate(self.cuts()) if number == moment)
        chance = None if seed is None else Random(f"{self.scenario.name} {moment} {seed}")
        wrong = self.start_after(cut, chance, server, folder)
        what = "only what was synced" if seed is None else f"subset {seed} of the rest"
        return Attempt(f"{self.scenario.name}: cut before call {cut.number}, {what}", True, wrong)

    def start_after(
        self, cut: Cut, chance: Random | None, server: ForkServer, folder: Path
    ) -> list[str]:
        """What is not as it must be when the library is started again; the folder is removed."""
        stage = folder / "stage"
        cut.disk.leave(stage, chance)
        wrong = kept(self.scenario, server, stage, cut.told)
        wrong = wrong or recover(self.scenario, server, stage, cut.told)
        shutil.rmtree(folder)
        return wrong


def points(recorded: Recorded, moments: int, seeds: tuple[int | None, ...]) -> list[Point]:
    return [
        partial(recorded.attack, moment - 1, seed)
        for moment in spread(recorded.moments, moments)
        for seed in seeds
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_power_cut_at_a_few_moments_loses_nothing_that_was_acknowledged(
    ground: Ground, name: str
) -> None:
    recorded = Recorded(ground, ground.scenarios[name])
    few = points(recorded, 4, (None, 1))
    assert sweep(f"{name}, a few power cuts", few, ground).divergences == []


@pytest.mark.parametrize("name", ["promote", "edit"])
@pytest.mark.parametrize("what", ["files", "folders"])
def test_a_program_that_would_not_sync_is_found_out(
    ground: Ground, tmp_path: Path, name: str, what: str
) -> None:
    recorded = Recorded(ground, ground.scenarios[name])
    log = [
        done
        for done in recorded.log()
        if done.call is not Call.SYNC or ("." in Path(done.path).name) is not (what == "files")
    ]
    *_, last = cuts(recorded.disk_before(), log)
    folder = tmp_path / "cut"
    folder.mkdir()
    with ground.server() as server:
        assert recorded.start_after(last, None, server, folder) != []


@pytest.fixture(scope="module")
def totals() -> Iterator[list[Total]]:
    """Every total of the long sweeps; their sum is told at the end."""
    with totalled() as found:
        yield found


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", NAMES)
def test_a_power_cut_at_every_moment_loses_nothing_that_was_acknowledged(
    ground: Ground, totals: list[Total], name: str
) -> None:
    recorded = Recorded(ground, ground.scenarios[name])
    safe = points(recorded, recorded.moments, (None,))
    totals.append(sweep(f"{name}: power cut, what was synced", safe, ground))
    subsets = points(recorded, recorded.moments, tuple(range(SUBSETS)))
    totals.append(sweep(f"{name}: power cut, and any of the rest", subsets, ground))
    assert totals[-1].divergences + totals[-2].divergences == []
