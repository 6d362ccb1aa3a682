"""The original images of models that wait: kept where they can be, told of where they cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.facts.status import RunStatus
from tests.waiting_library import Legacy, Row, migrate, opened, originals, picture, waiting

pytestmark = pytest.mark.anyio

FIRST, LAST = picture(1), picture(222)


async def migrated(folder: Path, *images: str) -> tuple[RunStatus, list[tuple[str, str]]]:
    """A model that waits with these images, `lost.png` gone; its run, and its warnings."""
    contents = {"first.png": FIRST, "lost.png": b"", "last.png": LAST}
    row = Row(1, b"waits", images=tuple((name, contents[name]) for name in images))
    legacy = Legacy(folder / "legacy", [row])
    (legacy.images / "lost.png").unlink(missing_ok=True)
    async with opened(folder / "library") as service:
        status = await migrate(service, legacy)
        assert status.run is not None
        warned = await service.warnings(status.run.id, 0, 10)
    return status, [(told.code, told.path) for _, told in warned]


async def test_a_model_whose_only_image_is_missing_waits_without_one(tmp_path: Path) -> None:
    status, _ = await migrated(tmp_path, "lost.png")
    assert (status.counts.pending, status.counts.failed) == (1, 0)
    assert waiting(tmp_path / "library")[1]["images"] == []


async def test_a_missing_original_is_told_of_once(tmp_path: Path) -> None:
    status, warned = await migrated(tmp_path, "lost.png")
    assert status.images.failed == 1
    assert [code for code, _ in warned] == ["image_missing"]


async def test_a_missing_original_leaves_the_others_in_their_order(tmp_path: Path) -> None:
    await migrated(tmp_path, "first.png", "lost.png", "last.png")
    assert waiting(tmp_path / "library")[1]["images"] == ["first.png", "last.png"]
    assert originals(tmp_path / "library") == {"first.png", "last.png"}


async def test_only_originals_that_were_kept_are_counted(tmp_path: Path) -> None:
    status, _ = await migrated(tmp_path, "first.png", "lost.png")
    assert (status.images.done, status.images.bytes_read) == (1, len(FIRST))
