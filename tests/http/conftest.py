"""Small libraries over HTTP, and a server on one for the length of a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.server import Server, serving
from tests.waiting_library import Legacy, Row, picture

ROWS = (
    Row(
        1,
        b"one",
        hashed=True,
        name="first",
        type="loras",
        created_at=1_700_000_000_001,
        description="a description",
        community_links="https://example.org/1",
        positive="sun",
        negative="rain",
        images=tuple((f"one_{part}.png", picture(part * 90)) for part in range(3)),
        tags=("style", "anime"),
    ),
    Row(2, b"two", hashed=True, file="二 two.safetensors", type="checkpoints"),
    Row(3, b"three", hashed=True, name="third", type="", images=(("c.png", picture(9)),)),
    Row(
        4,
        b"four",
        file="四 four.safetensors",
        type="loras",
        images=(("four_0.png", picture(40)), ("four_1.png", picture(41))),
        tags=("style",),
    ),
    Row(5, b"five", name="fifth", type="loras"),
)


def small_legacy(folder: Path) -> Legacy:
    """Three hashed models with 3, 0 and 1 images, and two that will wait, with 2 and 0."""
    return Legacy(folder, ROWS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that a module's server may read lies below it."""
    return tmp_path_factory.mktemp("http")


@pytest.fixture(scope="module")
def legacy(folder: Path) -> Legacy:
    return small_legacy(folder / "legacy")


@pytest.fixture(scope="module")
def server(folder: Path, legacy: Legacy) -> Iterator[Server]:
    """A server without model folders and without a client's folder, on a migrated library."""
    with serving(folder / "library", "--allow-path", folder) as running:
        body = {"legacy_db_path": str(legacy.database), "legacy_images_dir": str(legacy.images)}
        done = running.send("/api/migration/migrate_legacy_db", body)
        assert done.status == 200, done
        assert done.json["status"] == "success"
        assert done.json["db_migration"] == {
            "migrated": 3,
            "pending": 2,
            "errors": 0,
            "images_processed": 6,
            "image_errors": 0,
        }
        yield running
