"""Preview files on disk: found, written without replacing, moved and removed by what they hold."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.files import durable, previews
from adapters.files.library import DiskLibrary, owned_library
from engine.errors import StorageFailed
from engine.facts.preview_sets import PlannedSet, SetsOnDisk
from engine.facts.previews import image_digest
from tests.unit.rows import sha

TIERS = (b"high", b"medium", b"low")
NAMES = ("high", "medium", "low")
OTHERS = (b"their high", b"their medium", b"their low")


@pytest.fixture
def owned(tmp_path: Path) -> Iterator[DiskLibrary]:
    with owned_library(tmp_path / "library") as found:
        yield found


@pytest.fixture(params=["links", "no links"])
def files(
    request: pytest.FixtureRequest, owned: DiskLibrary, monkeypatch: pytest.MonkeyPatch
) -> DiskLibrary:
    """A library where a file may have two names, and one where it may not."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    if request.param == "no links":
        monkeypatch.setattr(os, "link", refuse)
    return owned


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return tmp_path / "library" / "images"


def path(images: Path, seq: int, tier: str) -> Path:
    return images / f"{sha(1)}_{seq}_{tier}.webp"


def put(images: Path, seq: int, tiers: tuple[bytes, ...] = OTHERS) -> None:
    """What another program writes; an empty tier is not there."""
    for name, data in zip(NAMES, tiers, strict=True):
        if data:
            path(images, seq, name).write_bytes(data)


def contents(images: Path) -> dict[int, tuple[bytes, ...]]:
    """The tiers of every number, b"" for one that is not there."""
    numbers = sorted({int(found.name.split("_")[1]) for found in images.glob("*.webp")})
    return {seq: tuple(_read(path(images, seq, name)) for name in NAMES) for seq in numbers}


def _read(found: Path) -> bytes:
    return found.read_bytes() if found.exists() else b""


def planned(seq: int, tiers: tuple[bytes, ...] = TIERS) -> PlannedSet:
    return PlannedSet(sha(1), seq, tuple(image_digest(tier) for tier in tiers))


def test_sets_are_written_under_numbers_that_follow(files: DiskLibrary, images: Path) -> None:
    assert files.write_sets(sha(1), 2, [TIERS, OTHERS]) == 2
    assert contents(images) == {2: TIERS, 3: OTHERS}


@pytest.mark.parametrize("tier", range(3))
def test_a_number_of_which_any_tier_is_there_is_taken(
    files: DiskLibrary, images: Path, tier: int
) -> None:
    theirs = tuple(data if place == tier else b"" for place, data in enumerate(OTHERS))
    put(images, 1, theirs)
    assert files.write_sets(sha(1), 0, [TIERS, TIERS]) == 1
    assert contents(images) == {0: TIERS, 1: theirs}


@pytest.mark.parametrize("tier", NAMES)
def test_a_number_that_is_taken_while_it_is_written_is_left_to_the_other(
    files: DiskLibrary, images: Path, monkeypatch: pytest.MonkeyPatch, tier: str
) -> None:
    give_name = durable.give_name

    def late(file: Path, target: Path) -> None:
        if target == path(images, 0, tier):
            target.write_bytes(b"theirs")
        give_name(file, target)

    monkeypatch.setattr(previews, "give_name", late)
    assert files.write_sets(sha(1), 0, [TIERS]) == 0
    assert contents(images) == {0: tuple(b"theirs" if name == tier else b"" for name in NAMES)}


def test_all_tiers_of_a_set_are_on_disk_before_the_first_has_its_name(
    owned: DiskLibrary, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.append(len(list(tmp_path.rglob("*.webp")))))
    owned.write_sets(sha(1), 0, [TIERS])
    assert seen == [0, 0, 0, 3]


