"""A lock of another program is waited for, however long it lasts: nothing fails or is lost."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.faults.holding import EXCLUSIVE, held
from tests.faults.libraries import make_library
from tests.faults.states import DATABASE, State, differences, has_journal, state_of
from tests.http.libraries import slow_legacy
from tests.http.server import Server, serving
from tests.waiting_library import Legacy

OUT_WITHIN = 5.0
FACT_SECONDS = 60
WAITING = b"Waiting for the database: another program has locked it."

STRAND = "UPDATE migration_runs SET status = 'failed', finished_at = 1 WHERE status = 'interrupted'"
OPEN_WORK = """
SELECT count(*) FROM migration_items WHERE work IS NOT NULL AND state <> 'failed'
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="ends processes by signal")


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Legacy:
    return slow_legacy(tmp_path_factory.mktemp("slow") / "legacy")


@pytest.fixture(scope="module")
def whole(slow: Legacy, tmp_path_factory: pytest.TempPathFactory) -> State:
    """What a migration leaves that nothing held up."""
    library = tmp_path_factory.mktemp("whole") / "library"
    done = commands.run("migrate", slow.database, "--library", library, "--quiet")
    assert done.returncode == 0, done.stderr
    return state_of(library)


def until(reached: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    ends = time.monotonic() + FACT_SECONDS
    while not reached():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < ends
        time.sleep(0.01)


def status(library: Path) -> Any:
    return commands.document("status", "--library", library)


def has_work(library: Path) -> bool:
    """Whether a run has recorded something and is not through."""
    if not has_journal(library):
        return False
    with closing(sqlite3.connect(library / DATABASE)) as connection:
        (left,) = connection.execute(OPEN_WORK).fetchone()
    return bool(left)


@contextmanager
def migrating(legacy: Legacy, library: Path, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A migration that has work in hand."""
    process = commands.start(
        "migrate", legacy.database, "--library", library, "--workers", "1", *more
    )
    try:
        until(lambda: has_work(library), process)
        yield process
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_migration_waits_for_a_lock_says_so_and_goes_on(
    slow: Legacy, whole: State, tmp_path: Path, backend: str
) -> None:
    library = tmp_path / "library"
    with migrating(slow, library, "--backend", backend) as process:
        with held(library / DATABASE):
            assert process.stderr is not None
            while process.stderr.readline().strip() != WAITING:
                assert process.poll() is None
            told = status(library)
            assert (told["run"]["status"], told["waiting_for_database"]) == ("running", True)
        done = commands.finish(process)
    assert done.returncode == 0, done.stderr
    assert not status(library)["waiting_for_database"]
    assert differences(state_of(library), whole) == []


def test_a_person_who_asks_for_the_status_reads_what_is_waited_for(
    slow: Legacy, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    with migrating(slow, library) as process, held(library / DATABASE):
        until(lambda: status(library)["waiting_for_database"], process)
        assert WAITING in commands.run("status", "--library", library).stdout


@pytest.mark.long
def test_a_lock_that_lasts_longer_than_anybody_waits_strands_nothing(
    slow: Legacy, whole: State, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    with migrating(slow, library) as process:
        with held(library / DATABASE):
            time.sleep(45)  # the length is the fault
        done = commands.finish(process)
    assert done.returncode == 0, done.stderr
    assert differences(state_of(library), whole) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_signal_ends_a_migration_that_waits(
    slow: Legacy, whole: State, tmp_path: Path, number: signal.Signals, backend: str
) -> None:
    library = tmp_path / "library"
    with migrating(slow, library, "--backend", backend) as process, held(library / DATABASE):
        until(lambda: status(library)["waiting_for_database"], process)
        began = time.monotonic()
        os.kill(process.pid, number)
        done = commands.finish(process)
        assert time.monotonic() - began < OUT_WITHIN
        assert done.returncode == 128 + number, done.stderr
        left = status(library)
        assert (left["run"]["status"], left["run"]["resumable"]) == ("interrupted", True)
    resumed = commands.run("resume", "--library", library, "--quiet")
    assert resumed.returncode == 0, resumed.stderr
    assert differences(state_of(library), whole) == []


def test_a_signal_ends_a_command_that_waits_for_its_library_to_be_opened(
    slow: Legacy, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    make_library(tmp_path / "legacy", 3)
    done = commands.run(
        "migrate", tmp_path / "legacy" / "hikaze_mm.sqlite3", "--library", library, "--quiet"
    )
    assert done.returncode == 0, done.stderr
    with held(library / DATABASE, EXCLUSIVE):
        process = commands.start("migrate", slow.database, "--library", library)
        assert process.stderr is not None
        assert process.stderr.readline().strip() == WAITING
        began = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        assert commands.finish(process).returncode == 128 + signal.SIGINT
        assert time.monotonic() - began < OUT_WITHIN


@pytest.mark.parametrize(
    "command", [("status",), ("items",), ("pending",), ("verify",), ("resume",)]
)
def test_a_command_waits_for_a_database_that_nobody_may_read(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    library = tmp_path / "library"
    make_library(tmp_path / "legacy", 3)
    done = commands.run(
        "migrate", tmp_path / "legacy" / "hikaze_mm.sqlite3", "--library", library, "--quiet"
    )
    assert done.returncode == 0, done.stderr
    expected = commands.run(*command, "--library", library)
    with held(library / DATABASE, EXCLUSIVE):
        process = commands.start(*command, "--library", library)
        assert process.stderr is not None
        assert process.stderr.readline().strip() == WAITING
    done = commands.finish(process)
    assert (done.returncode, done.stdout) == (expected.returncode, expected.stdout)


def test_a_library_of_version_2_that_is_locked_while_it_is_taken_over_is_waited_for(
    tmp_path: Path,
) -> None:
    """In the journal mode of its own, where a reader holds a writer up."""
    library = tmp_path / "library"
    database = make_library(tmp_path / "legacy", 3)
    done = commands.run("migrate", database, "--library", library, "--quiet")
    assert done.returncode == 0, done.stderr
    expected = commands.run("items", "--library", library).stdout
    with closing(sqlite3.connect(library / DATABASE)) as connection:
        assert connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    with held(library / DATABASE, ("BEGIN", "SELECT count(*) FROM models")):
        process = commands.start("resume", "--library", library)
        assert process.stderr is not None
        assert process.stderr.readline().strip() == WAITING
    assert commands.finish(process).returncode == 0
    assert commands.run("items", "--library", library).stdout == expected


def strand(slow: Legacy, library: Path) -> None:
    """Leave what an earlier version left of a run that a lock had held up for 20 s."""
    with migrating(slow, library) as process:
        os.kill(process.pid, signal.SIGINT)
        assert commands.finish(process).returncode == 128 + signal.SIGINT
    with closing(sqlite3.connect(library / DATABASE)) as connection, connection:
        assert connection.execute(OPEN_WORK).fetchone() != (0,)
        assert connection.execute(STRAND).rowcount == 1


@pytest.mark.parametrize("again", ["resume", "migrate"])
def test_a_run_that_failed_with_work_left_is_found_again(
    slow: Legacy, whole: State, tmp_path: Path, again: str
) -> None:
    library = tmp_path / "library"
    strand(slow, library)
    left = status(library)["run"]
    assert (left["status"], left["resumable"]) == ("failed", True)
    words = (again, *([] if again == "resume" else [str(slow.database)]))
    done = commands.run(*words, "--library", library, "--quiet")
    assert done.returncode == 0, done.stderr
    assert differences(state_of(library), whole) == []


@pytest.fixture
def server(slow: Legacy, tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "library", "--allow-path", str(slow.database.parent)) as server:
        yield server


def test_over_http_a_run_waits_says_so_and_goes_on(
    server: Server, slow: Legacy, whole: State, tmp_path: Path
) -> None:
    body = {"legacy_db_path": str(slow.database), "legacy_images_dir": str(slow.images)}
    assert server.send("/api/migration/start", body).status == 202
    with held(tmp_path / "library" / DATABASE):
        told = server.wait_for(lambda found: found["waiting_for_database"])
        assert told["run"]["status"] == "running"
    assert server.wait_for_end()["run"]["status"] == "completed"
    assert not server.status()["waiting_for_database"]
    server.stop()
    assert differences(state_of(tmp_path / "library"), whole) == []


def test_over_http_a_run_that_waits_is_cancelled_within_five_seconds_and_goes_on_later(
    server: Server, slow: Legacy, whole: State, tmp_path: Path
) -> None:
    body = {"legacy_db_path": str(slow.database), "legacy_images_dir": str(slow.images)}
    assert server.send("/api/migration/start", body).status == 202
    with held(tmp_path / "library" / DATABASE):
        server.wait_for(lambda found: found["waiting_for_database"])
        began = time.monotonic()
        assert server.send("/api/migration/cancel").status == 202
        ended = server.wait_for(lambda found: found["run"]["status"] != "running")
        assert time.monotonic() - began < OUT_WITHIN
        assert (ended["run"]["status"], ended["run"]["resumable"]) == ("cancelled", True)
    assert server.send("/api/migration/resume").status == 202
    assert server.wait_for_end()["run"]["status"] == "completed"
    server.stop()
    assert differences(state_of(tmp_path / "library"), whole) == []
