"""Whoever runs it for the first time is told what there is, what to type, and what is wrong."""

from __future__ import annotations

import os
import re
import shlex
import socket
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from engine import __version__
from tests import commands
from tests.waiting_library import Legacy, Row

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the shell's words are those of POSIX")

SUGGESTED = re.compile(r"^  (reshelve(?: .*)?)$", re.MULTILINE)
ROWS = [Row(1, b"one", hashed=True), Row(2, b"two")]
NODES = Path("ComfyUI", "custom_nodes")


class Home:
    """A person's home folder, and what is typed there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()

    def legacy(self, name: str = "hikaze 1", below: Path = NODES) -> Legacy:
        """A legacy library where version 1 keeps it, in an extension of ComfyUI."""
        return Legacy(self.folder / below / name / "data", ROWS)

    def library(self, name: str = "hikaze 2", below: Path = NODES) -> Path:
        """The folder of version 2, as it leaves it: started once, and empty."""
        made = self.folder / below / name / "data"
        legacy = Legacy(Path(tempfile.mkdtemp(dir=self.folder.parent)), [])
        assert self.run("migrate", legacy.database, "--library", made).returncode == 0
        return made

    def run(self, *words: str | Path, below: str = "") -> subprocess.CompletedProcess[bytes]:
        """A command typed in the home folder or below it."""
        environment = {**os.environ, "HOME": str(self.folder)}
        return commands.run(*words, cwd=self.folder / below, env=environment)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "it's kim")


def suggested(said: bytes) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in SUGGESTED.findall(said.decode())]


# reshelve alone


def test_it_says_what_was_found_and_the_one_command(home: Home) -> None:
    legacy, library = home.legacy(), home.library()
    done = home.run()
    assert (done.returncode, done.stderr) == (0, b"")
    first, *others = suggested(done.stdout)
    assert first == ["migrate", str(legacy.database), "--library", str(library)]
    assert others == [["demo"], ["--help"]]
    assert home.run(*first).returncode == 0


def test_it_does_not_offer_again_what_was_carried_across(home: Home) -> None:
    legacy, library = home.legacy(), home.library()
    home.run("migrate", legacy.database, "--library", library)
    first = suggested(home.run().stdout)[0]
    assert first == ["serve", "--library", str(library)]


def test_it_does_not_offer_again_what_was_promoted_from_since(home: Home) -> None:
    legacy, library = home.legacy(), home.library()
    home.run("migrate", legacy.database, "--library", library, "--promote")
    first = suggested(home.run().stdout)[0]
    assert first == ["serve", "--library", str(library)]


def test_it_goes_on_with_what_was_killed(home: Home) -> None:
    legacy, library = home.legacy(), home.library()
    home.run("migrate", legacy.database, "--library", library)
    with closing(sqlite3.connect(library / "hikaze_model_manager.db")) as connection, connection:
        connection.execute("UPDATE migration_runs SET status = 'running', finished_at = NULL")
    first = suggested(home.run().stdout)[0]
    assert first == ["resume", "--library", str(library)]


def test_a_library_of_an_older_reshelve_is_brought_up_to_date_first(home: Home) -> None:
    legacy, library = home.legacy(), home.library()
    home.run("migrate", legacy.database, "--library", library)
    with closing(sqlite3.connect(library / "hikaze_model_manager.db")) as connection, connection:
        connection.execute("UPDATE migration_meta SET value = 1 WHERE key = 'journal_version'")
    done = home.run()
    assert suggested(done.stdout)[0] == ["resume", "--library", str(library)]
    assert b"was last written by an older reshelve" in done.stdout


@pytest.mark.parametrize(
    "below", ["ComfyUI", "ComfyUI/custom_nodes/hikaze 1", "ComfyUI/custom_nodes/hikaze 1/data"]
)
def test_it_looks_around_the_folder_where_it_is_typed(home: Home, below: str) -> None:
    legacy = home.legacy()
    first = suggested(home.run(below=below).stdout)[0]
    assert first[:2] == ["migrate", str(legacy.database)]


def test_without_a_library_of_version_2_it_offers_one_that_can_be_made(home: Home) -> None:
    legacy = home.legacy()
    first = suggested(home.run().stdout)[0]
    assert first[:2] == ["migrate", str(legacy.database)]
    library = Path(first[-1])
    assert not library.exists()
    assert not library.is_relative_to(legacy.database.parent)
    assert home.run(*first).returncode == 0


def test_two_of_each_are_paired_by_their_comfyui(home: Home) -> None:
    pairs = []
    for name in ("one", "two"):
        below = Path(name) / NODES
        pairs.append((home.legacy("a", below).database, home.library("b", below)))
    found = [words for words in suggested(home.run().stdout) if words[0] == "migrate"]
    assert found == [["migrate", str(a), "--library", str(b)] for a, b in pairs]


def test_where_nothing_is_found_it_says_where_it_looked_and_what_else_there_is(home: Home) -> None:
    done = home.run()
    assert done.returncode == 0
    assert f"below {home.folder}" in done.stdout.decode()
    assert suggested(done.stdout) == [["demo"], ["--help"]]
    assert home.run("demo").returncode == 0


def test_it_follows_no_link_out_of_the_home_folder(home: Home, tmp_path: Path) -> None:
    elsewhere = tmp_path / "a" / "b" / "c"
    Legacy(elsewhere / "data", ROWS)
    (home.folder / "away").symlink_to(elsewhere, target_is_directory=True)
    assert suggested(home.run().stdout) == [["demo"], ["--help"]]


def test_looking_changes_nothing(home: Home) -> None:
    home.legacy()
    home.library()
    before = commands.files_of(home.folder)
    assert len(before) > 3
    home.run()
    assert commands.files_of(home.folder) == before


def test_the_version_is_told(home: Home) -> None:
    assert home.run("--version").stdout.decode() == f"reshelve {__version__}\n"


# Commands without what they need


@pytest.mark.parametrize(
    "words", [("serve", "--port", "0"), ("status",), ("promote", "--all", "--on-conflict=merge")]
)
def test_a_command_without_a_library_is_offered_the_one_that_was_found(
    home: Home, words: tuple[str, ...]
) -> None:
    library = home.library()
    done = home.run(*words)
    assert done.returncode == 2
    assert suggested(done.stderr) == [[*words, "--library", str(library)]]


def test_serve_says_how_where_there_is_no_library(home: Home) -> None:
    done = home.run("serve")
    assert done.returncode == 2
    assert b"reshelve" in done.stderr.splitlines()[-1]


def test_a_client_that_is_not_there_is_refused(home: Home) -> None:
    (home.folder / "empty").mkdir()
    for folder in ("none", "empty"):
        done = home.run("serve", "--library", "library", "--port", "0", "--frontend", folder)
        assert (done.returncode, b"index.html" in done.stderr) == (2, True)
    assert not (home.folder / "library").exists()


@pytest.mark.parametrize("quiet", [(), ("--quiet",)])
def test_a_port_in_use_is_told_of_with_one_that_is_free(home: Home, quiet: tuple[str, ...]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        done = home.run("serve", "--library", "li brary", "--port", port, *quiet)
        assert done.returncode == 2
        (words,) = suggested(done.stderr)
        assert words[:-2] == ["serve", "--library", "li brary", "--port", port, *quiet]
        assert words[-2] == "--port"
        with closing(socket.create_server(("127.0.0.1", int(words[-1])))):
            pass


# Paths as people give them


@pytest.mark.parametrize("form", ["{}", "'{}'", '"{}"', "file://{}", " {} ", "“{}”"])
def test_a_path_is_taken_as_it_was_copied(home: Home, form: str) -> None:
    legacy = Legacy(home.folder / "legacy", ROWS)
    library = home.folder / "a library"
    done = home.run(
        "migrate", form.format(legacy.database), "--library", form.format(library), "--quiet"
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert (library / "hikaze_model_manager.db").is_file()
    assert {path.name for path in home.folder.iterdir()} == {"legacy", "a library"}


def test_an_address_of_a_file_is_decoded(home: Home) -> None:
    legacy = Legacy(home.folder / "légacy 100%", ROWS)
    done = home.run("migrate", legacy.database.as_uri(), "--library", "library")
    assert done.returncode == 0


def test_a_file_whose_name_has_quotes_is_found_by_it(home: Home) -> None:
    legacy = Legacy(home.folder / "legacy", ROWS)
    quoted = legacy.database.rename(home.folder / "'quoted'")
    assert home.run("migrate", quoted.name, "--library", "library").returncode == 0


@pytest.mark.parametrize("path", ["C:\\Users\\kim\\hikaze_mm.sqlite3", "d:/models", "\\\\nas\\a"])
def test_a_path_of_windows_is_explained(home: Home, path: str) -> None:
    for words in (("migrate", path, "--library", "library"), ("status", "--library", path)):
        done = home.run(*words)
        assert (done.returncode, b"path of Windows" in done.stderr) == (2, True)
    assert list(home.folder.iterdir()) == []


@pytest.mark.parametrize("below", ["", "ComfyUI", "ComfyUI/custom_nodes/hikaze 1"])
def test_a_folder_is_looked_into_for_the_database(home: Home, below: str) -> None:
    legacy = home.legacy()
    done = home.run("migrate", home.folder / below, "--library", "library")
    assert done.returncode == 0
    assert f"The legacy database is {legacy.database}" in done.stderr.decode()
    again = home.run("migrate", legacy.database, "--library", "library", "--json")
    assert again.returncode == 0
    assert b'"id":1' in again.stdout  # it is the same source, and the same run


def test_of_several_databases_in_a_folder_each_can_be_taken(home: Home) -> None:
    databases = [home.legacy(name).database for name in ("a", "b")]
    done = home.run("migrate", "ComfyUI", "--library", "library", "--promote")
    assert done.returncode == 2
    assert suggested(done.stderr) == [
        ["migrate", str(database), "--library", "library", "--promote"] for database in databases
    ]
    assert not (home.folder / "library").exists()


def test_a_folder_without_a_database_is_told_of(home: Home) -> None:
    (home.folder / "empty").mkdir()
    done = home.run("migrate", "empty", "--library", "library")
    assert (done.returncode, b"hikaze_mm.sqlite3" in done.stderr) == (5, True)
    assert not (home.folder / "library").exists()


@pytest.mark.parametrize("command", ["status", "resume", "verify", "serve"])
def test_a_file_is_no_library(home: Home, command: str) -> None:
    library = home.library()
    database = library / "hikaze_model_manager.db"
    done = home.run(command, "--library", database)
    assert done.returncode == 2
    assert str(library) in done.stderr.decode()
