"""Every command that is suggested can be pasted as it is printed, and does what is said of it."""

from __future__ import annotations

import os
import re
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from adapters.files.library import owned_library
from tests import commands
from tests.faults.libraries import make_library
from tests.waiting_library import Legacy, Row

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the shell's words are those of POSIX")

SUGGESTED = re.compile(r"  (reshelve(?: .*)?)$", re.MULTILINE)
NAMES = ["library", "it's my $HOME `x` é 鍵 \U0001f5bc", "-library", "a;b & c"]


def suggested(done: subprocess.CompletedProcess[bytes]) -> list[list[str]]:
    """The words of each command that was suggested, as a shell takes them."""
    said = (done.stderr + b"\n" + done.stdout).decode()
    assert "`" not in re.sub(SUGGESTED, "", said)
    return [shlex.split(line)[1:] for line in SUGGESTED.findall(said)]


def paste(words: list[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    return commands.run(*words, cwd=folder)


@pytest.fixture
def legacy(tmp_path: Path) -> Legacy:
    """Two active models, a copy of the first that waits, and one that waits for a lost file."""
    rows = [Row(1, b"one", hashed=True), Row(2, b"two", hashed=True), Row(3, b"one"), Row(4, b"4")]
    made = Legacy(tmp_path / "legacy", rows)
    (made.models / "4.safetensors").unlink()
    return made


@pytest.mark.parametrize("name", NAMES)
def test_what_is_suggested_after_a_migration_promotes_what_waits(
    tmp_path: Path, legacy: Legacy, name: str
) -> None:
    done = commands.run("migrate", legacy.database, f"--library={name}", cwd=tmp_path)
    assert (done.returncode, (tmp_path / name).is_dir()) == (0, True)
    (words,) = suggested(done)
    assert words[:2] == ["promote", "--all"]
    promoted = paste(words, tmp_path)
    assert promoted.returncode == 3
    resolving, again = suggested(promoted)
    assert resolving[0] == again[0] == "promote"
    assert " --on-conflict merge " in " ".join(resolving)
    assert paste(resolving, tmp_path).returncode == 0
    (legacy.models / "4.safetensors").write_bytes(b"4")
    last = paste(again, tmp_path)
    assert (last.returncode, suggested(last)) == (0, [])


def test_the_library_is_named_as_it_was_given(tmp_path: Path, legacy: Legacy) -> None:
    for given in ("library", "./library", str(tmp_path / "library"), f"../{tmp_path.name}/library"):
        done = commands.run("migrate", legacy.database, "--library", given, cwd=tmp_path)
        assert [words[-2:] for words in suggested(done)] == [["--library", given]]


def test_nothing_failed_is_no_reason_to_look_at_failures(tmp_path: Path, legacy: Legacy) -> None:
    library = tmp_path / "library"
    done = commands.run("migrate", legacy.database, "--library", library)
    for said in (done, commands.run("status", "--library", library)):
        assert b"failed           0" in said.stdout
        assert not [words for words in suggested(said) if "failed" in words]


def test_what_failed_is_tried_again_by_what_is_suggested(tmp_path: Path, legacy: Legacy) -> None:
    library = tmp_path / "library"
    commands.run("migrate", legacy.database, "--library", library, "--promote")
    said = commands.run("status", "--library", library)
    assert b"There is no file at" in said.stdout
    (legacy.models / "4.safetensors").write_bytes(b"4")
    (words,) = [words for words in suggested(said) if "4" in words]
    assert b"  success          1" in paste(words, tmp_path).stdout


def test_a_row_that_failed_is_shown_by_what_is_suggested(tmp_path: Path) -> None:
    legacy = Legacy(tmp_path / "legacy", [Row(1, b"one", hashed=True), Row(2, b"two")])
    with closing(sqlite3.connect(legacy.database)) as connection, connection:
        connection.execute("UPDATE models SET path = '' WHERE id = 2")
    done = commands.run("migrate", legacy.database, "--library", tmp_path / "library")
    assert done.returncode == 3
    (words,) = suggested(done)
    assert b"row_invalid" in paste(words, tmp_path).stdout


def test_a_scan_suggests_what_promotes(tmp_path: Path, legacy: Legacy) -> None:
    library = tmp_path / "library"
    commands.run("migrate", legacy.database, "--library", library)
    (legacy.models / "new.safetensors").write_bytes(b"new")
    scan = ("scan", "--library", library, f"--root=loras={legacy.models}")
    (words,) = suggested(commands.run(*scan))
    assert b"new.safetensors" not in commands.run("status", "--library", library).stdout
    assert b"  success          1" in paste(words, tmp_path).stdout
    assert suggested(commands.run(*scan)) == []


def test_an_interrupted_run_is_gone_on_with_by_what_is_suggested(
    tmp_path: Path, legacy: Legacy
) -> None:
    library = tmp_path / "library"
    commands.run("migrate", legacy.database, "--library", library)
    with closing(sqlite3.connect(library / "hikaze_model_manager.db")) as connection, connection:
        connection.execute("UPDATE migration_runs SET status = 'running', finished_at = NULL")
    (words,) = suggested(commands.run("status", "--library", library))
    assert words[0] == "resume"
    assert paste(words, tmp_path).returncode == 0


@pytest.mark.parametrize("command", ["resume", "status", "items", "pending", "verify"])
def test_where_there_is_no_library_what_is_suggested_finds_what_to_migrate(
    tmp_path: Path, legacy: Legacy, command: str
) -> None:
    done = commands.run(command, "--library", tmp_path / "none")
    assert done.returncode == 5
    assert suggested(done) == [[]]


def test_a_promotion_tells_its_numbers_once(tmp_path: Path, legacy: Legacy) -> None:
    library = tmp_path / "library"
    commands.run("migrate", legacy.database, "--library", library)
    done = commands.run("promote", "777", "--library", library)
    lines = done.stdout.decode().splitlines()
    assert [line.split()[:2] for line in lines if line.startswith("  failed ")] == [
        ["failed", "1"],
        ["failed", "777"],
    ]
    assert "with failures" in lines[0]
    numbers = [int(line.split()[1]) for line in lines[1:6]]
    assert lines[6].split()[:2] == ["total", str(sum(numbers))]


def test_one_is_not_many(tmp_path: Path) -> None:
    legacy = Legacy(tmp_path / "legacy", [Row(1, b"one", hashed=True)])
    library = tmp_path / "library"
    commands.run("migrate", legacy.database, "--library", library)
    (legacy.models / "1.safetensors").unlink()
    said = commands.run("verify", "--library", library).stdout
    assert b"1 model and 0 image files: 1 problem\n" in said


def test_the_program_is_named_as_it_was_started(tmp_path: Path, legacy: Legacy) -> None:
    own = Path(sys.executable).with_name("reshelve")
    if not own.exists():
        pytest.skip("the program is not installed here")
    options = ("migrate", str(legacy.database), "--library", "library")
    beside = {**os.environ, "PATH": "/nowhere"}
    done = subprocess.run(
        [own, *options], capture_output=True, cwd=tmp_path, env=beside, check=True
    )
    assert f"  {shlex.quote(str(own))} promote --all --library library\n" in done.stderr.decode()
    found = {**os.environ, "PATH": str(own.parent)}
    done = subprocess.run([own, *options], capture_output=True, cwd=tmp_path, env=found, check=True)
    assert "  reshelve promote --all --library library\n" in done.stderr.decode()


def test_a_library_in_use_is_told_of_with_what_to_do(tmp_path: Path, legacy: Legacy) -> None:
    library = tmp_path / "library"
    commands.run("migrate", legacy.database, "--library", library)
    with owned_library(library):
        done = commands.run("resume", "--library", library)
    assert done.returncode == 4
    assert b"Wait until it ends, or stop it." in done.stderr


def test_after_a_kill_what_is_suggested_ends_the_run(tmp_path: Path) -> None:
    database = make_library(tmp_path / "legacy", 15)
    library = tmp_path / "library"
    process = commands.start("migrate", database, "--library", library, "--workers", "1")
    try:
        while process.poll() is None and not list((library / "images").glob("*_low.webp")):
            pass
        process.terminate()
    finally:
        done = commands.finish(process)
    assert done.returncode == 143
    (words,) = suggested(done)
    assert words == ["resume", "--library", str(library)]
    assert paste(words, tmp_path).returncode == 0
