"""Images that somebody writes to while they are read: whole, or refused, never without bound."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters import regular
from adapters.files.images import FolderImages
from adapters.files.library import DiskLibrary, owned_library
from engine.facts.files import ImageFolder
from engine.facts.previews import UnusableImage
from engine.facts.source import ImageRef

HEAD = b"\x89PNG\r\n\x1a\n"
CAP = 1000
IMAGE = ImageRef("a.png")
ENDLESS = 2**40
"""More than any memory holds; a file of holes takes no room on the disk."""


class Growing:
    """An image that grows when it has been looked at so many times."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._path = path
        self._looks: int | None = None
        self._size = 0
        path.write_bytes(HEAD)
        self._look = os.fstat
        monkeypatch.setattr(os, "fstat", self._looked)

    def after(self, looks: int, size: int) -> None:
        self._looks, self._size = looks, size

    def _looked(self, descriptor: int) -> os.stat_result:
        found = self._look(descriptor)
        if self._looks is not None and os.path.samestat(found, self._path.stat()):
            self._looks -= 1
            if self._looks == 0:
                os.truncate(self._path, self._size)
        return found


@pytest.fixture
def growing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Growing:
    monkeypatch.setattr(regular, "MAX_IMAGE_BYTES", CAP)
    return Growing(tmp_path / "a.png", monkeypatch)


@pytest.fixture
def owned(tmp_path: Path) -> Iterator[DiskLibrary]:
    with owned_library(tmp_path / "library") as found:
        yield found


def images_in(folder: Path) -> FolderImages:
    return FolderImages(ImageFolder(str(folder), (str(folder),)))


LOOKS = pytest.mark.parametrize("looks", [1, 2], ids=["when opened", "when read"])


@LOOKS
@pytest.mark.parametrize("size", [CAP - 1, CAP])
def test_an_image_that_grows_up_to_the_cap_is_read_whole(
    growing: Growing, tmp_path: Path, looks: int, size: int
) -> None:
    growing.after(looks, size)
    assert images_in(tmp_path).read(IMAGE) == HEAD.ljust(size, b"\0")


@LOOKS
@pytest.mark.parametrize("size", [CAP + 1, ENDLESS])
def test_an_image_that_grows_past_the_cap_is_refused(
    growing: Growing, tmp_path: Path, looks: int, size: int
) -> None:
    growing.after(looks, size)
    with pytest.raises(UnusableImage) as reason:
        images_in(tmp_path).read(IMAGE)
    assert reason.value.code == "image_too_large"


@LOOKS
def test_an_original_that_grows_up_to_the_cap_is_kept_whole(
    growing: Growing, owned: DiskLibrary, tmp_path: Path, looks: int
) -> None:
    growing.after(looks, CAP)
    owned.adopt_original("a.png", images_in(tmp_path).read(IMAGE))
    kept = tmp_path / "library" / "images" / "pending" / "a.png"
    assert kept.read_bytes() == HEAD.ljust(CAP, b"\0")


@LOOKS
@pytest.mark.parametrize("size", [CAP + 1, ENDLESS])
def test_an_original_that_grows_past_the_cap_leaves_nothing(
    growing: Growing, owned: DiskLibrary, tmp_path: Path, looks: int, size: int
) -> None:
    growing.after(looks, size)
    with pytest.raises(UnusableImage) as reason:
        owned.adopt_original("a.png", images_in(tmp_path).read(IMAGE))
    assert reason.value.code == "image_too_large"
    assert list((tmp_path / "library" / "images" / "pending").iterdir()) == []
