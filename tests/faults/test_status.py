"""What others see of a run while it goes on, and after its process was killed: it adds up."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import msgspec
import pytest

from adapters.sqlite.opening import DATABASE_NAME
from adapters.sqlite.store import sqlite_reader
from engine.errors import LibraryMissing
from engine.facts.status import RunStatus
from engine.ports.queries import StatusOf
from tests import commands
from tests.faults.libraries import make_library

STATES = ("pending", "imported", "images_done", "promoted", "failed")
PLAIN_ROWS = 4000
"""Rows without images, so that rows are recorded in more than one chunk."""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    database = make_library(tmp_path_factory.mktemp("status") / "legacy", 24)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany(
            "INSERT INTO models (path, type, hash_hex, created_at) VALUES (?, 'loras', ?, 0)",
            ((f"/nowhere/{number}", f"{number:064x}") for number in range(PLAIN_ROWS)),
        )
    return database


class Watched(NamedTuple):
    """Every status that was seen from outside while a run went on, in order, and the run's end."""

    by_reader: list[dict[str, Any]]
    by_command: list[dict[str, Any]]
    returncode: int


@pytest.fixture(scope="module")
def watched(
    database: Path, tmp_path_factory: pytest.TempPathFactory, anyio_backend: str
) -> Watched:
    library = tmp_path_factory.mktemp(anyio_backend) / "library"
    options = ("--library", library, "--quiet", "--workers", "1", "--backend", anyio_backend)
    process = commands.start("migrate", database, *options)
    by_reader: list[dict[str, Any]] = []
    by_command: list[dict[str, Any]] = []

    async def watch_through_the_reader() -> None:
        while process.poll() is None:
            if not (library / DATABASE_NAME).exists():
                await anyio.sleep(0.002)
                continue
            try:
                async with sqlite_reader(library) as reader:
                    while process.poll() is None:
                        by_reader.append(msgspec.to_builtins(await reader.ask(StatusOf())))
                        await anyio.sleep(0.002)
            except LibraryMissing:
                await anyio.sleep(0.002)  # it is being made

    async def watch_through_the_command() -> None:
        while process.poll() is None:
            status = ("status", "--library", library, "--json", "--quiet")
            said = await anyio.to_thread.run_sync(commands.run, *status)
            if said.returncode == 0:
                by_command.append(json.loads(said.stdout))

    async def watch() -> None:
        with anyio.fail_after(120):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(watch_through_the_reader)
                tasks.start_soon(watch_through_the_command)

    try:
        anyio.run(watch, backend=anyio_backend)
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        commands.finish(process)
    return Watched(by_reader, by_command, process.returncode)


def every(watched: Watched) -> list[list[dict[str, Any]]]:
    return [watched.by_reader, watched.by_command]


def test_the_run_that_is_watched_ends_well(watched: Watched) -> None:
    assert watched.returncode == 0


def test_the_run_is_seen_while_it_goes_on(watched: Watched) -> None:
    for seen in every(watched):
        running = [s for s in seen if s["run"] is not None and s["run"]["status"] == "running"]
        assert any(status["counts"]["promoted"] > 0 for status in running)


def test_the_total_is_the_sum_of_the_five_states_in_every_answer(watched: Watched) -> None:
    for seen in every(watched):
        for status in seen:
            counts = status["counts"]
            assert counts["total"] == sum(counts[state] for state in STATES)


def test_the_total_never_shrinks(watched: Watched) -> None:
    for seen in every(watched):
        totals = [status["counts"]["total"] for status in seen]
        assert totals == sorted(totals)


def test_what_is_promoted_never_becomes_less(watched: Watched) -> None:
    for seen in every(watched):
        promoted = [status["counts"]["promoted"] for status in seen]
        assert promoted == sorted(promoted)


def test_the_total_is_never_more_than_the_source_has(watched: Watched) -> None:
    most = max(status["counts"]["total"] for seen in every(watched) for status in seen)
    assert most == 24 + PLAIN_ROWS


# --- after a kill


class Killed(NamedTuple):
    """A library whose owner was killed in the midst of a run."""

    library: Path
    status: dict[str, Any]


@pytest.fixture(scope="module")
def killed(database: Path, tmp_path_factory: pytest.TempPathFactory) -> Killed:
    library = tmp_path_factory.mktemp("killed") / "library"
    process = commands.start("migrate", database, "--library", library, "--workers", "1")
    try:
        wait_for_previews(library, process)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)
    return Killed(library, commands.document("status", "--library", library))


def wait_for_previews(library: Path, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + 60
    while len(list((library / "images").glob("*_low.webp"))) < 3:
        assert process.poll() is None
        assert time.monotonic() < limit
        time.sleep(0.002)


def test_a_run_whose_process_was_killed_is_interrupted_and_can_be_resumed(killed: Killed) -> None:
    run = killed.status["run"]
    assert (run["status"], run["resumable"]) == ("interrupted", True)


def test_the_total_is_the_sum_of_the_five_states_after_a_kill(killed: Killed) -> None:
    counts = killed.status["counts"]
    assert counts["total"] == sum(counts[state] for state in STATES) > 0


def test_the_counts_are_those_of_the_items_after_a_kill(killed: Killed) -> None:
    items = commands.document("items", "--library", killed.library)["items"]
    found = {state: sum(item["state"] == state for item in items) for state in STATES}
    assert {state: killed.status["counts"][state] for state in STATES} == found


def test_a_person_is_told_how_to_go_on_after_a_kill(killed: Killed) -> None:
    said = commands.run("status", "--library", killed.library).stdout
    assert b"interrupted" in said
    assert b"reshelve resume" in said


def test_looking_at_a_killed_run_leaves_it_as_it_is(killed: Killed) -> None:
    before = commands.rows(killed.library), commands.files(killed.library)
    commands.document("status", "--library", killed.library)
    assert (commands.rows(killed.library), commands.files(killed.library)) == before


def test_a_status_without_a_run_adds_up(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    library = tmp_path / "library"
    root = f"loras={tmp_path / 'models'}"
    commands.run("scan", "--library", library, "--root", root)
    found = msgspec.convert(commands.document("status", "--library", library), RunStatus)
    assert (found.run, found.counts.total) == (None, 0)


@pytest.mark.anyio
async def test_looking_for_a_library_that_is_not_there_leaves_nothing_behind(
    tmp_path: Path, anyio_backend: str
) -> None:
    # A thread that outlives its event loop fails, which pytest tells of as this test's failure.
    assert anyio_backend
    for _ in range(100):  # it is a race: one in thirty was lost
        with pytest.raises(LibraryMissing):
            async with sqlite_reader(tmp_path):
                pass
