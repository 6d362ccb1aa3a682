"""An image that could not be carried is carried when it is there, or another, the next time."""

from __future__ import annotations

import pytest

from engine.facts.conflicts import ConflictStrategy
from engine.facts.status import RunStatus, import_report
from tests import commands
from tests.beside.shelves import MODEL, Shelves, painted, problems
from tests.waiting_library import Row, active, migrate, opened, originals, query, sha_of, waiting

pytestmark = pytest.mark.anyio

NAMES = (("a.png", painted("red")), ("b.png", painted("lime")))
HASHED = Row(1, b"same", hashed=True, name="one", description="mine", images=NAMES, tags=("t",))
WAITS = Row(2, b"other", name="two", images=(("c.png", painted("blue")),))


async def again(shelves: Shelves, strategy: ConflictStrategy = ConflictStrategy.MERGE) -> RunStatus:
    async with opened(shelves.library) as service:
        return await migrate(service, shelves.legacy, strategy)


async def shelve_without(shelves: Shelves, content: bytes | None) -> None:
    """Migrate a hashed row and one that waits, with only the first of three images there."""
    shelves.legacy.add(HASHED, WAITS)
    for name in ("b.png", "c.png"):
        path = shelves.legacy.images / name
        path.unlink() if content is None else path.write_bytes(content)
    await again(shelves)


def put_back(shelves: Shelves) -> None:
    for name, data in (*NAMES, *WAITS.images):
        if not (shelves.legacy.images / name).exists() or name != "a.png":
            (shelves.legacy.images / name).write_bytes(data)


BEFORE = {"missing": None, "no image": b"no image", "empty": b""}


@pytest.mark.parametrize("content", BEFORE.values(), ids=BEFORE.keys())
async def test_an_image_that_is_there_now_is_carried(
    shelves: Shelves, content: bytes | None
) -> None:
    await shelve_without(shelves, content)
    put_back(shelves)
    ended = await again(shelves)
    assert (shelves.pictures(), originals(shelves.library)) == (["red", "lime"], {"c.png"})
    assert waiting(shelves.library)[2]["images"] == ["c.png"]
    report = import_report(ended)
    assert (report.images_processed, report.image_errors, report.errors) == (2, 0, 0)
    assert await problems(shelves.library) == []


@pytest.mark.parametrize("content", BEFORE.values(), ids=BEFORE.keys())
async def test_nothing_is_done_again_where_no_image_has_changed(
    shelves: Shelves, content: bytes | None
) -> None:
    await shelve_without(shelves, content)
    before = commands.files_of(shelves.library)
    first = await again(shelves)
    assert first.run is not None
    assert first.run.id == 1
    assert commands.files_of(shelves.library) == before


async def test_what_was_carried_the_second_time_is_not_carried_a_third(shelves: Shelves) -> None:
    await shelve_without(shelves, None)
    put_back(shelves)
    await again(shelves)
    before = commands.files_of(shelves.library)
    await again(shelves)
    assert commands.files_of(shelves.library) == before


async def test_each_image_is_carried_when_it_comes(shelves: Shelves) -> None:
    await shelve_without(shelves, None)
    (shelves.legacy.images / "c.png").write_bytes(painted("blue"))
    await again(shelves)
    (shelves.legacy.images / "b.png").write_bytes(painted("lime"))
    await again(shelves)
    assert (shelves.pictures(), originals(shelves.library)) == (["red", "lime"], {"c.png"})


async def test_the_images_of_one_row_are_carried_one_by_one(shelves: Shelves) -> None:
    shelves.legacy.add(HASHED)
    for name, _ in NAMES:
        (shelves.legacy.images / name).unlink()
    await again(shelves)
    for name, data in reversed(NAMES):
        (shelves.legacy.images / name).write_bytes(data)
        await again(shelves)
    assert shelves.pictures() == ["lime", "red"]


async def test_an_image_that_is_still_none_is_told_of_once(shelves: Shelves) -> None:
    await shelve_without(shelves, b"no image")
    (shelves.legacy.images / "b.png").write_bytes(b"still no image")
    ended = await again(shelves)
    assert (ended.warnings, ended.images.failed) == (1, 1)
    before = commands.files_of(shelves.library)
    await again(shelves)
    assert commands.files_of(shelves.library) == before


