"""A library that version 2's own migration has left, without the tags of models that wait, is made
whole by migrating the same source again."""

from __future__ import annotations

import json

import pytest

from tests.beside.shelves import Shelves, painted, problems
from tests.contract import version_2
from tests.waiting_library import Row, migrate, opened, originals, query, waiting

pytestmark = pytest.mark.anyio

WAITS = Row(
    1, b"waits", name="one", images=(("a.png", painted("red")),), tags=("style", "favourite")
)
OTHER = Row(2, b"waits too", name="two", tags=("new",))
WAITING = "INSERT INTO pending_import VALUES (?, ?, '', ?, '', ?, 0, ?)"


@pytest.fixture
def migrated(shelves: Shelves) -> Shelves:
    """What version 2's own migration makes of two models that wait: all but their tags."""
    shelves.legacy.add(WAITS, OTHER)
    version_2.make(shelves.library)
    (shelves.images / "pending").mkdir(parents=True)
    for row in (WAITS, OTHER):
        for name, content in row.images:
            (shelves.images / "pending" / name).write_bytes(content)
        images = [name for name, _ in row.images]
        meta: dict[str, object] = {"description": "", "community_links": "", "images": images}
        meta["prompts"] = {"positive": "", "negative": ""}
        path, size = str(shelves.legacy.path(row)), len(row.content)
        query(shelves.library, WAITING, row.key, path, row.name, size, json.dumps(meta))
    return shelves


async def test_the_tags_that_were_lost_come_back(migrated: Shelves) -> None:
    async with opened(migrated.library) as service:
        await migrate(service, migrated.legacy)
    found = waiting(migrated.library)
    assert {key: record["tags"] for key, record in found.items()} == {
        1: {"style", "favourite"},
        2: {"new"},
    }


async def test_nothing_waits_twice_and_no_original_is_kept_twice(migrated: Shelves) -> None:
    before = {key: {**record, "tags": set()} for key, record in waiting(migrated.library).items()}
    assert len(before) == 2
    async with opened(migrated.library) as service:
        await migrate(service, migrated.legacy)
    after = {key: {**record, "tags": set()} for key, record in waiting(migrated.library).items()}
    assert after == before
    assert originals(migrated.library) == {"a.png"}
    assert await problems(migrated.library) == []
