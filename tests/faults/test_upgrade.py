"""Tables brought up to date under kills and errors are up to date afterwards, or untouched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.contract.frozen.places import FROZEN
from tests.contract.test_migrations import contents
from tests.faults.forkserver import Ended, ForkServer
from tests.faults.interposer import Fault, Tally, settings
from tests.faults.states import is_sound

PROGRAM = "tests.faults.upgrading"
OLD = FROZEN / "journal_1" / "library"
FEWEST = 5
"""Fewer durable calls than this are no upgrade."""


class Fork(NamedTuple):
    """A library as it was, as it becomes, and how many durable calls lie between."""

    server: ForkServer
    folder: Path
    before: object
    after: object

    def copy(self) -> Path:
        """The old library, once more."""
        library = self.folder / "library"
        shutil.rmtree(library, ignore_errors=True)
        shutil.copytree(OLD, library)
        return library

    def open(self, library: Path, fault: Fault | None = None) -> tuple[Ended, Tally]:
        """Have another process open a library."""
        tally = Tally(self.folder / "tally")
        armed = settings(library, fault, tally) if fault else {}
        return self.server.run(library, program=PROGRAM, settings=armed), tally


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fork]:
    folder = tmp_path_factory.mktemp("upgrade")
    with ForkServer(folder / "server") as server:
        fork = Fork(server, folder, None, None)
        library = fork.copy()
        before = contents(library)
        done, _ = fork.open(library)
        assert done.code == 0, done.err
        yield fork._replace(before=before, after=contents(library))


def test_an_upgrade_is_seen(fork: Fork) -> None:
    assert fork.before != fork.after


@pytest.mark.parametrize(
    "kind",
    [
        "kill",
        "ENOSPC",
        *(pytest.param(kind, marks=pytest.mark.long) for kind in ("tear", "short", "EIO")),
    ],
)
def test_an_upgrade_is_done_or_not_begun_at_whichever_call_it_is_struck(
    fork: Fork, kind: str
) -> None:
    _, tally = fork.open(fork.copy(), Fault(kind, 0))
    assert tally.calls > FEWEST
    wrong = []
    for at in range(1, tally.calls + 1):
        library = fork.copy()
        done, _ = fork.open(library, Fault(kind, at))
        found = contents(library)
        if found not in (fork.before, fork.after) or not is_sound(library):
            wrong.append(f"neither the one nor the other after {kind} at call {at}")
        if "Traceback" in done.err or done.hung:
            wrong.append(f"{kind} at call {at}: {done}")
        if done.code == 0 and found != fork.after:
            wrong.append(f"it said that it was done after {kind} at call {at}")
        again, _ = fork.open(library)
        if again.code != 0 or contents(library) != fork.after:
            wrong.append(f"not up to date when opened again after {kind} at call {at}: {again}")
    assert wrong == []