async def test_images_are_carried_when_their_folder_is_there(shelves: Shelves) -> None:
    shelves.legacy.add(HASHED, WAITS)
    away = shelves.legacy.images.with_name("away")
    shelves.legacy.images.rename(away)
    await again(shelves)
    assert shelves.pictures() == []
    away.rename(shelves.legacy.images)
    await again(shelves)
    assert (shelves.pictures(), originals(shelves.library)) == (["red", "lime"], {"c.png"})


@pytest.mark.parametrize("strategy", [ConflictStrategy.MERGE, ConflictStrategy.OVERRIDE])
async def test_only_images_are_added(shelves: Shelves, strategy: ConflictStrategy) -> None:
    await shelve_without(shelves, None)
    shelves.version_2.patch(MODEL, "edited")
    query(shelves.library, "UPDATE models SET name = '', path = '/moved'")
    query(shelves.library, "DELETE FROM model_tags")
    query(shelves.library, "UPDATE pending_import SET name = 'edited', type = 'vae'")
    put_back(shelves)
    await again(shelves, strategy)
    found = active(shelves.library)[MODEL]
    told = (found["description"], found["name"], found["path"], found["tags"])
    assert told == ("edited", "", "/moved", set())
    waits = waiting(shelves.library)[2]
    assert (waits["name"], waits["type"], waits["images"]) == ("edited", "vae", ["c.png"])
    assert shelves.pictures() == ["red", "lime"]


async def test_a_model_that_was_removed_does_not_come_back(shelves: Shelves) -> None:
    await shelve_without(shelves, None)
    shelves.version_2.delete_model(MODEL)
    query(shelves.library, "DELETE FROM pending_import")
    put_back(shelves)
    ended = await again(shelves)
    assert (active(shelves.library), waiting(shelves.library)) == ({}, {})
    assert (ended.counts.total, originals(shelves.library)) == (0, set())
    before = commands.files_of(shelves.library)
    await again(shelves)
    assert commands.files_of(shelves.library) == before


async def test_an_image_of_a_model_that_was_promoted_meanwhile_becomes_a_preview(
    shelves: Shelves,
) -> None:
    await shelve_without(shelves, None)
    async with opened(shelves.library) as service:
        assert (await service.promote([2], None)).success == [2]
    put_back(shelves)
    await again(shelves)
    assert shelves.pictures(sha_of(b"other")) == ["blue"]


async def test_a_row_that_has_changed_as_well_is_carried_too(shelves: Shelves) -> None:
    await shelve_without(shelves, None)
    shelves.legacy.change(
        Row(
            1,
            b"same",
            hashed=True,
            community_links="new",
            images=(*NAMES, ("d.png", painted("cyan"))),
        )
    )
    put_back(shelves)
    ended = await again(shelves)
    assert (ended.work, ended.counts.pending, ended.counts.promoted) == (0, 1, 2)
    assert active(shelves.library)[MODEL]["community_links"] == "new"
    assert set(shelves.pictures()) == {"red", "lime", "cyan"}


async def test_an_image_that_came_late_is_promoted_with_its_model(shelves: Shelves) -> None:
    await shelve_without(shelves, None)
    put_back(shelves)
    await again(shelves)
    async with opened(shelves.library) as service:
        assert (await service.promote([2], None)).success == [2]
    assert (shelves.pictures(sha_of(b"other")), originals(shelves.library)) == (["blue"], set())
    assert await problems(shelves.library) == []


async def test_an_image_that_comes_before_a_retry_is_carried_with_it(shelves: Shelves) -> None:
    await shelve_without(shelves, None)
    query(
        shelves.library,
        "UPDATE migration_runs SET status = 'interrupted', finished_at = NULL WHERE id = 1",
    )
    put_back(shelves)
    ended = await again(shelves)
    assert ended.run is not None
    assert ended.run.id == 1
    assert shelves.pictures() == ["red", "lime"]
