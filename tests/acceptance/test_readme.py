"""The README: its example runs, its commands are understood, and what it names is there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.cli.arguments import parse
from tests import commands

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """What stands in the README's blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def shown_commands() -> list[str]:
    """Every command of reshelve's in a block, a table or a sentence, that says all it needs."""
    text = "\n".join(blocks("sh")).replace("\\\n", " ")
    return [line.partition("#")[0].strip() for line in re.findall(r"^reshelve .*$", text, re.M)]


(EXAMPLE,) = blocks("python")
COMMANDS = shown_commands()


def test_there_are_commands_to_look_at() -> None:
    assert len(COMMANDS) >= 5


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_is_understood(command: str) -> None:
    assert parse(shlex.split(command)[1:]).command


def test_the_example_of_the_readme_runs(tmp_path: Path) -> None:
    made = commands.run("demo", tmp_path / "demo")
    assert made.returncode == 0
    program = EXAMPLE
    for shown, there in {
        '"/old/hikaze_mm.sqlite3"': tmp_path / "demo" / "legacy" / "hikaze_mm.sqlite3",
        '"/old/images"': tmp_path / "demo" / "legacy" / "images",
    }.items():
        assert shown in program
        assert there.exists()
        program = program.replace(shown, repr(str(there)))
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / ".package")])},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=commands.TIMEOUT,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "promoted=24" in ended.stdout


@pytest.mark.parametrize(
    "named", sorted(set(re.findall(r"`((?:engine|adapters|tests|\.build)/[\w./]+)`", README)))
)
def test_a_file_that_the_readme_names_is_there(named: str) -> None:
    assert (ROOT / named).exists()
