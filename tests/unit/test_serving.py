"""What of a library's folders is handed to a browser: images that lie there, as they lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adapters.files import serving
from adapters.files.library import DiskLibrary, owned_library
from engine.facts.catalogue import ImageFile
from tests.waiting_library import picture

SECRET = picture(9)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A library with one original."""
    with owned_library(tmp_path / "library"):
        (tmp_path / "library/images/pending/a.png").write_bytes(picture(1))
    return tmp_path / "library"


@pytest.fixture
def library(folder: Path) -> DiskLibrary:
    return DiskLibrary(folder)


def whole(image: ImageFile | None) -> bytes | None:
    return None if image is None else image.data + b"".join(image.rest())


def test_an_image_is_served_as_what_it_is(library: DiskLibrary) -> None:
    image = library.original_file("a.png")
    assert image is not None
    assert (whole(image), image.media_type) == (picture(1), "image/png")


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
@pytest.mark.parametrize("part", ["images", "images/pending", "images/pending/a.png"])
def test_a_link_that_is_laid_into_an_open_library_leads_nowhere(
    library: DiskLibrary, folder: Path, tmp_path: Path, part: str
) -> None:
    outside = tmp_path / "outside" / part
    outside.parent.mkdir(parents=True)
    (folder / part).replace(outside)
    (outside.parent / "pending").mkdir(exist_ok=True)
    for path in (tmp_path / "outside").rglob("a.png"):
        path.write_bytes(SECRET)
    (folder / part).symlink_to(outside)
    assert (folder / "images/pending/a.png").read_bytes() == SECRET
    assert library.original_file("a.png") is None


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_library_whose_folder_of_images_is_a_link_from_the_beginning_is_one(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "images").rename(tmp_path / "elsewhere")
    (folder / "images").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert whole(DiskLibrary(folder).original_file("a.png")) == picture(1)


@pytest.mark.parametrize(
    "content", [b"", b"root:x:0:0", b"<svg xmlns='http://www.w3.org/2000/svg'>"]
)
def test_what_is_no_image_is_not_served(library: DiskLibrary, folder: Path, content: bytes) -> None:
    (folder / "images/pending/b.png").write_bytes(content)
    assert library.original_file("b.png") is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are none on this system")
def test_neither_a_folder_nor_a_pipe_is_served(library: DiskLibrary, folder: Path) -> None:
    (folder / "images/pending/folder.png").mkdir()
    os.mkfifo(folder / "images/pending/pipe.png")
    assert library.original_file("folder.png") is library.original_file("pipe.png") is None


def test_a_large_image_comes_in_parts(
    library: DiskLibrary, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "PART_BYTES", 40)
    content = picture(2) + bytes(range(100))
    (folder / "images/pending/b.png").write_bytes(content)
    image = library.original_file("b.png")
    assert image is not None
    assert (len(image.data), image.size) == (40, len(content))
    assert [len(part) for part in image.rest()][:-1] == [40] * ((len(content) - 41) // 40)
    assert whole(image) == content


@pytest.mark.parametrize("change", ["other", "shorter", "gone", "link"])
def test_of_a_large_image_that_changes_meanwhile_no_other_is_served(
    library: DiskLibrary, folder: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(serving, "PART_BYTES", 40)
    path = folder / "images/pending/b.png"
    path.write_bytes(picture(2) + bytes(100))
    image = library.original_file("b.png")
    assert image is not None
    path.unlink()
    if change == "link":
        (folder / "secret.png").write_bytes(SECRET + bytes(200))
        path.symlink_to(folder / "secret.png")
    elif change != "gone":
        path.write_bytes(picture(3) + bytes(100 if change == "other" else 1))
        os.utime(path, (1, 1))
    with pytest.raises(FileNotFoundError):
        list(image.rest())
