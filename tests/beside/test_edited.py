"""A row that is edited in the old manager after it was carried, beside a person who edits its model
in the new one: each difference is resolved, and said."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from engine.facts.catalogue import MetaPatch, ModelPatch
from engine.facts.conflicts import ConflictStrategy
from engine.facts.status import RunStatus
from tests.beside.shelves import MODEL, Shelves, painted, problems
from tests.waiting_library import (
    Row,
    active,
    migrate,
    opened,
    originals,
    picture,
    query,
    sha_of,
    waiting,
)

pytestmark = pytest.mark.anyio

HASHED = Row(1, b"same", hashed=True, name="one", description="old", tags=("kept", "gone"))
PICTURED = msgspec.structs.replace(HASHED, images=(("a.png", painted("red")),))
WAITS = msgspec.structs.replace(HASHED, hashed=False)
WAITS_PICTURED = msgspec.structs.replace(PICTURED, hashed=False)
KINDS = {
    "active": HASHED,
    "active, with a picture": PICTURED,
    "waiting": WAITS,
    "waiting, with a picture": WAITS_PICTURED,
}
each_kind = pytest.mark.parametrize("row", KINDS.values(), ids=KINDS.keys())


async def carry(
    shelves: Shelves, row: Row, strategy: ConflictStrategy = ConflictStrategy.MERGE
) -> RunStatus:
    """Migrate a library of this row, or of this version of it."""
    if query_legacy(shelves):
        shelves.legacy.change(row)
    else:
        shelves.legacy.add(row)
    async with opened(shelves.library) as service:
        return await migrate(service, shelves.legacy, strategy)


def query_legacy(shelves: Shelves) -> int:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(shelves.legacy.database)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM models").fetchone()
    return int(count)


def edited(row: Row, **fields: object) -> Row:
    return msgspec.structs.replace(row, **fields)


def the_record(shelves: Shelves, row: Row) -> dict[str, object]:
    (record,) = (active(shelves.library) if row.hashed else waiting(shelves.library)).values()
    return record


def notices(shelves: Shelves) -> Counter[str]:
    return Counter(code for code in shelves.warnings() if code.startswith(("edit_", "removed_")))


async def edit_here(shelves: Shelves, row: Row, patch: ModelPatch) -> None:
    async with opened(shelves.library) as service:
        if row.hashed:
            await service.catalogue.edit(MODEL, patch)
        else:
            await service.catalogue.edit_pending(1, patch)


@each_kind
async def test_what_was_edited_in_the_source_alone_follows_it(shelves: Shelves, row: Row) -> None:
    await carry(shelves, row)
    await carry(
        shelves, edited(row, name="two", description="new", community_links="link", positive="p")
    )
    record = the_record(shelves, row)
    assert (record["name"], record["description"]) == ("two", "new")
    assert (record["community_links"], record["positive"]) == ("link", "p")
    assert notices(shelves) == {"edit_followed": 4}
    assert await problems(shelves.library) == []


@each_kind
async def test_what_was_edited_here_alone_stays(shelves: Shelves, row: Row) -> None:
    await carry(shelves, row)
    await edit_here(shelves, row, ModelPatch(name="", meta_json=MetaPatch(description="mine")))
    await carry(shelves, edited(row, community_links="link"))
    record = the_record(shelves, row)
    assert (record["name"], record["description"], record["community_links"]) == (
        "",
        "mine",
        "link",
    )
    assert notices(shelves) == {"edit_followed": 1}


STRATEGIES = {
    ConflictStrategy.MERGE: ("mine", {"edit_kept": 1}),
    ConflictStrategy.OVERRIDE: ("new", {"edit_followed": 1}),
    ConflictStrategy.IGNORE: ("mine", {"edit_kept": 1}),
}


@each_kind
@pytest.mark.parametrize(("strategy", "outcome"), STRATEGIES.items())
async def test_what_was_edited_in_both_goes_by_the_strategy(
    shelves: Shelves,
    row: Row,
    strategy: ConflictStrategy,
    outcome: tuple[str, dict[str, int]],
) -> None:
    await carry(shelves, row)
    await edit_here(shelves, row, ModelPatch(meta_json=MetaPatch(description="mine")))
    await carry(shelves, edited(row, description="new"), strategy)
    record = the_record(shelves, row)
    assert (record["description"], notices(shelves)) == outcome


@each_kind
async def test_a_tag_that_was_renamed_in_the_source_is_renamed_here(
    shelves: Shelves, row: Row
) -> None:
    await carry(shelves, row)
    await edit_tags(shelves, row, "mine")
    await carry(shelves, edited(row, tags=("kept", "renamed")))
    assert the_record(shelves, row)["tags"] == {"kept", "renamed", "mine"}
    assert notices(shelves) == {"edit_followed": 2}


async def edit_tags(shelves: Shelves, row: Row, added: str, removed: tuple[str, ...] = ()) -> None:
    async with opened(shelves.library) as service:
        hashes, pending = ([MODEL], []) if row.hashed else ([], [1])
        await service.catalogue.change_tags(hashes, pending, [added], removed)


@each_kind
async def test_a_tag_that_was_taken_off_here_is_not_put_back(shelves: Shelves, row: Row) -> None:
    await carry(shelves, row)
    await edit_tags(shelves, row, "mine", ("kept",))
    await carry(shelves, edited(row, description="new"))
    assert the_record(shelves, row)["tags"] == {"gone", "mine"}


async def test_a_tag_that_another_row_of_the_content_has_as_well_stays(shelves: Shelves) -> None:
    shelves.legacy.add(Row(2, b"same", hashed=True, tags=("gone",)))
    await carry_first(shelves, HASHED)
    await carry(shelves, edited(HASHED, tags=("kept",)))
    assert active(shelves.library)[MODEL]["tags"] == {"kept", "gone"}
    assert notices(shelves) == {"edit_kept": 1}


async def carry_first(shelves: Shelves, row: Row) -> None:
    shelves.legacy.add(row)
    async with opened(shelves.library) as service:
        await migrate(service, shelves.legacy)


@each_kind
async def test_a_file_that_moved_is_followed(shelves: Shelves, row: Row) -> None:
    await carry(shelves, row)
    shelves.legacy.path(row).unlink()
    moved = edited(row, file="moved.safetensors")
    await carry(shelves, moved)
    assert the_record(shelves, row)["path"] == str(shelves.legacy.path(moved))
    assert notices(shelves) == {"edit_followed": 1}
    assert await problems(shelves.library) == []


@each_kind
async def test_a_path_that_was_corrected_here_stays(shelves: Shelves, row: Row) -> None:
    await carry(shelves, row)
    mine = shelves.legacy.models / "mine.safetensors"
    mine.write_bytes(row.content)
    await edit_here(shelves, row, ModelPatch(path=str(mine)))
    await carry(shelves, edited(row, file="moved.safetensors"))
    assert the_record(shelves, row)["path"] == str(mine)
    assert notices(shelves) == {"edit_kept": 1}
    assert [each.code for each in await problems(shelves.library)] == []


@each_kind
async def test_nothing_is_done_again_for_a_row_that_was_edited_once(
    shelves: Shelves, row: Row
) -> None:
    from tests import commands

    await carry(shelves, row)
    await carry(shelves, edited(row, description="new"))
    before = commands.files_of(shelves.library)
    async with opened(shelves.library) as service:
        await migrate(service, shelves.legacy)
    assert commands.files_of(shelves.library) == before


async def test_a_row_that_was_hashed_by_its_promotion_is_followed_by_its_model(
    shelves: Shelves,
) -> None:
    await carry(shelves, WAITS_PICTURED)
    async with opened(shelves.library) as service:
        await service.promote([1], None)
    await carry(shelves, edited(WAITS_PICTURED, description="new", tags=("kept",)))
    assert waiting(shelves.library) == {}
    record = active(shelves.library)[MODEL]
    assert (record["description"], record["tags"], record["images_count"]) == ("new", {"kept"}, 1)
    assert await problems(shelves.library) == []


# --- hashed later


@pytest.mark.parametrize("row", [WAITS, WAITS_PICTURED], ids=["plain", "with a picture"])
async def test_a_row_that_is_hashed_later_becomes_active_and_leaves_the_queue(
    shelves: Shelves, row: Row
) -> None:
    await carry(shelves, row)
    ended = await carry(shelves, edited(row, hashed=True))
    assert waiting(shelves.library) == {}
    record = active(shelves.library)[MODEL]
    assert (record["name"], record["description"], record["tags"]) == (
        "one",
        "old",
        {"kept", "gone"},
    )
    assert record["images_count"] == len(row.images)
    assert (ended.counts.promoted, ended.counts.failed, ended.work) == (1, 0, 0)
    assert originals(shelves.library) == set()
    states = query(shelves.library, "SELECT DISTINCT state, pending_id FROM migration_items")
    assert states == [("promoted", None)]
    assert await problems(shelves.library) == []


async def test_what_was_edited_while_it_waited_comes_along(shelves: Shelves) -> None:
    await carry(shelves, WAITS_PICTURED)
    await edit_here(shelves, WAITS, ModelPatch(meta_json=MetaPatch(description="mine")))
    await edit_tags(shelves, WAITS, "mine", ("gone",))
    await carry(shelves, edited(WAITS_PICTURED, hashed=True, name="two"))
    record = active(shelves.library)[MODEL]
    assert (record["name"], record["description"]) == ("two", "mine")
    assert record["tags"] == {"kept", "mine"}


async def test_an_original_whose_image_is_gone_by_then_becomes_a_preview(shelves: Shelves) -> None:
    await carry(shelves, WAITS_PICTURED)
    row = edited(WAITS_PICTURED, hashed=True, images=(("b.png", picture(2)),))
    (shelves.legacy.images / "a.png").unlink()
    await carry(shelves, row)
    assert active(shelves.library)[MODEL]["images_count"] == 2
    assert originals(shelves.library) == set()
    assert await problems(shelves.library) == []


async def test_a_model_that_version_2_found_leaves_the_queue_when_its_row_is_hashed(
    shelves: Shelves,
) -> None:
    async with opened(shelves.library):
        pass
    path = shelves.legacy.path(HASHED)
    path.write_bytes(HASHED.content)
    shelves.version_2.scan(path)
    await carry(shelves, HASHED)
    assert waiting(shelves.library) == {}
    assert active(shelves.library)[MODEL]["description"] == "old"
    assert await problems(shelves.library) == []


# --- removed


@each_kind
async def test_a_model_that_was_removed_stays_removed(shelves: Shelves, row: Row) -> None:
    await carry(shelves, row)
    remove(shelves, row)
    ended = await carry(shelves, edited(row, description="new"))
    assert (active(shelves.library), waiting(shelves.library)) == ({}, {})
    assert notices(shelves) == {"removed_stays": 1}
    assert ended.counts.total == 0
    await carry(shelves, edited(row, description="newer"))
    assert (active(shelves.library), waiting(shelves.library)) == ({}, {})
    assert await problems(shelves.library) == []


def remove(shelves: Shelves, row: Row) -> None:
    if row.hashed:
        shelves.version_2.delete_model(MODEL)
    else:
        shelves.version_2.remove_waiting(1)


@each_kind
async def test_a_model_that_was_removed_comes_back_whole_when_asked_for(
    shelves: Shelves, row: Row
) -> None:
    await carry(shelves, row)
    remove(shelves, row)
    await carry(shelves, edited(row, description="new"), ConflictStrategy.OVERRIDE)
    record = the_record(shelves, row)
    assert (record["name"], record["description"], record["tags"]) == (
        "one",
        "new",
        {"kept", "gone"},
    )
    if row.hashed:
        assert record["images_count"] == len(row.images)
        assert shelves.pictures() == [colour for colour in ("red",) if row.images]
    else:
        assert record["images"] == [name for name, _ in row.images]
    assert await problems(shelves.library) == []


async def test_pictures_that_outlived_their_model_are_not_doubled(shelves: Shelves) -> None:
    await carry(shelves, PICTURED)
    shelves.version_2.forget_model(MODEL)
    await carry(shelves, edited(PICTURED, description="new"), ConflictStrategy.OVERRIDE)
    assert (shelves.count(), shelves.pictures()) == (1, ["red"])
    assert await problems(shelves.library) == []


async def test_another_content_at_the_row_of_a_removed_model_is_carried(shelves: Shelves) -> None:
    await carry(shelves, HASHED)
    shelves.version_2.delete_model(MODEL)
    await carry(shelves, edited(HASHED, content=b"another"))
    assert set(active(shelves.library)) == {sha_of(b"another")}
