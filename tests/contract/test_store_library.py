"""How a library that version 2 made is opened, kept and written."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from adapters.sqlite.opening import database_path
from engine.errors import LibraryDamaged
from engine.facts.conflicts import ConflictStrategy
from engine.ports.queries import PendingModels
from tests.contract.bench import Bench, finished, image, opened, parked, query
from tests.contract.version_2 import contents, make
from tests.unit.rows import row, sha

pytestmark = pytest.mark.anyio

INSERT_MODEL = "INSERT INTO models VALUES (?, ?, ?, ?, ?, ?, ?)"
INSERT_PENDING = "INSERT INTO pending_import VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
META = {
    "description": "mine",
    "community_links": "",
    "images_count": 2,
    "prompts": {"positive": "yes", "negative": ""},
    "rating": 5,
    "extra": {"deep": [1, None, "é"]},
}
DAMAGED = ["", "null", "[1]", "{", '{"description": 5}', "\x00"]


def add_model(library: Path, meta: str | None, name: str | None = "mine") -> None:
    """The model that row 1 of a source meets."""
    query(library, INSERT_MODEL, sha(1), "/mine", name, None, None, None, meta)


def digests(library: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(library.iterdir())
    }


def written(library: Path) -> int:
    """When the database file was last written."""
    return database_path(library).stat().st_mtime_ns


def put(library: Path, content: bytes) -> None:
    """Put a file where the database should be."""
    library.mkdir()
    database_path(library).write_bytes(content)


async def merge(library: Path, strategy: ConflictStrategy = ConflictStrategy.MERGE) -> None:
    """Record a row with the content of the model that is there."""
    async with opened(library) as bench:
        run = await bench.open_run(strategy=strategy)
        await bench.record(run, row(1, sha256=sha(1), description="theirs", tags=("new",)))


def stored_meta(library: Path) -> Any:
    return json.loads(query(library, "SELECT meta_json FROM models")[0][0])


async def test_opening_keeps_everything_that_is_there(library: Path) -> None:
    make(library)
    for place, meta in enumerate([None, *DAMAGED, json.dumps(META)]):
        query(library, INSERT_MODEL, sha(place), "/m", None, None, None, None, meta)
        query(library, INSERT_PENDING, place + 1, f"/p{place}", None, None, None, None, None, meta)
    query(library, "INSERT INTO model_tags VALUES (?, 3)", sha(0))
    query(library, "INSERT INTO pending_model_tags VALUES (1, 7)")
    before = contents(library)
    async with opened(library):
        pass
    assert contents(library) == before


async def test_opening_a_library_twice_writes_no_byte(library: Path) -> None:
    make(library)
    async with opened(library) as bench:
        await bench.record(await bench.open_run(), row(1, sha256=sha(1)))
    before = digests(library), written(library)
    async with opened(library):
        pass
    assert (digests(library), written(library)) == before


async def test_a_new_library_opened_twice_writes_no_byte(library: Path) -> None:
    async with opened(library):
        pass
    before = digests(library)
    async with opened(library):
        pass
    assert digests(library) == before


async def test_a_new_library_says_that_it_is_of_version_2(library: Path) -> None:
    async with opened(library):
        pass
    assert dict(query(library, "SELECT * FROM db_meta")) == {"db_version": "2", "tags_id_max": "0"}


async def test_every_table_of_ours_says_so_by_its_name(library: Path) -> None:
    make(library)
    theirs = set(query(library, "SELECT name FROM sqlite_master"))
    async with opened(library):
        pass
    ours = set(query(library, "SELECT name FROM sqlite_master WHERE type = 'table'")) - theirs
    assert all(name.startswith("migration_") for (name,) in ours)


async def test_merging_keeps_what_a_person_wrote(library: Path) -> None:
    make(library)
    add_model(library, json.dumps(META))
    await merge(library)
    found = query(library, "SELECT path, name, type, size_bytes FROM models")
    assert (found, stored_meta(library)["description"]) == (
        [("/mine", "mine", "loras", 10)],
        "mine",
    )


@pytest.mark.parametrize("strategy", [ConflictStrategy.MERGE, ConflictStrategy.OVERRIDE])
async def test_unknown_keys_of_the_metadata_are_kept(
    library: Path, strategy: ConflictStrategy
) -> None:
    make(library)
    add_model(library, json.dumps(META))
    await merge(library, strategy)
    found = stored_meta(library)
    assert (found["rating"], found["extra"]) == (META["rating"], META["extra"])


@pytest.mark.parametrize("strategy", [ConflictStrategy.MERGE, ConflictStrategy.OVERRIDE])
async def test_the_previews_that_are_there_stay_counted(
    library: Path, strategy: ConflictStrategy
) -> None:
    make(library)
    add_model(library, json.dumps(META))
    await merge(library, strategy)
    assert stored_meta(library)["images_count"] == 2


@pytest.mark.parametrize("meta", [None, *DAMAGED])
async def test_damaged_metadata_is_made_whole_by_a_merge(library: Path, meta: str | None) -> None:
    make(library)
    add_model(library, meta)
    await merge(library)
    assert stored_meta(library)["description"] == "theirs"


@pytest.mark.parametrize("meta", [None, *DAMAGED])
async def test_damaged_metadata_costs_no_other_field(library: Path, meta: str | None) -> None:
    make(library)
    add_model(library, meta)
    await merge(library)
    assert query(library, "SELECT path, name FROM models") == [("/mine", "mine")]


async def test_a_field_of_a_wrong_type_does_not_cost_the_others(library: Path) -> None:
    make(library)
    add_model(library, json.dumps({**META, "community_links": None}))
    await merge(library)
    found = stored_meta(library)
    assert (found["description"], found["images_count"], found["rating"]) == ("mine", 2, 5)


async def test_one_prompt_of_a_wrong_type_does_not_cost_the_other(library: Path) -> None:
    make(library)
    add_model(library, json.dumps({**META, "prompts": {"positive": "yes", "negative": None}}))
    await merge(library)
    assert stored_meta(library)["prompts"] == {"positive": "yes", "negative": ""}


async def test_unknown_keys_beside_the_prompts_are_kept(library: Path) -> None:
    make(library)
    prompts = {"positive": "yes", "negative": "", "style": "mine"}
    add_model(library, json.dumps({**META, "prompts": prompts}))
    await merge(library)
    assert stored_meta(library)["prompts"] == prompts


async def test_what_was_null_is_filled_by_a_merge(library: Path) -> None:
    make(library)
    add_model(library, None, name=None)
    await merge(library)
    found = query(library, "SELECT name, type, size_bytes, created_at FROM models")
    assert found == [("model 1", "loras", 10, 1_001)]


async def test_no_link_to_a_tag_is_ever_removed(library: Path) -> None:
    make(library)
    add_model(library, None)
    query(library, "INSERT INTO model_tags VALUES (?, 7)", sha(1))
    await merge(library, ConflictStrategy.OVERRIDE)
    assert query(library, "SELECT tag_id FROM model_tags ORDER BY tag_id") == [(7,), (13,)]


async def test_new_previews_follow_those_that_are_there(library: Path) -> None:
    make(library)
    add_model(library, json.dumps(META))
    async with opened(library) as bench:
        run = await bench.open_run()
        await bench.record(run, row(1, sha256=sha(1), images=("a.png",)))
        item = await bench.only_work(run)
        previews = await bench.take(item)
        await bench.store.apply([finished(item, image("a.png"), previews=previews.images_count)])
    assert stored_meta(library)["images_count"] == 3


async def test_a_model_that_waits_already_keeps_its_number_and_its_images(library: Path) -> None:
    make(library)
    meta = json.dumps({"images": ["mine.png"], "rating": 5})
    query(library, INSERT_PENDING, 40, "/waits", None, "mine", None, None, None, meta)
    async with opened(library) as bench:
        run = await bench.open_run()
        await bench.record(run, row(4, path="/waits", images=("theirs.png",)))
        await bench.store.apply([parked(await bench.only_work(run), "theirs.png")])
    ((number, name, text),) = query(library, "SELECT id, name, meta_json FROM pending_import")
    found = json.loads(text)
    assert (number, name, found["images"], found["rating"]) == (
        40,
        "mine",
        ["mine.png", "theirs.png"],
        5,
    )


async def test_a_number_that_is_taken_is_not_given_again(library: Path) -> None:
    make(library)
    query(library, INSERT_PENDING, 4, "/waits", None, "mine", None, None, None, None)
    async with opened(library) as bench:
        await bench.record(await bench.open_run(), row(4), row(5))
    found = query(library, "SELECT id, path FROM pending_import ORDER BY id")
    assert found == [(4, "/waits"), (5, "/models/5.safetensors"), (6, "/models/4.safetensors")]


async def test_a_number_that_was_promised_to_an_item_is_not_given_again(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, row(4, images=("a.png",)))
    await bench.end_run(run)
    other = await bench.open_run("/another/legacy.db")
    await bench.record(other, row(4, path="/other"))
    assert bench.sql("SELECT id, path FROM pending_import") == [(5, "/other")]


async def test_the_largest_key_does_not_use_up_the_numbers(bench: Bench) -> None:
    await bench.record(await bench.open_run(), row(-1), row(2**63 - 1))
    assert len(await bench.store.ask(PendingModels(0, 10))) == 2


SPOILED = {
    "another version": "UPDATE db_meta SET value = '3' WHERE key = 'db_version'",
    "a missing column": "ALTER TABLE models DROP COLUMN meta_json",
    "another table of that name": "DROP TABLE tags; CREATE TABLE tags (label TEXT)",
}


@pytest.mark.parametrize("spoiled", SPOILED.values(), ids=SPOILED.keys())
async def test_a_database_that_is_no_version_2_library_is_refused(
    library: Path, spoiled: str
) -> None:
    make(library, spoiled)
    with pytest.raises(LibraryDamaged):
        async with opened(library):
            pass


@pytest.mark.parametrize("spoiled", SPOILED.values(), ids=SPOILED.keys())
async def test_a_database_that_is_refused_is_left_as_it_was(library: Path, spoiled: str) -> None:
    make(library, spoiled)
    before = digests(library)
    with pytest.raises(LibraryDamaged):
        async with opened(library):
            pass
    assert digests(library) == before


@pytest.mark.parametrize("content", [b"no database at all, " * 100, b"SQLite format 3\x00" * 99])
async def test_a_file_that_is_no_database_is_refused(library: Path, content: bytes) -> None:
    put(library, content)
    with pytest.raises(LibraryDamaged):
        async with opened(library):
            pass


async def test_a_library_of_ours_that_version_2_has_moved_on_is_refused(library: Path) -> None:
    async with opened(library):
        pass
    query(library, "UPDATE db_meta SET value = '3' WHERE key = 'db_version'")
    with pytest.raises(LibraryDamaged):
        async with opened(library):
            pass


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
async def test_a_folder_whose_name_is_no_unicode_holds_a_library(tmp_path: Path) -> None:
    library = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    async with opened(library) as bench:
        await bench.open_run()
    assert database_path(library).is_file()
