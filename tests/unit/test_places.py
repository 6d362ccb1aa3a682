"""Files are found where applications keep them; a search is bounded and follows no link out."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from adapters.files.places import DEPTH, search, within

NAME = "hikaze_mm.sqlite3"


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    """A folder one deeper: what looks around a working folder must not find what lies here."""
    deeper = tmp_path / "deeper"
    deeper.mkdir()
    return deeper


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


@pytest.mark.parametrize(
    ("place", "named"),
    [
        (NAME, ""),
        (f"data/{NAME}", ""),
        (f"ComfyUI/custom_nodes/hikaze [1]/data/{NAME}", "ComfyUI"),
        (f"ComfyUI/custom_nodes/hikaze/data/{NAME}", "ComfyUI/custom_nodes/hikaze"),
        (f"ComfyUI/custom_nodes/hikaze/data/{NAME}", ""),
        (f"[é 鍵]/ComfyUI/custom_nodes/ひかぜ/data/{NAME}", "[é 鍵]"),
    ],
)
def test_a_file_is_found_in_a_place_below_what_was_named(
    tmp_path: Path, place: str, named: str
) -> None:
    path = made(tmp_path / place)
    assert within(tmp_path / named, NAME) == [path]


def test_several_are_all_told(tmp_path: Path) -> None:
    paths = [made(tmp_path / "custom_nodes" / name / "data" / NAME) for name in "ab"]
    assert within(tmp_path, NAME) == paths


def test_a_link_within_is_followed_and_tells_one_file_once(tmp_path: Path) -> None:
    path = made(tmp_path / "custom_nodes" / "a" / "data" / NAME)
    (tmp_path / "data").symlink_to(path.parent, target_is_directory=True)
    assert within(tmp_path, NAME) == [path]


def test_a_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    made(outside / "data" / NAME)
    (inside / "custom_nodes").mkdir(parents=True)
    (inside / "custom_nodes" / "a").symlink_to(outside, target_is_directory=True)
    (inside / "data").symlink_to(outside / "data", target_is_directory=True)
    (inside / NAME).symlink_to(outside / "data" / NAME)
    assert within(inside, NAME) == []
    assert search([inside], {NAME}) == []


@pytest.mark.parametrize("what", ["none", "file", "circle"])
def test_where_no_folder_is_nothing_is_found(tmp_path: Path, what: str) -> None:
    path = tmp_path / what
    if what == "file":
        path.write_bytes(b"")
    elif what == "circle":
        path.symlink_to(path)
    assert within(path, NAME) == search([path], {NAME}) == []


def test_a_search_tells_what_lies_less_deep_first(tmp_path: Path) -> None:
    deep = made(tmp_path / "a" / "ComfyUI" / "custom_nodes" / "hikaze" / "data" / NAME)
    flat = made(tmp_path / "z" / "library.db")
    assert search([tmp_path], {NAME, "library.db"}) == [flat, deep]


def test_a_search_is_bounded_in_depth(tmp_path: Path) -> None:
    folders = ["a"] * DEPTH
    last = made(tmp_path.joinpath(*folders, NAME))
    made(tmp_path.joinpath(*folders, "b", NAME))
    assert search([tmp_path], {NAME}) == [last]


def test_a_search_is_bounded_in_time(tmp_path: Path) -> None:
    for number in range(3000):
        (tmp_path / f"{number}" / "a").mkdir(parents=True)
    made(tmp_path / "0" / "a" / NAME)
    began = time.monotonic()
    assert search([tmp_path], {NAME}, seconds=0.01) == []
    assert time.monotonic() - began < 0.5
    assert len(search([tmp_path], {NAME}, seconds=60)) == 1


def test_a_search_goes_in_no_circle_and_passes_over_what_is_hidden(tmp_path: Path) -> None:
    (tmp_path / "back").symlink_to(tmp_path, target_is_directory=True)
    made(tmp_path / ".cache" / NAME)
    made(tmp_path / "node_modules" / NAME)
    assert search([tmp_path, tmp_path], {NAME}) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_folder_that_may_not_be_read_is_passed_over(tmp_path: Path) -> None:
    made(tmp_path / "shut" / NAME)
    (tmp_path / "shut").chmod(0)
    assert within(tmp_path / "shut", NAME) == search([tmp_path], {NAME}) == []
