"""Which images a migration on the command line opens: those in folders that were named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import commands
from tests.waiting_library import Legacy, Row, picture, previews

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")


@pytest.fixture
def legacy(tmp_path: Path) -> Legacy:
    """A hashed model and one that waits, with an image each, in a folder that a link leads to."""
    rows = [
        Row(1, b"one", hashed=True, images=(("one.png", picture(1)),)),
        Row(2, b"two", images=(("two.png", picture(2)),)),
    ]
    found = Legacy(tmp_path / "old", rows)
    found.images.rename(tmp_path / "elsewhere")
    found.images.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    return found


def codes(library: Path) -> list[list[str]]:
    items = commands.document("items", "--library", library)["items"]
    return [[warning["code"] for warning in item["warnings"]] for item in items]


def test_a_folder_beside_the_database_that_leads_elsewhere_is_not_followed_and_models_go_on(
    legacy: Legacy, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    done = commands.run("migrate", legacy.database, "--library", library)
    assert done.returncode == 0
    assert codes(library) == [["image_unreadable"], ["image_unreadable"]]
    assert previews(library) == set()
    # What to do about it can be copied.
    assert f"--images {tmp_path / 'elsewhere'}".encode() in done.stderr


def test_a_folder_that_is_a_link_and_was_named_is_followed(legacy: Legacy, tmp_path: Path) -> None:
    library = tmp_path / "library"
    options = ("--library", library, "--images", legacy.images)
    done = commands.run("migrate", legacy.database, *options)
    assert done.returncode == 0
    assert codes(library) == [[], []]
    assert len(previews(library)) == 3


def test_what_waits_is_promoted_from_a_library_whose_image_folder_is_a_link(
    legacy: Legacy, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    (tmp_path / "large disk").mkdir()
    library.mkdir()
    (library / "images").symlink_to(tmp_path / "large disk", target_is_directory=True)
    options = ("--library", library, "--images", legacy.images, "--promote")
    assert commands.run("migrate", legacy.database, *options).returncode == 0
    assert codes(library) == [[]]  # of the promotion, which was the last run
    assert len(previews(library)) == 6


def test_an_image_that_is_a_link_out_is_left_alone_and_the_others_are_carried(
    tmp_path: Path,
) -> None:
    images = (("a.png", picture(1)), ("b.png", picture(2)))
    legacy = Legacy(tmp_path / "old", [Row(1, b"one", hashed=True, images=images)])
    (tmp_path / "private.png").write_bytes(picture(3))
    (legacy.images / "b.png").unlink()
    (legacy.images / "b.png").symlink_to(tmp_path / "private.png")
    library = tmp_path / "library"
    assert commands.run("migrate", legacy.database, "--library", library).returncode == 0
    assert codes(library) == [["image_unreadable"]]
    assert len(previews(library)) == 3
