"""A disk that is full for real: what it refuses is said, what was done is kept, and room mends it.

The migration on a full disk is tested with the exit codes of the command line.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import commands
from tests.faults.disks import small_disk
from tests.faults.libraries import make_library
from tests.faults.states import State, differences, state_of
from tests.http.libraries import noise
from tests.http.server import serving
from tests.waiting_library import active

pytestmark = pytest.mark.skipif(os.name == "nt", reason="mounts a file system")

ROOMY, TIGHT = 64 * 1024, 24
"""KiB: of a disk with room, and what a full one has beyond what lies on it."""


class Small(NamedTuple):
    """A migrated library that has a disk of its own."""

    library: Path
    resize: Callable[[int], None]

    def fill(self) -> None:
        """Leave next to no room."""
        disk = os.statvfs(self.library)
        used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize // 1024
        self.resize(used + TIGHT)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return make_library(tmp_path / "legacy", 12)


@pytest.fixture
def small(database: Path, tmp_path: Path) -> Iterator[Small]:
    with small_disk(tmp_path / "disk", ROOMY) as resize:
        library = tmp_path / "disk" / "library"
        done = commands.run("migrate", database, "--library", library, "--quiet")
        assert done.returncode == 0, done.stderr
        yield Small(library, resize)


def promote(library: Path) -> State:
    """Promote all that wait; the state that this leaves."""
    arguments = ("promote", "--all", "--library", library, "--on-conflict", "merge", "--quiet")
    done = commands.run(*arguments)
    assert done.returncode == 0, done.stderr
    return state_of(library)


def test_a_promotion_on_a_full_disk_goes_on_when_room_was_made(
    small: Small, database: Path, tmp_path: Path
) -> None:
    roomy = tmp_path / "roomy"
    commands.run("migrate", database, "--library", roomy, "--quiet")
    expected = promote(roomy)
    small.fill()
    arguments = ("promote", "--all", "--library", small.library, "--on-conflict", "merge")
    full = commands.run(*arguments, "--quiet")
    assert (full.returncode, b"Traceback" in full.stderr) == (6, False), full.stderr
    assert b"Make room or mend the disk, then go on:  reshelve resume --library" in full.stderr
    small.resize(ROOMY)
    resumed = commands.run("resume", "--library", small.library, "--quiet")
    assert resumed.returncode == 0, resumed.stderr
    if not any(kind == "promotion" for kind, _ in state_of(small.library).runs):
        promote(small.library)  # there was no room to note that it had been asked for
    assert differences(state_of(small.library), expected) == []


def test_an_upload_to_a_full_disk_is_refused_in_a_sentence_and_taken_when_room_was_made(
    small: Small,
) -> None:
    sha256, record = next(iter(active(small.library).items()))
    with serving(small.library, "--no-auto-resume") as server:
        small.fill()
        status, sentence, code = server.upload({"sha256": sha256}, noise(1)).refusal
        assert (status, code) == (507, "storage_failed")
        assert "Writing to" in sentence
        count = server.get(f"/api/images/get_img_count?sha256={sha256}").json["count"]
        assert count == record["images_count"]
        small.resize(ROOMY)
        assert server.upload({"sha256": sha256}, noise(1)).status == 200
    assert commands.document("verify", "--library", small.library)["problems"] == []
