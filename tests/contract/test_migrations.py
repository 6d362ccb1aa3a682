"""Our tables, from what an older version wrote to what this one would make; and a newer one's."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from adapters.sqlite import migrations
from adapters.sqlite.admission import open_writer
from adapters.sqlite.last_status import last_status
from adapters.sqlite.opening import database_path
from adapters.sqlite.schema import JOURNAL_NAMES
from adapters.sqlite.store import sqlite_reader, sqlite_store
from adapters.sqlite.thread import database_thread
from engine.errors import LibraryDamaged, LibraryTooNew, LibraryTooOld
from engine.ports.queries import StatusOf
from tests import commands
from tests.contract.bench import opened, query
from tests.contract.frozen.places import place
from tests.contract.test_frozen import VERSIONS

pytestmark = pytest.mark.anyio

STEPS = Path(__file__).parent / "steps"
PACKAGE = Path(migrations.__file__).parent
TOOLS = {"__init__", "tables", "upgrade"}
"""What lies beside the steps."""

SELECT_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
SELECT_VERSION = "SELECT value FROM migration_meta WHERE key = 'journal_version'"
SET_VERSION = "UPDATE migration_meta SET value = ? WHERE key = 'journal_version'"
SELECT_MARKS = "SELECT key FROM migration_meta WHERE key LIKE 'taken%' ORDER BY key"
SELECT_WARNINGS = "SELECT id, run_id, item_id, code FROM migration_warnings"
UNTOUCHED = """
SELECT id, run_id, source_id, source_key, digest, path, error_code, sha256, work, candidate, crashes
FROM migration_items
"""

Take = Callable[..., None]
Schema = list[tuple[str, str, str, str]]


@pytest.fixture
def take(monkeypatch: pytest.MonkeyPatch) -> Take:
    """Has steps of the tests follow those that there are."""

    def add(*names: str) -> None:
        monkeypatch.setattr(migrations, "__path__", [str(PACKAGE), str(STEPS)])
        monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, *names))

    return add


@pytest.fixture(params=VERSIONS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A library that a version of the past has left."""
    return place(request.param, tmp_path).library


@pytest.fixture
async def today(tmp_path: Path, anyio_backend: str) -> Path:
    """A library of today, made by itself."""
    library = tmp_path / "today"
    async with opened(library):
        pass
    return library


def schema(library: Path) -> Schema:
    """Every table, index and trigger, by its words alone: neither spaces nor quotes count."""
    return [
        (kind, name, table, re.sub(r"\s*([(),])\s*|\s+", r"\1 ", sql or "").replace('"', ""))
        for kind, name, table, sql in query(library, SELECT_SCHEMA)
    ]


def version(library: Path) -> int:
    return int(query(library, SELECT_VERSION)[0][0])


def contents(library: Path) -> tuple[Schema, dict[str, list[tuple[Any, ...]]]]:
    """All that our tables hold and are."""
    tables = [name for kind, name, _, _ in schema(library) if kind == "table"]
    return schema(library), {name: query(library, f"SELECT * FROM {name}") for name in tables}


def references_are_enforced(connection: sqlite3.Connection) -> bool:
    (enforced,) = connection.execute("PRAGMA foreign_keys").fetchone()
    return bool(enforced)


# --- up to date


async def test_an_old_library_comes_to_the_schema_of_a_new_one(old: Path, today: Path) -> None:
    async with sqlite_store(old):
        pass
    assert schema(old) == schema(today)


async def test_an_old_library_comes_to_the_newest_version(old: Path, take: Take) -> None:
    take("marked", "again")
    async with sqlite_store(old):
        pass
    assert version(old) == migrations.newest()


async def test_a_new_library_has_the_newest_version(today: Path) -> None:
    assert version(today) == migrations.newest()


async def test_a_library_takes_the_steps_that_it_lacks_one_after_the_other(
    today: Path, take: Take
) -> None:
    last = migrations.newest()
    take("marked", "again")
    async with sqlite_store(today):
        pass
    assert query(today, SELECT_MARKS) == [(f"taken from {last}",), (f"taken from {last + 1}",)]


