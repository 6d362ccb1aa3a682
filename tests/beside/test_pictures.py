"""No picture that version 2 wrote is overwritten or removed, whatever the count says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.errors import UnknownImage
from engine.facts.conflicts import ConflictStrategy
from tests.beside.shelves import MODEL, Shelves, painted, problems
from tests.beside.version_2 import tiers_of
from tests.waiting_library import Row, migrate, opened, previews, query

pytestmark = pytest.mark.anyio

ONE = Row(1, b"same", hashed=True, images=(("one.png", painted("red")),))
TWO = Row(1, b"same", hashed=True, images=(*ONE.images, ("two.png", painted("lime"))))


async def shelve(shelves: Shelves) -> None:
    """One model with one picture, carried across."""
    shelves.legacy.add(ONE)
    async with opened(shelves.library) as service:
        await migrate(service, shelves.legacy)


async def migrate_with_a_second_image(shelves: Shelves) -> None:
    shelves.legacy.change(TWO)
    async with opened(shelves.library) as service:
        await migrate(service, shelves.legacy)


async def upload(shelves: Shelves) -> None:
    async with opened(shelves.library) as service:
        await service.catalogue.upload(MODEL, painted("lime"))


async def promote_a_twin(shelves: Shelves) -> None:
    shelves.legacy.add(Row(2, b"same", images=(("two.png", painted("lime")),)))
    async with opened(shelves.library) as service:
        await migrate(service, shelves.legacy)
        report = await service.promote([2], ConflictStrategy.MERGE)
    assert report.success == [2]


async def override_by_a_twin(shelves: Shelves) -> None:
    shelves.legacy.add(Row(2, b"same", images=(("two.png", painted("lime")),)))
    async with opened(shelves.library) as service:
        await migrate(service, shelves.legacy)
        report = await service.promote([2], ConflictStrategy.OVERRIDE)
    assert report.success == [2]


WRITERS = [migrate_with_a_second_image, upload, promote_a_twin, override_by_a_twin]

COUNTS = {
    "left": lambda shelves: None,
    "lost by an edit": lambda shelves: shelves.version_2.patch(MODEL, "edited"),
    "absent": lambda shelves: shelves.version_2.set_count(MODEL, None),
    "negative": lambda shelves: shelves.version_2.set_count(MODEL, -3),
    "huge": lambda shelves: shelves.version_2.set_count(MODEL, 10**9),
    "larger than any integer": lambda shelves: shelves.version_2.set_count(MODEL, 10**30),
    "no number": lambda shelves: shelves.version_2.set_count(MODEL, "three"),
}
"""What version 2 makes of the count when two pictures were uploaded beside the first."""


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("spoil", COUNTS.values(), ids=COUNTS.keys())
async def test_a_picture_is_added_after_those_that_version_2_has_added(
    shelves: Shelves, write: Callable[[Shelves], object], spoil: Callable[[Shelves], None]
) -> None:
    await shelve(shelves)
    for colour in ("blue", "yellow"):
        shelves.version_2.upload(MODEL, painted(colour))
    spoil(shelves)
    await write(shelves)  # type: ignore[misc]
    assert shelves.pictures() == ["red", "blue", "yellow", "lime"]
    assert shelves.count() == 4
    assert await problems(shelves.library) == []


@pytest.mark.parametrize("strategy", [ConflictStrategy.MERGE, ConflictStrategy.OVERRIDE])
async def test_a_twin_without_pictures_costs_no_picture(
    shelves: Shelves, strategy: ConflictStrategy
) -> None:
    await shelve(shelves)
    shelves.version_2.upload(MODEL, painted("blue"))
    shelves.legacy.add(Row(2, b"same", description="the twin"))
    async with opened(shelves.library) as service:
        await migrate(service, shelves.legacy)
        assert (await service.promote([2], strategy)).success == [2]
    assert shelves.pictures() == ["red", "blue"]


async def test_what_was_adopted_is_told(shelves: Shelves) -> None:
    await shelve(shelves)
    shelves.version_2.upload(MODEL, painted("blue"))
    await migrate_with_a_second_image(shelves)
    found = query(shelves.library, "SELECT code, detail FROM migration_warnings")
    assert found == [("previews_adopted", "images_count was 1; by the sets on disk it is 2")]


async def test_where_the_count_is_true_nothing_is_told(shelves: Shelves) -> None:
    await shelve(shelves)
    await migrate_with_a_second_image(shelves)
    assert shelves.pictures() == ["red", "lime"]
    assert shelves.warnings() == []


async def test_a_set_of_which_a_tier_is_missing_is_named_and_left_alone(shelves: Shelves) -> None:
    await shelve(shelves)
    shelves.version_2.upload(MODEL, painted("blue"))
    shelves.version_2.delete_tier(MODEL, 1, "medium")
    await migrate_with_a_second_image(shelves)
    assert shelves.warnings() == ["preview_incomplete"]
    assert (shelves.images / f"{MODEL}_1_high.webp").read_bytes() == tiers_of(painted("blue"))[
        "high"
    ]
    assert shelves.pictures() == ["red", "lime"]


@pytest.mark.parametrize("write", WRITERS)
async def test_a_gap_that_version_2_left_costs_no_picture(
    shelves: Shelves, write: Callable[[Shelves], object]
) -> None:
    await shelve(shelves)
    for colour in ("blue", "yellow"):
        shelves.version_2.upload(MODEL, painted(colour))
    shelves.version_2.delete_image(MODEL, 1)
    await write(shelves)  # type: ignore[misc]
    assert set(shelves.pictures()) == {"red", "yellow", "lime"}


async def test_pictures_beyond_a_gap_are_never_overwritten(shelves: Shelves) -> None:
    await shelve(shelves)
    for colour in ("blue", "yellow", "cyan"):
        shelves.version_2.upload(MODEL, painted(colour))
    shelves.version_2.delete_image(MODEL, 1)
    async with opened(shelves.library) as service:
        for colour in ("lime", "magenta"):
            await service.catalogue.upload(MODEL, painted(colour))
    assert set(shelves.pictures()) == {"red", "yellow", "cyan", "lime", "magenta"}
    assert shelves.count() == 5


async def test_the_number_of_a_picture_that_version_2_deleted_last_is_given_again(
    shelves: Shelves,
) -> None:
    await shelve(shelves)
    async with opened(shelves.library) as service:
        await service.catalogue.upload(MODEL, painted("blue"))
        shelves.version_2.delete_image(MODEL, 1)
        assert await service.catalogue.upload(MODEL, painted("lime")) == f"{MODEL}_1"
    assert (shelves.pictures(), shelves.count()) == (["red", "lime"], 2)
    assert await problems(shelves.library) == []


@pytest.mark.parametrize("spoil", COUNTS.values(), ids=COUNTS.keys())
async def test_the_removal_of_one_picture_costs_no_other(
    shelves: Shelves, spoil: Callable[[Shelves], None]
) -> None:
    await shelve(shelves)
    for colour in ("blue", "yellow"):
        shelves.version_2.upload(MODEL, painted(colour))
    spoil(shelves)
    async with opened(shelves.library) as service:
        await service.catalogue.remove_image(MODEL, 0)
    assert (shelves.pictures(), shelves.count()) == (["blue", "yellow"], 2)
    assert await problems(shelves.library) == []


async def test_a_picture_beyond_the_count_can_be_removed(shelves: Shelves) -> None:
    await shelve(shelves)
    for colour in ("blue", "yellow"):
        shelves.version_2.upload(MODEL, painted(colour))
    async with opened(shelves.library) as service:
        await service.catalogue.remove_image(MODEL, 1)
        with pytest.raises(UnknownImage):
            await service.catalogue.remove_image(MODEL, 2)
    assert (shelves.pictures(), shelves.count()) == (["red", "yellow"], 2)


async def test_a_removal_closes_the_gap_that_version_2_left(shelves: Shelves) -> None:
    await shelve(shelves)
    for colour in ("blue", "yellow"):
        shelves.version_2.upload(MODEL, painted(colour))
    shelves.version_2.delete_image(MODEL, 1)
    async with opened(shelves.library) as service:
        shelves.version_2.set_count(MODEL, 3)
        await service.catalogue.remove_image(MODEL, 1)
    assert (shelves.pictures(), shelves.count()) == (["red", "yellow"], 2)
    assert await problems(shelves.library) == []


@pytest.mark.parametrize("tier", ["high", "medium", "low"])
@pytest.mark.parametrize("damaged", [0, 1, 2])
async def test_a_missing_tier_does_not_hold_up_a_removal(
    shelves: Shelves, damaged: int, tier: str
) -> None:
    await shelve(shelves)
    async with opened(shelves.library) as service:
        for colour in ("blue", "yellow"):
            await service.catalogue.upload(MODEL, painted(colour))
        shelves.version_2.delete_tier(MODEL, damaged, tier)
        await service.catalogue.remove_image(MODEL, 0)
        left = {"red", "blue", "yellow"} - {"red", ["red", "blue", "yellow"][damaged]}
        assert set(shelves.pictures()) == left
    async with opened(shelves.library) as service:
        await service.catalogue.upload(MODEL, painted("lime"))
    assert set(shelves.pictures()) == {*left, "lime"}
    assert len(previews(shelves.library)) == 9 - (damaged != 0)
