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
from adapters.demo.library import make_legacy_library
from tests import commands
from tests.waiting_library import Legacy

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
OWN = re.findall(
    r"^```sh\n(.*?)^```$",
    README.partition("## Your own library")[2].partition("### As a service")[0],
    re.DOTALL | re.MULTILINE,
)
"""What is typed for a library of one's own: alone, then to migrate, then to promote, and to bring
in what lies in ComfyUI's folders."""
(SHOWN,) = blocks("text")[:1]
"""What a migration says at its end."""
COMMANDS = shown_commands()


def test_there_are_commands_to_look_at() -> None:
    assert len(COMMANDS) >= 5


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_is_understood(command: str) -> None:
    assert parse(shlex.split(command)[1:]).command


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person's home with both managers in it, where the README says that they lie: version 1 with
    the demo's library, and version 2 as it was after it had run once."""
    folder = tmp_path_factory.mktemp("home") / "it's kim"
    nodes = folder / "ComfyUI" / "custom_nodes"
    make_legacy_library(nodes / "hikaze1" / "data", models=folder / "ComfyUI" / "models")
    empty = Legacy(folder.parent / "empty", []).database
    library = nodes / "hikaze2" / "data"
    assert commands.run("migrate", empty, "--library", library, "--quiet").returncode == 0
    program = folder / "bin" / "reshelve"
    program.parent.mkdir()
    words = shlex.join([sys.executable, "-c", commands.PROGRAM])
    program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    program.chmod(0o755)
    return folder


def without_run(said: str) -> str:
    """What was said, but of which run: version 2's library was made by one already."""
    return re.sub(r"Run \d+", "Run", said)


def typed(home: Path, lines: str) -> subprocess.CompletedProcess[str]:
    """What a person types in the home folder, one line after the other."""
    environment = {
        **os.environ,
        "HOME": str(home),
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        ["sh", "-ec", lines],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=commands.TIMEOUT,
        check=False,
    )


@pytest.mark.skipif(os.name != "posix", reason="the shell's words are those of POSIX")
def test_what_the_readme_has_one_type_does_what_it_says(home: Path) -> None:
    alone, migrating, promoting, others = OWN
    said = typed(home, alone)
    assert said.returncode == 0
    found = home / "ComfyUI" / "custom_nodes" / "hikaze1" / "data" / "hikaze_mm.sqlite3"
    assert f"  {found}" in said.stdout
    done = typed(home, migrating)
    assert done.returncode == 0
    shown, warnings = SHOWN.split("Warnings")
    assert without_run(done.stdout).startswith(without_run(shown))
    for line in warnings.splitlines():
        assert line.strip("… ") in done.stdout
    first, *lines = promoting.splitlines()
    codes = [typed(home, f"{first}\n{line}").returncode for line in lines]
    # Of one the file is gone, and of one the content was there: it is what the last line joins.
    assert codes == [0, 3, 0]
    library = found.parents[2] / "hikaze2" / "data"
    left = commands.document("pending", "--library", library)["models"]
    assert [Path(model["path"]).exists() for model in left] == [False]
    assert f"reshelve serve --library {shlex.quote(str(library))}" in typed(home, alone).stdout
    looked, brought = (typed(home, line) for line in others.splitlines())
    assert (looked.returncode, brought.returncode) == (0, 0)
    assert "as hikaze1" in looked.stdout
    assert "as folders" in looked.stdout


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
