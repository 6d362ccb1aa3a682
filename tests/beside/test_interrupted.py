"""What an interruption leaves is cleared away, and what version 2 wrote meanwhile is not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from adapters.files.library import DiskLibrary
from engine.errors import StorageFailed
from tests.beside.shelves import MODEL, Shelves, painted, problems
from tests.refusing_disk import refused
from tests.waiting_library import Row, migrate, opened, query

pytestmark = pytest.mark.anyio

COLOURS = ("red", "lime", "blue")


async def shelve(shelves: Shelves) -> None:
    """One model with three pictures, carried across."""
    images = tuple((f"{colour}.png", painted(colour)) for colour in COLOURS)
    shelves.legacy.add(Row(1, b"same", hashed=True, images=images))
    async with opened(shelves.library) as service:
        await migrate(service, shelves.legacy)


async def stop_an_upload(shelves: Shelves) -> None:
    async with opened(shelves.library) as service:
        with refused(f"{MODEL}_3_low.webp"), pytest.raises(StorageFailed):
            await service.catalogue.upload(MODEL, painted("cyan"))


async def stop_a_removal(shelves: Shelves) -> None:
    """The first picture is gone, and the last cannot take its new place."""
    async with opened(shelves.library) as service:
        with refused(f"{MODEL}_1_high.webp"), pytest.raises(StorageFailed):
            await service.catalogue.remove_image(MODEL, 0)


async def start(shelves: Shelves) -> None:
    async with opened(shelves.library):
        pass


async def test_a_picture_that_version_2_wrote_after_a_stopped_upload_is_kept(
    shelves: Shelves,
) -> None:
    await shelve(shelves)
    await stop_an_upload(shelves)
    assert shelves.version_2.upload(MODEL, painted("yellow")) == 4
    await start(shelves)
    assert shelves.pictures() == [*COLOURS, "yellow"]
    assert query(shelves.library, "SELECT * FROM migration_writes") == []


async def test_a_picture_that_version_2_wrote_in_the_place_of_a_stopped_upload_is_kept(
    shelves: Shelves,
) -> None:
    await shelve(shelves)
    await stop_an_upload(shelves)
    shelves.version_2.delete_image(MODEL, 3)
    assert shelves.version_2.upload(MODEL, painted("yellow")) == 3
    await start(shelves)
    assert shelves.pictures() == [*COLOURS, "yellow"]


async def test_a_picture_that_version_2_writes_just_before_ours_is_kept(
    shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shelve(shelves)
    write, late = DiskLibrary.write_sets, ["yellow", "magenta"]

    def write_after_version_2(
        files: DiskLibrary, sha256: str, seq: int, sets: Sequence[tuple[bytes, ...]]
    ) -> int:
        if late:
            shelves.version_2.write_set(sha256, seq, painted(late.pop(0)))
        return write(files, sha256, seq, sets)

    monkeypatch.setattr(DiskLibrary, "write_sets", write_after_version_2)
    async with opened(shelves.library) as service:
        assert await service.catalogue.upload(MODEL, painted("cyan")) == f"{MODEL}_5"
    assert shelves.pictures() == [*COLOURS, "yellow", "magenta", "cyan"]
    assert shelves.count() == 6
    assert await problems(shelves.library) == []


@pytest.mark.parametrize("seq", range(3))
@pytest.mark.parametrize("tier", ["high", "medium", "low"])
async def test_a_library_opens_whatever_tier_is_missing_after_a_stopped_removal(
    shelves: Shelves, seq: int, tier: str
) -> None:
    await shelve(shelves)
    await stop_a_removal(shelves)
    shelves.version_2.delete_tier(MODEL, seq, tier)
    await start(shelves)
    assert query(shelves.library, "SELECT * FROM migration_removals") == []
    assert "blue" in shelves.pictures() or seq == 2
    assert "lime" in shelves.pictures() or seq == 0


async def test_a_library_opens_when_the_model_of_a_stopped_removal_is_gone(
    shelves: Shelves,
) -> None:
    await shelve(shelves)
    await stop_a_removal(shelves)
    shelves.version_2.delete_model(MODEL)
    await start(shelves)
    assert query(shelves.library, "SELECT * FROM migration_removals") == []
    assert shelves.pictures() == []


async def test_a_picture_that_version_2_wrote_after_a_stopped_removal_is_kept(
    shelves: Shelves,
) -> None:
    await shelve(shelves)
    await stop_a_removal(shelves)
    shelves.version_2.upload(MODEL, painted("yellow"))
    await start(shelves)
    assert shelves.pictures() == ["lime", "blue", "yellow"]
    assert await problems(shelves.library) == []


async def test_a_picture_that_version_2_wrote_in_the_place_of_one_to_be_moved_is_kept(
    shelves: Shelves,
) -> None:
    await shelve(shelves)
    await stop_a_removal(shelves)
    shelves.version_2.delete_image(MODEL, 1)
    shelves.version_2.upload(MODEL, painted("yellow"))
    await start(shelves)
    assert set(shelves.pictures()) == {"lime", "yellow", "blue"}
