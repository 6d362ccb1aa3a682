"""`reshelve demo`: a small legacy library is drawn, migrated, and left alone the second time."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from tests import commands

WARNINGS = {
    "file_missing": 2,
    "image_missing": 1,
    "image_unreadable": 1,
    "metadata_unreadable": 1,
    "stale_hash": 1,
    "invalid_hash": 1,
    "duplicate_hash": 1,
}


class Demo(NamedTuple):
    """A demo folder after its first run, and what that run said."""

    folder: Path
    done: subprocess.CompletedProcess[bytes]
    report: dict[str, Any]

    @property
    def library(self) -> Path:
        return self.folder / "library"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo") / "my demo 模型"
    done = commands.run("demo", folder, "--json")
    return Demo(folder, done, json.loads(done.stdout))


def test_the_demo_ends_without_a_failure(demo: Demo) -> None:
    assert demo.done.returncode == 0


def test_24_rows_are_promoted_and_14_wait(demo: Demo) -> None:
    assert demo.report["counts"] == {
        "total": 38,
        "pending": 14,
        "imported": 0,
        "images_done": 0,
        "promoted": 24,
        "failed": 0,
    }


def test_two_rows_of_one_hash_are_one_model(demo: Demo) -> None:
    with closing(sqlite3.connect(demo.library / "hikaze_model_manager.db")) as connection:
        assert connection.execute("SELECT count(*) FROM models").fetchone() == (23,)


def test_the_awkward_rows_are_warned_about_and_no_others(demo: Demo) -> None:
    assert Counter(warning["code"] for warning in demo.report["warnings"]) == WARNINGS


def test_every_preview_can_be_looked_at(demo: Demo) -> None:
    previews = sorted((demo.library / "images").glob("*.webp"))
    assert len(previews) > 60
    for path in previews:
        with Image.open(path) as image:
            image.load()


def test_the_demo_says_where_to_look(demo: Demo) -> None:
    said = demo.done.stderr.decode()
    for place in ("legacy", "library", "library/images"):
        assert str(demo.folder / place) + "\n" in said


def test_the_same_demo_again_changes_nothing(demo: Demo) -> None:
    rows, files = commands.rows(demo.library), commands.files_of(demo.library)
    legacy = commands.facts(demo.folder / "legacy")
    again = commands.run("demo", demo.folder, "--quiet")
    assert again.returncode == 0
    assert commands.facts(demo.folder / "legacy") == legacy
    assert commands.files_of(demo.library) == files
    assert commands.rows(demo.library) == rows


def test_without_a_folder_a_new_one_is_made_where_one_is(tmp_path: Path) -> None:
    (tmp_path / "reshelve-demo").mkdir()
    done = commands.run("demo", "--quiet", cwd=tmp_path)
    assert done.returncode == 0
    (made,) = {path.name for path in tmp_path.iterdir()} - {"reshelve-demo"}
    assert (tmp_path / made / "library" / "hikaze_model_manager.db").is_file()
    assert list((tmp_path / "reshelve-demo").iterdir()) == []
