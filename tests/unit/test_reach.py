"""What may be opened of a source: what lies, links followed, below the folders that were named."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.files import reach
from adapters.files.images import FolderImages
from adapters.files.reach import OutOfReach, open_file
from engine.facts.files import ImageFolder
from engine.facts.previews import UnusableImage
from engine.facts.source import ImageRef

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")

SECRET = b"nobody may read this"


@pytest.fixture
def named(tmp_path: Path) -> Path:
    folder = tmp_path / "named"
    folder.mkdir()
    (folder / "mine").write_bytes(b"mine")
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "mine").write_bytes(SECRET)
    return folder


@pytest.fixture(params=["linux", "another system"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What proves where a descriptor lies: /proc, or the path once more."""
    if request.param != "linux":
        monkeypatch.setattr(sys, "platform", "darwin")


def content(path: Path, *within: Path) -> bytes:
    with os.fdopen(open_file(str(path), [str(folder) for folder in within]), "rb") as file:
        return file.read()


@pytest.mark.usefixtures("system")
def test_a_file_below_a_named_folder_is_opened(named: Path) -> None:
    assert content(named / "mine", named) == b"mine"


@pytest.mark.usefixtures("system")
def test_a_link_is_followed_from_one_named_folder_to_another(named: Path, outside: Path) -> None:
    (named / "link").symlink_to(outside / "mine")
    assert content(named / "link", named, outside) == SECRET


WAYS: dict[str, Callable[[Path, Path], Path]] = {
    "its path": lambda _, outside: outside / "mine",
    "steps up": lambda named, outside: named / ".." / outside.name / "mine",
    "a link": lambda named, outside: linked(named / "link", outside / "mine"),
    "a link of few words": lambda named, outside: linked(
        named / "link", Path("..", outside.name, "mine")
    ),
    "a link to a link": lambda named, outside: linked(
        named / "second", linked(named / "link", outside / "mine")
    ),
    "a linked folder": lambda named, outside: linked(named / "away", outside) / "mine",
    "the file system of processes": lambda named, outside: linked(
        named / "link", Path("/proc/self/environ")
    ),
}


def linked(path: Path, target: Path) -> Path:
    path.symlink_to(target)
    return path


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("way", WAYS)
def test_nothing_outside_is_opened(named: Path, outside: Path, way: str) -> None:
    with pytest.raises(OutOfReach):
        content(WAYS[way](named, outside), named)


def test_a_folder_whose_name_begins_like_a_named_one_lies_outside(named: Path) -> None:
    beside = named.with_name("named too")
    beside.mkdir()
    (beside / "mine").write_bytes(SECRET)
    with pytest.raises(OutOfReach):
        content(beside / "mine", named)


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("part", ["the file", "the folder"])
def test_what_becomes_a_link_after_it_was_looked_at_is_not_followed(
    named: Path, outside: Path, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (named / "below").mkdir()
    (named / "below" / "mine").write_bytes(b"mine")
    resolved = reach.resolved

    def then_swapped(path: str, within: list[str]) -> str:
        found = resolved(path, within)
        below = named / "below"
        if part == "the file":
            (below / "mine").unlink()
            (below / "mine").symlink_to(outside / "mine")
        else:
            below.rename(named / "moved")
            below.symlink_to(outside)
        monkeypatch.setattr(reach, "resolved", resolved)
        return found

    monkeypatch.setattr(reach, "resolved", then_swapped)
    with pytest.raises((OutOfReach, OSError)):
        content(named / "below" / "mine", named)


@pytest.fixture
def restless(named: Path, outside: Path) -> Iterator[Path]:
    """A folder whose name is, in turn, its own and a link to the one outside."""
    below, spare = named / "below", named / "spare"
    below.mkdir()
    (below / "mine").write_bytes(b"mine")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            below.rename(spare)
            below.symlink_to(outside)
            below.unlink()
            spare.rename(below)

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        yield below
    finally:
        stop.set()
        swapping.join()


def test_a_race_is_never_won(named: Path, restless: Path) -> None:
    folder = ImageFolder(str(restless), (str(named),))
    seen, tries = set(), 0
    # On a busy machine the folder may be away at each of the first thousands of looks.
    while tries < 3000 or b"mine" not in seen:
        tries += 1
        try:
            seen.add(FolderImages(folder).read(ImageRef("mine")))
        except UnusableImage as reason:
            seen.add(reason.code.encode())
    assert SECRET not in seen


def test_a_refusal_leaves_no_descriptor_open(named: Path, outside: Path) -> None:
    (named / "link").symlink_to(outside / "mine")
    probe = os.open(named, os.O_RDONLY)
    os.close(probe)
    for _ in range(3):
        with pytest.raises(OutOfReach):
            content(named / "link", named)
    again = os.open(named, os.O_RDONLY)
    os.close(again)
    assert again == probe


def test_what_lies_outside_has_no_size(named: Path, outside: Path) -> None:
    for name, target in (("out", outside / "mine"), ("gone", outside / "gone"), ("in", "mine")):
        (named / name).symlink_to(target)
    folder = ImageFolder(str(named), (str(named),))
    assert FolderImages(folder).sizes(
        [ImageRef(name) for name in ("mine", "in", "out", "gone", "../outside/mine")]
    ) == [*(4, 4, None, None, None)]


def test_a_folder_that_leads_outside_is_not_found(named: Path, outside: Path) -> None:
    (named / "images").symlink_to(outside)
    folder = ImageFolder(str(named / "images"), (str(named), str(named / "images")))
    assert not FolderImages(folder).facts().found
    assert FolderImages(folder).sizes([ImageRef("mine")]) == [None]
