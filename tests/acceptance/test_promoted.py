"""What a person is told of a promotion: by the command, and later by `status`, the same."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests import commands
from tests.acceptance.test_command_line import wait_until
from tests.acceptance.test_start_up import NEVER, TOOLS, imported
from tests.waiting_library import Legacy, Row, active, waiting

ROWS = [
    Row(1, b"same", hashed=True),
    Row(2, b"same", name="copy"),
    Row(3, b"new", name="new"),
    Row(4, b"lost", name="lost"),
]
NUMBER = re.compile(r"^  (?=.{18}  )(\w+) {3,}(\d+)  ", re.MULTILINE)
"""A name and a number, which end where their columns do."""
NAMES = ("success", "conflict", "ignored", "deleted", "failed", "open", "total")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Three models wait in it: a copy of an active one, a new one, and one whose file is gone."""
    legacy = Legacy(tmp_path / "legacy", ROWS)
    library = tmp_path / "library"
    assert commands.run("migrate", legacy.database, "--library", library).returncode == 0
    (legacy.models / "4.safetensors").unlink()
    return library


def numbers(said: bytes) -> dict[str, int]:
    """The numbers of a report by their names."""
    return {name: int(number) for name, number in NUMBER.findall(said.decode())}


def status(library: Path) -> bytes:
    return commands.run("status", "--library", library).stdout


def lines_of(said: bytes, *beginnings: str) -> list[str]:
    return [line for line in said.decode().splitlines() if line.startswith(beginnings)]


def test_the_status_tells_of_a_promotion_what_the_command_told(library: Path) -> None:
    done = commands.run("promote", "--all", "--library", library)
    found = {"success": 1, "conflict": 1, "ignored": 0, "deleted": 0, "failed": 1, "total": 3}
    assert (done.returncode, numbers(done.stdout)) == (3, found)
    assert (len(active(library)), len(waiting(library))) == (2, 2)
    later = status(library)
    assert numbers(later) == found
    named = ("Run", "  conflict  ", "            has", "  failed    ")
    assert len(lines_of(later, *named)) == 6
    assert lines_of(later, *named) == lines_of(done.stdout, *named)


def test_an_id_that_nobody_has_is_told_of_later_too(library: Path) -> None:
    done = commands.run("promote", "77", "--library", library)
    assert done.returncode == 3
    for said in (done.stdout, status(library)):
        assert b"Run 2 is complete, with failures." in said
        assert (numbers(said)["failed"], numbers(said)["total"]) == (1, 1)
        assert b"No model with id 77 waits for promotion." in said


def test_the_status_suggests_what_can_be_done_about_what_did_not_become_active(
    library: Path,
) -> None:
    commands.run("promote", "--all", "--library", library)
    said = status(library).decode()
    assert f"promote 2 --on-conflict merge --library {library}" in said
    assert f"promote 4 --library {library}" in said
    commands.run("promote", "2", "--on-conflict", "merge", "--library", library)
    said = status(library).decode()
    assert numbers(said.encode())["success"] == 1
    assert "reshelve promote" not in said


def test_of_many_that_failed_the_status_names_some(tmp_path: Path) -> None:
    legacy = Legacy(tmp_path / "legacy", [Row(key, b"%d" % key) for key in range(1, 31)])
    library = tmp_path / "library"
    commands.run("migrate", legacy.database, "--library", library)
    for path in legacy.models.iterdir():
        path.unlink()
    commands.run("promote", "--all", "--library", library)
    said = status(library)
    assert numbers(said)["failed"] == 30
    assert len(lines_of(said, "  failed    ")) - 1 == 10
    assert b"and 20 more" in said


@pytest.fixture
def stopped(tmp_path: Path) -> tuple[bytes, Path]:
    """What a promotion said that was interrupted while it read a large file, and its library."""
    legacy = Legacy(tmp_path / "legacy", [Row(1, b"one"), Row(2, b"two")])
    library = tmp_path / "library"
    commands.run("migrate", legacy.database, "--library", library)
    for path in legacy.models.iterdir():
        with path.open("r+b") as file:
            file.truncate(16 << 30)
    process = commands.start("promote", "--all", "--library", library, "--workers", "1")
    wait_until(lambda: commands.document("status", "--library", library)["run"]["id"] == 2)
    os.kill(process.pid, signal.SIGINT)
    return commands.finish(process).stdout, library


@pytest.mark.skipif(os.name == "nt", reason="a signal there ends a process at once")
def test_what_an_interrupted_promotion_left_open_is_no_failure(
    stopped: tuple[bytes, Path],
) -> None:
    for said in (stopped[0], status(stopped[1])):
        assert b"was interrupted" in said
        assert numbers(said) == {**dict.fromkeys(NAMES, 0), "open": 2, "total": 2}
        assert lines_of(said, "  failed    ")[1:] == []


def test_the_status_of_a_promotion_imports_no_more(library: Path) -> None:
    commands.run("promote", "--all", "--library", library)
    assert imported("status", "--library", library) & (NEVER | TOOLS) == set()
