"""Small models that share their commits: killed with all of them in hand, none is lost or done
twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.faults.forkserver import ForkServer, fork_servers
from tests.faults.interposer import settings
from tests.faults.scenarios import verify
from tests.faults.states import State, differences, state_of
from tests.waiting_library import Legacy, Row, query

MODELS = 40
POISONED = MODELS - 5
VENOM = "venom"
KILLED = -9
SOME_FAILED = 3
OPTIONS = ("--on-conflict", "merge", "--workers", "2", "--quiet")
FAILED = "SELECT source_key, error_code FROM migration_items WHERE state = 'failed'"
PROMOTED = "SELECT count(*) FROM migration_items WHERE state = 'promoted'"
IN_HAND = "SELECT count(*) FROM migration_items WHERE in_hand"


class Batch(NamedTuple):
    """A library of small models that wait, and what their promotion leaves when nothing goes
    wrong."""

    legacy: Legacy
    promoted: State


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    with fork_servers(tmp_path_factory.mktemp("server"), 1) as servers:
        yield servers[0]


@pytest.fixture(scope="module")
def batch(server: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    folder = tmp_path_factory.mktemp("batch")
    # Every content twice: the second of each is joined with the first.
    rows = [
        Row(
            key,
            b"content %d" % (key % (MODELS // 2)),
            file=f"{key} {VENOM}.safetensors" if key == POISONED else "",
            tags=(f"tag {key % 3}",),
        )
        for key in range(1, MODELS + 1)
    ]
    legacy = Legacy(folder / "legacy", rows)
    library = waiting_library(server, legacy, folder / "library")
    assert server.run("promote", "--all", "--library", library, *OPTIONS).code == 0
    return Batch(legacy, state_of(library))


def waiting_library(server: ForkServer, legacy: Legacy, library: Path) -> Path:
    done = server.run("migrate", legacy.database, "--library", library, "--quiet")
    assert done.code == 0, done.err
    return library


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_kill_with_a_whole_batch_in_hand_changes_nothing(
    server: ForkServer, batch: Batch, tmp_path: Path, backend: str
) -> None:
    library = waiting_library(server, batch.legacy, tmp_path / "library")
    options = ("--library", str(library), "--backend", backend, *OPTIONS)
    armed = settings(library, poison=VENOM)
    assert server.run("promote", "--all", *options, settings=armed).code == KILLED
    assert query(library, IN_HAND) == [(MODELS,)]
    done = server.run("resume", "--library", str(library), "--backend", backend, "--quiet")
    assert done.code == 0, done.err
    assert differences(state_of(library), batch.promoted) == []
    assert verify(server, library) == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_of_a_batch_that_a_file_has_killed_that_file_alone_is_blamed(
    server: ForkServer, batch: Batch, tmp_path: Path, backend: str
) -> None:
    library = waiting_library(server, batch.legacy, tmp_path / "library")
    options = ("--library", str(library), "--backend", backend, "--quiet")
    armed = settings(library, poison=VENOM)
    strategy = ("--on-conflict", "merge", "--workers", "2")
    killed = server.run("promote", "--all", *options, *strategy, settings=armed)
    assert (killed.code, query(library, IN_HAND)) == (KILLED, [(MODELS,)])
    assert server.run("resume", *options, settings=armed).code == SOME_FAILED
    assert query(library, FAILED) == [(str(POISONED), "killed_its_process")]
    assert query(library, PROMOTED) == [(MODELS - 1,)]
    assert verify(server, library) == []
