"""Of two models at one path, the content of one lies there: whoever comes second says so."""

from __future__ import annotations

import pytest

from tests.beside.shelves import Shelves, problems
from tests.waiting_library import Row, active, migrate, opened, picture, query, sha_of

pytestmark = pytest.mark.anyio

OLD = Row(1, b"old content", hashed=True, description="of the old one")
NEW = Row(1, b"new content", hashed=True, description="of the new one")
UNHASHED = Row(1, b"new content", description="of the new one")
TOLD = ("path_replaced", f"the active model {sha_of(OLD.content)} has it too")


async def carry(shelves: Shelves, row: Row) -> None:
    """The row as it is now, after it was carried as it was."""
    shelves.legacy.add(OLD)
    async with opened(shelves.library) as service:
        await migrate(service, shelves.legacy)
    shelves.legacy.change(row)
    async with opened(shelves.library) as service:
        await migrate(service, shelves.legacy)


def told(shelves: Shelves) -> list[tuple[str, str]]:
    return query(shelves.library, "SELECT code, detail FROM migration_warnings")


async def test_a_file_that_was_replaced_and_hashed_anew_is_told_with_the_model_it_replaced(
    shelves: Shelves,
) -> None:
    await carry(shelves, NEW)
    assert told(shelves) == [TOLD]
    assert {record["description"] for record in active(shelves.library).values()} == {
        "of the old one",
        "of the new one",
    }


async def test_one_with_images_is_told_as_well(shelves: Shelves) -> None:
    await carry(shelves, Row(1, b"new content", hashed=True, images=(("a.png", picture(1)),)))
    assert told(shelves) == [TOLD]


async def test_one_that_is_hashed_by_its_promotion_is_told_as_well(shelves: Shelves) -> None:
    await carry(shelves, UNHASHED)
    async with opened(shelves.library) as service:
        assert (await service.promote([1], None)).success == [1]
    assert told(shelves) == [TOLD]


async def test_a_model_that_version_2_had_at_the_path_is_told_at_the_first_migration(
    shelves: Shelves,
) -> None:
    async with opened(shelves.library):
        pass
    path = shelves.legacy.path(NEW)
    query(
        shelves.library,
        "INSERT INTO models VALUES (?, ?, '', '', 0, 0, ?)",
        sha_of(OLD.content),
        str(path),
        '{"description": "", "community_links": "", "images_count": 0, '
        '"prompts": {"positive": "", "negative": ""}}',
    )
    shelves.legacy.add(NEW)
    async with opened(shelves.library) as service:
        await migrate(service, shelves.legacy)
    assert told(shelves) == [TOLD]


async def test_verification_names_both_without_reading_a_file(shelves: Shelves) -> None:
    await carry(shelves, NEW)
    (found,) = await problems(shelves.library)
    assert (found.code, found.path) == ("path_twice", str(shelves.legacy.path(NEW)))
    assert sha_of(OLD.content) in found.detail
    assert sha_of(NEW.content) in found.detail


async def test_nothing_is_told_of_a_model_that_keeps_its_path(shelves: Shelves) -> None:
    await carry(shelves, Row(1, b"old content", hashed=True, description="edited"))
    assert "path_replaced" not in shelves.warnings()
