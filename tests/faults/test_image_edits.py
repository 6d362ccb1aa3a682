"""Edits of images that the disk stops half-way: what is asked for next, and the next start."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import StorageFailed
from engine.facts.conflicts import ConflictStrategy
from engine.service import MigrationService
from tests.refusing_disk import refused
from tests.waiting_library import (
    Legacy,
    Row,
    expected_previews,
    migrate,
    opened,
    picture,
    preview_names,
    previews,
    query,
    sha_of,
)

pytestmark = pytest.mark.anyio

MODEL = sha_of(b"same")


@pytest.fixture
def legacy(tmp_path: Path) -> Legacy:
    """A model with three images, and one of the same content that waits with another."""
    images = tuple((f"{number}.png", picture(80 * number)) for number in range(3))
    return Legacy(
        tmp_path / "legacy",
        [
            Row(1, b"same", hashed=True, images=images),
            Row(2, b"same", images=(("waiting.png", picture(240)),)),
        ],
    )


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


def low_tiers(library: Path) -> list[bytes]:
    """The smallest previews of the model, in their order."""
    paths = sorted((library / "images").glob(f"{MODEL}_*_low.webp"))
    return [path.read_bytes() for path in paths]


async def stop_a_removal(service: MigrationService, library: Path, seq: int) -> None:
    """Ask for a removal while the disk refuses to move the last set down."""
    with refused(f"{MODEL}_1_medium.webp"), pytest.raises(StorageFailed):
        await service.catalogue.remove_image(MODEL, seq)


async def test_a_removal_that_was_stopped_is_carried_out_once_when_it_is_asked_for_again(
    legacy: Legacy, library: Path
) -> None:
    async with opened(library) as service:
        await migrate(service, legacy)
        before = low_tiers(library)
        await stop_a_removal(service, library, 0)
        await service.catalogue.remove_image(MODEL, 0)
        assert low_tiers(library) == before[1:]


async def test_an_upload_after_a_removal_that_was_stopped_is_kept_by_the_next_start(
    legacy: Legacy, library: Path
) -> None:
    async with opened(library) as service:
        await migrate(service, legacy)
        before = low_tiers(library)
        await stop_a_removal(service, library, 0)
        assert await service.catalogue.upload(MODEL, picture(120)) == f"{MODEL}_2"
        uploaded = low_tiers(library)[2]
    async with opened(library):
        assert low_tiers(library) == [*before[1:], uploaded]


async def test_previews_promoted_after_a_removal_that_was_stopped_are_kept_by_the_next_start(
    legacy: Legacy, library: Path
) -> None:
    async with opened(library) as service:
        await migrate(service, legacy)
        before = low_tiers(library)
        await stop_a_removal(service, library, 0)
        report = await service.promote([2], ConflictStrategy.MERGE)
        assert report.success == [2]
        promoted = low_tiers(library)[-1]
    async with opened(library):
        assert low_tiers(library) == [*before[1:], promoted]
    assert previews(library) == expected_previews(library)


async def test_an_upload_that_was_stopped_leaves_nothing_after_the_next_start(
    legacy: Legacy, library: Path
) -> None:
    async with opened(library) as service:
        await migrate(service, legacy)
        with refused(f"{MODEL}_3_low.webp"), pytest.raises(StorageFailed):
            await service.catalogue.upload(MODEL, picture(120))
        assert previews(library) > preview_names(MODEL, 3)
    async with opened(library):
        assert previews(library) == preview_names(MODEL, 3)


async def test_a_start_goes_on_when_version_2_has_removed_the_model_of_a_stopped_removal(
    legacy: Legacy, library: Path
) -> None:
    async with opened(library) as service:
        await migrate(service, legacy)
        await stop_a_removal(service, library, 0)
    query(library, "DELETE FROM models WHERE sha256 = ?", MODEL)
    async with opened(library):
        assert query(library, "SELECT * FROM migration_removals") == []