def test_names_are_made_durable_after_the_files(
    owned: DiskLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(
        previews, "sync_folder", lambda folder: seen.append(len(list(folder.glob("*.webp"))))
    )
    owned.write_sets(sha(1), 0, [TIERS, TIERS])
    assert seen == [6]


def test_a_disk_that_refuses_a_tier_is_told_as_such(
    owned: DiskLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(StorageFailed, match="No space left"):
        owned.write_sets(sha(1), 0, [TIERS])


def test_a_planned_set_is_discarded_whole(owned: DiskLibrary, images: Path) -> None:
    owned.write_sets(sha(1), 0, [TIERS, TIERS])
    owned.discard_set(planned(1))
    assert contents(images) == {0: TIERS}


def test_what_was_never_written_is_discarded_without_a_word(
    owned: DiskLibrary, images: Path
) -> None:
    owned.discard_set(planned(0))
    assert contents(images) == {}


def test_what_others_wrote_under_a_planned_number_stays(owned: DiskLibrary, images: Path) -> None:
    put(images, 0, (b"high", b"their medium", b"low"))
    owned.discard_set(planned(0))
    assert contents(images) == {0: (b"", b"their medium", b"")}


def test_a_name_that_was_given_and_not_filled_is_discarded(
    owned: DiskLibrary, images: Path
) -> None:
    path(images, 0, "high").touch()
    owned.discard_set(planned(0))
    assert not path(images, 0, "high").exists()


def test_what_cannot_be_read_stays(owned: DiskLibrary, images: Path) -> None:
    path(images, 0, "high").mkdir()
    owned.discard_set(planned(0))
    assert path(images, 0, "high").is_dir()


def digests(tiers: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(image_digest(tier) if tier else b"" for tier in tiers)


PARTIAL = (b"high", b"", b"low")


@pytest.mark.parametrize("before", [TIERS, PARTIAL, (b"", b"", b"")])
@pytest.mark.parametrize("after", [OTHERS, PARTIAL, (b"", b"", b"")])
def test_a_set_takes_over_what_is_there_of_another(
    owned: DiskLibrary, images: Path, before: tuple[bytes, ...], after: tuple[bytes, ...]
) -> None:
    put(images, 2, before)
    put(images, 3, after)
    assert owned.take_over(sha(1), 3, 2, digests(before)) == digests(after)
    assert contents(images).get(2, (b"", b"", b"")) == after
    assert contents(images).get(3, (b"", b"", b"")) == after


@pytest.mark.parametrize("tier", range(3))
def test_a_set_takes_over_nothing_where_somebody_has_written(
    owned: DiskLibrary, images: Path, tier: int
) -> None:
    theirs = tuple(b"theirs" if place == tier else data for place, data in enumerate(TIERS))
    put(images, 2, theirs)
    put(images, 3, OTHERS)
    assert owned.take_over(sha(1), 3, 2, digests(TIERS)) is None
    assert contents(images) == {2: theirs, 3: OTHERS}


@pytest.mark.parametrize("done", range(4))
def test_what_was_interrupted_is_taken_over_again(
    owned: DiskLibrary, images: Path, done: int
) -> None:
    put(images, 2, (*OTHERS[:done], *TIERS[done:]))
    put(images, 3, OTHERS)
    assert owned.take_over(sha(1), 3, 2, digests(TIERS)) == digests(OTHERS)
    assert contents(images) == {2: OTHERS, 3: OTHERS}


def test_the_digests_of_a_set_tell_what_is_there(owned: DiskLibrary, images: Path) -> None:
    put(images, 0, (b"high", b"", b"low"))
    found = owned.set_digests(sha(1), 0)
    assert found == (image_digest(b"high"), b"", image_digest(b"low"))


@pytest.mark.parametrize("count", [-(10**9), 0, 1, 2, 3, 50, 10**9])
def test_the_sets_that_are_there_are_found_whatever_the_count(
    owned: DiskLibrary, images: Path, count: int
) -> None:
    for seq in range(2):
        put(images, seq)
    (images / f"{sha(1)}_100000_high.webp.part").touch()
    assert owned.preview_sets(sha(1), count) == SetsOnDisk(2, 2, ())


def test_a_link_that_leads_nowhere_takes_its_number(owned: DiskLibrary, images: Path) -> None:
    path(images, 0, "high").symlink_to(images / "nowhere")
    assert owned.write_sets(sha(1), 0, [TIERS]) == 0
    assert owned.preview_sets(sha(1), 0) == SetsOnDisk(0, 1, (0,))