async def test_a_library_takes_no_step_twice(today: Path, take: Take) -> None:
    take("marked")
    async with sqlite_store(today):
        pass
    before = commands.files_of(today)[database_path(today).name]
    async with sqlite_store(today):
        pass
    assert commands.files_of(today)[database_path(today).name] == before


async def test_a_library_that_is_up_to_date_takes_only_the_step_that_came_after(
    today: Path, take: Take
) -> None:
    take("marked")
    async with sqlite_store(today):
        pass
    take("again")
    async with sqlite_store(today):
        pass
    assert len(query(today, SELECT_MARKS)) == 2


async def test_a_step_that_fails_leaves_the_library_as_it_was(old: Path, take: Take) -> None:
    before = contents(old)
    take("marked", "broken")
    with pytest.raises(sqlite3.OperationalError, match="nothing_of_ours"):
        async with sqlite_store(old):
            pass
    assert contents(old) == before


async def test_a_table_that_was_made_anew_has_all_its_rows(old: Path, take: Take) -> None:
    async with sqlite_store(old):
        pass
    before = query(old, UNTOUCHED)
    take("anew")
    async with sqlite_store(old):
        pass
    assert query(old, UNTOUCHED) == before


async def test_a_table_that_was_made_anew_is_that_of_a_new_library(
    old: Path, today: Path, take: Take
) -> None:
    take("anew")
    async with sqlite_store(old):
        pass
    assert schema(old) == schema(today)


async def test_a_table_that_was_made_anew_is_referred_to(old: Path, take: Take) -> None:
    take("anew")
    async with sqlite_store(old):
        pass
    assert query(old, "PRAGMA foreign_key_check") == []


async def test_references_are_enforced_once_the_steps_are_taken(old: Path, take: Take) -> None:
    take("anew")
    async with database_thread() as thread:
        writing = await thread.call(open_writer, database_path(old))
        enforced = await thread.perform(writing, references_are_enforced)
        await thread.call(writing.close)
    assert enforced


async def test_a_step_that_sets_states_writes_no_history(old: Path, take: Take) -> None:
    before = query(old, "SELECT * FROM migration_history")
    take("anew")
    async with sqlite_store(old):
        pass
    assert query(old, "SELECT * FROM migration_history") == before


async def test_a_table_of_another_shape_keeps_what_both_have(old: Path, take: Take) -> None:
    before = query(old, SELECT_WARNINGS)
    take("shaped")
    async with sqlite_store(old):
        pass
    assert query(old, SELECT_WARNINGS) == [
        (number, run, item, code.upper()) for number, run, item, code in before
    ]


async def test_a_column_that_is_new_has_its_default(old: Path, take: Take) -> None:
    take("shaped")
    async with sqlite_store(old):
        pass
    assert set(query(old, "SELECT shown FROM migration_warnings")) == {(7,)}


async def test_an_index_and_a_trigger_that_are_no_longer_declared_are_gone(
    old: Path, today: Path, take: Take
) -> None:
    query(old, "CREATE INDEX migration_old_index ON migration_items(path)")
    query(old, "CREATE TRIGGER migration_old_trigger AFTER INSERT ON tags BEGIN SELECT 1; END")
    take("marked")
    async with sqlite_store(old):
        pass
    assert schema(old) == schema(today)


async def test_an_index_and_a_trigger_that_are_declared_otherwise_now_are_made_anew(
    old: Path, today: Path, take: Take
) -> None:
    query(old, "DROP INDEX migration_items_way")
    query(old, "CREATE INDEX migration_items_way ON migration_items(path)")
    query(old, "DROP TRIGGER migration_items_guard")
    take("marked")
    async with sqlite_store(old):
        pass
    assert schema(old) == schema(today)


async def test_an_index_and_a_trigger_of_somebody_else_stay(old: Path, take: Take) -> None:
    query(old, "CREATE INDEX somebodys_index ON models(name)")
    query(old, "CREATE TRIGGER somebodys_trigger AFTER INSERT ON tags BEGIN SELECT 1; END")
    before = schema(old)
    take("marked")
    async with sqlite_store(old):
        pass
    assert [entry for entry in before if entry[1].startswith("somebodys")] == [
        entry for entry in schema(old) if entry[1].startswith("somebodys")
    ]


def test_every_step_is_there_and_no_other_module() -> None:
    there = {path.stem for path in PACKAGE.glob("*.py")}
    assert sorted(there - TOOLS) == sorted(migrations.STEPS)


