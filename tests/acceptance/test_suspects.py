"""Kills from outside blame nobody; what ends the process that decodes it is found out by itself.

The program is killed in earnest, and so are its decoders: a module that Python imports first takes
down whatever process decodes an image with a certain word in it, as a defect of a decoder would.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.waiting_library import Legacy, Row, active, expected_previews, picture, previews, query

pytestmark = pytest.mark.skipif(os.name == "nt", reason="programs are killed by signals")

BACKENDS = ("asyncio", "trio")
KILLS = 6
MANY = 700
SOME_FAILED = 3
VENOM = b"venom"

DECODER = f"""
import os
from PIL.ImageFile import ImageFile

genuine = ImageFile.load

def load(image):
    if image.fp is not None and {VENOM!r} in image.fp.getvalue():
        os.abort()
    return genuine(image)

ImageFile.load = load
"""
FAILED = "SELECT source_key, error_code, error_message FROM migration_items WHERE state = 'failed'"


def small(folder: Path) -> Legacy:
    """Models that wait: short files, and no images."""
    return Legacy(folder, [Row(key, b"content %d" % key) for key in range(1, MANY + 1)])


def pictured(folder: Path, poisoned: int) -> Legacy:
    """Models with hashes and an image each, one of which ends its decoder."""
    images = {key: picture(key) + (VENOM if key == poisoned else b"") for key in range(1, 9)}
    return Legacy(
        folder,
        [
            Row(key, b"%d" % key, hashed=True, images=((f"{key}.png", image),))
            for key, image in images.items()
        ],
    )


def decided(library: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What was decided, less what tells of how often it was begun."""
    return {name: rows for name, rows in commands.rows(library).items() if name != "counts"}


@pytest.fixture
def poison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "sitecustomize.py").write_text(DECODER)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "first"), *sys.path]))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_promotion_of_many_that_is_killed_six_times_ends_as_if_it_had_not_been(
    tmp_path: Path, backend: str
) -> None:
    legacy = small(tmp_path / "legacy")
    whole, library = tmp_path / "whole", tmp_path / "library"
    for folder in (whole, library):
        done = commands.run("migrate", legacy.database, "--library", folder, "--quiet")
        assert done.returncode == 0, done.stderr
    options = ("--quiet", "--backend", backend, "--library")
    assert commands.run("promote", "--all", *options, whole).returncode == 0
    words = [("promote", "--all"), *[("resume",)] * (KILLS - 1)]
    in_hand = [commands.kill_with_work_in_hand(library, *word, *options, library) for word in words]
    assert in_hand[0] > 1
    done = commands.run("resume", *options, library)
    assert done.returncode == 0, done.stderr
    assert decided(library) == decided(whole)
    assert active(library) == active(whole)
    assert len(active(library)) == MANY


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_image_that_ends_its_decoder_is_found_out_and_the_others_go_through(
    tmp_path: Path, poison: None, backend: str
) -> None:
    legacy = pictured(tmp_path / "legacy", poisoned=4)
    library = tmp_path / "library"
    words = ("migrate", legacy.database, "--library", library, "--quiet", "--backend", backend)
    first, second = commands.run(*words), commands.run(*words)
    assert (first.returncode, second.returncode) == (-signal.SIGABRT, SOME_FAILED)
    ((key, code, message),) = query(library, FAILED)
    assert (key, code) == ("4", "killed_its_process")
    assert "The image 4.png ended the process that worked on it: SIGABRT" in message
    assert len(active(library)) == 7
    assert previews(library) == expected_previews(library)


def test_what_was_blamed_goes_through_once_its_image_is_replaced(
    tmp_path: Path, poison: None
) -> None:
    legacy = pictured(tmp_path / "legacy", poisoned=4)
    library = tmp_path / "library"
    words = ("migrate", legacy.database, "--library", library, "--quiet")
    assert commands.run(*words).returncode == -signal.SIGABRT
    assert commands.run(*words).returncode == SOME_FAILED
    assert [key for key, *_ in query(library, FAILED)] == ["4"]
    (legacy.images / "4.png").write_bytes(picture(4))
    done = commands.run(*words)
    assert done.returncode == 0, done.stderr
    assert len(active(library)) == 8
    assert previews(library) == expected_previews(library)
