"""A library that an older version left in the middle of its work comes to the end it would have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.contract.bench import query
from tests.contract.frozen.making import make, play_undisturbed
from tests.contract.frozen.places import FROZEN, World, place

VERSIONS = sorted(int(folder.name.removeprefix("journal_")) for folder in FROZEN.glob("journal_*"))
SELECT_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'migration_%'"
SELECT_UNFINISHED = """
SELECT kind, status FROM migration_runs WHERE status NOT LIKE 'completed%' ORDER BY id
"""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> World:
    """What the frozen libraries would be if nothing had been held up and killed."""
    return make(tmp_path_factory.mktemp("undisturbed"), play_undisturbed)


@pytest.fixture(scope="module", params=VERSIONS)
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A frozen library after `reshelve resume`; to be looked at only."""
    return finish(place(request.param, tmp_path_factory.mktemp("finished")))


def told(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """All that was decided, with paths as below the world's root."""
    root = f"{world.root.as_posix()}/"

    def anywhere(cell: Any) -> Any:
        return cell.replace(root, "") if isinstance(cell, str) else cell

    found = {
        table: [tuple(map(anywhere, row)) for row in rows]
        for table, rows in commands.rows(world.library).items()
    }
    # The first versions carried what was edited in the source, and did not say so.
    said = [row for row in found["warnings"] if row[1] == "edit_followed"]
    found["warnings"] = [row for row in found["warnings"] if row not in said]
    found["counts"] = [
        (name, n - len(said)) if name == "warnings" else (name, n) for name, n in found["counts"]
    ]
    return found


def finish(world: World) -> World:
    """Resume, until only the conflict that nobody has decided is left."""
    done = commands.run("resume", "--library", world.library, "--quiet")
    assert done.returncode == 3, done.stderr
    return world


def test_a_library_of_the_first_version_is_frozen() -> None:
    assert 1 in VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_a_frozen_library_has_something_in_every_table(tmp_path: Path, version: int) -> None:
    library = place(version, tmp_path).library
    tables = [name for (name,) in query(library, SELECT_TABLES)]
    assert [name for name in tables if not query(library, f"SELECT 1 FROM {name}")] == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_frozen_library_was_interrupted_in_both_stages(tmp_path: Path, version: int) -> None:
    library = place(version, tmp_path).library
    assert query(library, SELECT_UNFINISHED) == [
        ("legacy", "interrupted"),
        ("promotion", "running"),
    ]


def test_a_frozen_library_is_resumed_to_the_end_that_it_would_have_come_to(
    finished: World, undisturbed: World
) -> None:
    assert told(finished) == told(undisturbed)


def test_a_frozen_library_ends_with_the_images_that_it_would_have_had(
    finished: World, undisturbed: World
) -> None:
    assert commands.files(finished.library) == commands.files(undisturbed.library)


def test_a_frozen_library_that_was_resumed_misses_only_the_file_that_was_missing(
    finished: World,
) -> None:
    problems = commands.document("verify", "--library", finished.library)["problems"]
    gone = finished.root / "first" / "models" / "5.safetensors"
    assert [(problem["code"], problem["path"]) for problem in problems] == [
        ("file_missing", gone.as_posix())
    ]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["first", "second"])
def test_a_source_of_a_frozen_library_is_recognised_when_it_comes_again(
    tmp_path: Path, version: int, name: str
) -> None:
    world = finish(place(version, tmp_path))
    before = told(world)["items"]
    location = world.request(name).source.location
    done = commands.run("migrate", location, "--library", world.library, "--quiet")
    assert done.returncode in (0, 3), done.stderr
    assert told(world)["items"] == before