def changing(source: str) -> list[str]:
    """Imports of what a step would see change under it."""
    return re.findall(r"^\s*(?:from|import) .*\b(?:engine|schema)\b.*$", source, re.MULTILINE)


def test_no_step_takes_anything_from_what_goes_on_changing() -> None:
    sources = [(PACKAGE / f"{name}.py").read_text(encoding="utf-8") for name in migrations.STEPS]
    assert [found for source in sources for found in changing(source)] == []


@pytest.mark.parametrize(
    "line", ["from engine.states import ModelState", "    from adapters.sqlite import schema"]
)
def test_the_rule_for_steps_finds(line: str) -> None:
    assert changing(f"import re\n{line}\n") == [line]


# --- too old to be read, or too new


async def test_a_reader_changes_no_old_library(old: Path, take: Take) -> None:
    take("marked")
    before = commands.files_of(old)
    with pytest.raises(LibraryTooOld):
        async with sqlite_reader(old):
            pass
    with pytest.raises(LibraryTooOld):
        last_status(old)
    assert commands.files_of(old) == before


async def test_a_reader_reads_an_old_library_once_its_owner_had_it(old: Path, take: Take) -> None:
    take("marked")
    async with sqlite_store(old):
        pass
    async with sqlite_reader(old) as reader:
        assert await reader.ask(StatusOf()) == last_status(old)


@pytest.mark.parametrize("enter", [sqlite_store, sqlite_reader], ids=["owner", "reader"])
async def test_a_newer_library_is_refused_and_left_as_it_is(
    today: Path, enter: Callable[[Path], AbstractAsyncContextManager[object]]
) -> None:
    query(today, SET_VERSION, str(migrations.newest() + 1))
    before = commands.files_of(today)
    with pytest.raises(LibraryTooNew):
        async with enter(today):
            pass
    assert commands.files_of(today) == before


@pytest.mark.parametrize("command", ["status", "items", "pending", "verify", "resume"])
async def test_a_command_says_in_a_sentence_that_a_library_is_too_new(
    today: Path, command: str
) -> None:
    query(today, SET_VERSION, str(migrations.newest() + 1))
    done = commands.run(command, "--library", today)
    assert (done.returncode, done.stdout) == (5, b"")
    assert done.stderr.decode() == (
        f"reshelve: The library {today} was last written by a newer reshelve. Nothing was "
        "changed.\nUpdate reshelve, then try again.\n"
    )


async def test_a_newer_library_is_not_measured_by_what_this_version_expects(today: Path) -> None:
    query(today, SET_VERSION, str(migrations.newest() + 1))
    query(today, "ALTER TABLE pending_import DROP COLUMN name")
    with pytest.raises(LibraryTooNew):
        async with sqlite_store(today):
            pass


@pytest.mark.parametrize("told", ["0", "-1", "", "two", "9" * 5000])
async def test_a_version_that_is_none_is_damage(today: Path, told: str) -> None:
    query(today, SET_VERSION, told)
    with pytest.raises(LibraryDamaged):
        async with sqlite_store(today):
            pass


@pytest.mark.parametrize("table", JOURNAL_NAMES)
async def test_a_library_whose_journal_lacks_a_table_is_refused_and_left_as_it_is(
    today: Path, table: str
) -> None:
    query(today, f"DROP TABLE {table}")
    before = query(today, "SELECT name, sql FROM sqlite_master ORDER BY name")
    with pytest.raises(LibraryDamaged, match=f"reshelve's table {table} is gone"):
        async with sqlite_store(today):
            pass
    assert query(today, "SELECT name, sql FROM sqlite_master ORDER BY name") == before


async def test_a_table_that_is_gone_is_told_to_who_only_reads(today: Path) -> None:
    query(today, "DROP TABLE migration_runs")
    with pytest.raises(LibraryDamaged, match="reshelve's table migration_runs is gone"):
        async with sqlite_reader(today) as reader:
            await reader.ask(StatusOf())


async def test_a_library_that_tells_no_version_is_damaged(today: Path) -> None:
    query(today, "DELETE FROM migration_meta")
    with pytest.raises(LibraryDamaged):
        async with sqlite_reader(today):
            pass
