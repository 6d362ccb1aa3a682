"""What was named as a source by mistake is refused before a library is made for it, and a library
never lies in the old manager's folder."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import LibraryMisplaced, SourceIsLibrary
from tests import commands
from tests.contract.version_2 import make
from tests.sources import request
from tests.waiting_library import Legacy, Row, active, migrate, opened, sha_of

DATABASE = "hikaze_model_manager.db"


@pytest.fixture
def legacy(tmp_path: Path) -> Legacy:
    return Legacy(tmp_path / "legacy", [Row(1, b"one", hashed=True)])


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A library that version 2 made."""
    folder = tmp_path / "theirs"
    make(folder)
    return folder


def refused(source: Path, library: Path) -> str:
    """What is said of a migration that exits with 5 and makes no library."""
    before = library.exists()
    done = commands.run("migrate", source, "--library", library, "--quiet")
    assert (done.returncode, library.exists()) == (5, before), done.stderr
    return done.stderr.decode()


@pytest.mark.parametrize("name", [DATABASE, ""], ids=["its database", "its folder"])
def test_a_library_of_version_2_is_no_source(theirs: Path, tmp_path: Path, name: str) -> None:
    before = commands.files_of(theirs)
    told = refused(theirs / name, tmp_path / "library")
    assert told.count("\n") == 1
    assert "is a library of version 2 already" in told
    assert commands.files_of(theirs) == before


def test_a_library_is_known_by_its_columns_whatever_its_name(theirs: Path, tmp_path: Path) -> None:
    copy = tmp_path / "hikaze_mm.sqlite3"
    copy.write_bytes((theirs / DATABASE).read_bytes())
    assert "is a library of version 2 already" in refused(copy, tmp_path / "library" / "new")


def test_a_library_whose_tables_are_not_in_its_file_yet_is_no_source(tmp_path: Path) -> None:
    path = tmp_path / "theirs" / DATABASE
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("CREATE TABLE models (sha256 TEXT PRIMARY KEY, path TEXT NOT NULL)")
        done = commands.run("migrate", path, "--library", tmp_path / "library", "--quiet")
    assert done.returncode == 5
    assert b"a library of version 2" in done.stderr


@pytest.mark.anyio
async def test_a_library_is_no_source_of_its_own(legacy: Legacy, tmp_path: Path) -> None:
    library = tmp_path / "library"
    async with opened(library) as service:
        for location in (library / DATABASE, library):
            with pytest.raises(SourceIsLibrary):
                await service.start(request(location))
        await migrate(service, legacy)
    assert set(active(library)) == {sha_of(b"one")}


@pytest.mark.parametrize("name", ["", "library", "images/new"])
def test_a_library_does_not_lie_in_the_folder_of_the_old_one(legacy: Legacy, name: str) -> None:
    before = commands.files_of(legacy.database.parent)
    told = refused(legacy.database, legacy.database.parent / name)
    assert told.count("\n") == 1
    assert "that is in the folder of the old library" in told
    assert commands.files_of(legacy.database.parent) == before


def test_a_copy_of_a_database_that_lies_beside_a_library_is_migrated(
    legacy: Legacy, tmp_path: Path
) -> None:
    copy = tmp_path / "copy" / "hikaze_mm.sqlite3"
    copy.parent.mkdir()
    copy.write_bytes(legacy.database.read_bytes())
    library = copy.parent / "library"
    assert commands.run("migrate", copy, "--library", library, "--quiet").returncode == 0
    assert set(active(library)) == {sha_of(b"one")}
    assert "in the folder of the old library" in refused(copy, copy.parent)


def test_a_link_does_not_lead_a_library_into_the_folder_of_the_old_one(
    legacy: Legacy, tmp_path: Path
) -> None:
    link = tmp_path / "elsewhere"
    link.symlink_to(legacy.database.parent)
    assert "in the folder of the old library" in refused(legacy.database, link / "library")


@pytest.mark.anyio
async def test_the_service_refuses_as_well(tmp_path: Path) -> None:
    legacy = Legacy(tmp_path / "legacy", [Row(1, b"one")])
    async with opened(tmp_path / "legacy" / "library") as service:
        with pytest.raises(LibraryMisplaced):
            await service.start(legacy.request)
        survey = await service.surveyor.look(legacy.request)
    assert survey.can_start is False
    assert survey.database.error is not None
    assert survey.database.error.code == "library_misplaced"


def test_a_source_without_models_is_said_to_be_so(tmp_path: Path) -> None:
    legacy = Legacy(tmp_path / "legacy")
    done = commands.document("migrate", legacy.database, "--library", tmp_path / "library")
    told = f"there are no models in {legacy.database}"
    assert [(found["code"], found["detail"]) for found in done["warnings"]] == [
        ("source_empty", told)
    ]
    shown = commands.run("migrate", legacy.database, "--library", tmp_path / "another")
    assert b"the source holds no models" in shown.stdout
