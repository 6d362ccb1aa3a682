"""A client may name a legacy library as a person has its path at hand."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http.server import Server, serving
from tests.waiting_library import Legacy, Row, picture

ROWS = [Row(1, b"one", hashed=True, images=(("a.png", picture(1)),))]
ROUTES = ("check", "start", "migrate_legacy_db")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("named")


@pytest.fixture(scope="module")
def legacy(folder: Path) -> Legacy:
    return Legacy(folder / "ComfyUI" / "custom_nodes" / "hikaze é 1" / "data", ROWS)


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving(folder / "library", "--allow-path", folder) as running:
        yield running


def checked(server: Server, path: str, **body: str) -> Any:
    answer = server.send("/api/migration/check", {"legacy_db_path": path, **body})
    assert answer.status == 200, answer
    return answer.json


@pytest.mark.parametrize("form", ["{}", '"{}"', "'{}'", " {}\n", "file://{}"])
def test_a_path_is_taken_as_it_was_copied(server: Server, legacy: Legacy, form: str) -> None:
    told = checked(
        server, form.format(legacy.database), legacy_images_dir=form.format(legacy.images)
    )
    assert (told["database"]["path"], told["database"]["rows"]) == (str(legacy.database), 1)
    assert told["images"] == {
        "path": str(legacy.images),
        "found": True,
        "readable": True,
        "missing": 0,
    }


@pytest.mark.parametrize("form", ["{}", '"{}"', "file://{}"])
@pytest.mark.parametrize("up", range(2))
def test_a_source_is_named_as_freely(server: Server, legacy: Legacy, form: str, up: int) -> None:
    named = [legacy.database, *legacy.database.parents][up]
    for images in ({}, {"images": form.format(legacy.images)}):
        body = {"source": {"location": form.format(named), **images}}
        told = server.send("/api/migration/check", body).json
        assert (told["database"]["path"], told["images"]["missing"]) == (str(legacy.database), 0)
    body = {"source": {"location": "C:\\\\Users\\\\kim"}}
    assert os.name == "nt" or server.send("/api/migration/check", body).status == 404


@pytest.mark.parametrize("up", range(4))
def test_a_folder_is_looked_into_for_the_database(server: Server, legacy: Legacy, up: int) -> None:
    told = checked(server, str(legacy.database.parents[up]))
    assert told["database"]["path"] == str(legacy.database)
    assert (told["images"]["path"], told["images"]["missing"]) == (str(legacy.images), 0)


@pytest.mark.parametrize("route", ROUTES)
def test_of_several_databases_each_is_named(server: Server, folder: Path, route: str) -> None:
    made = [
        Legacy(folder / f"two for {route}" / "custom_nodes" / name / "data", ROWS).database
        for name in "ab"
    ]
    body = {"legacy_db_path": str(folder / f"two for {route}")}
    status, sentence, _ = server.send(f"/api/migration/{route}", body).refusal
    assert status == 400
    assert all(str(path) in sentence for path in made)


def test_a_database_that_a_link_leads_out_to_is_not_found(
    server: Server, folder: Path, tmp_path: Path
) -> None:
    # Not where what looks around a working folder would find it: other tests have theirs beside.
    outside = Legacy(tmp_path / "else" / "data", ROWS)
    (folder / "away").mkdir()
    (folder / "away" / "data").symlink_to(outside.database.parent, target_is_directory=True)
    told = checked(server, str(folder / "away"))
    assert told["database"]["path"] == str(folder / "away")
    assert told["can_start"] is False


@pytest.mark.skipif(os.name == "nt", reason="they are this system's own there")
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("path", ["C:\\Users\\kim\\hikaze_mm.sqlite3", '"\\\\nas\\models"'])
def test_a_path_of_windows_is_explained(server: Server, route: str, path: str) -> None:
    answer = server.send(f"/api/migration/{route}", {"legacy_db_path": path})
    assert answer.refusal[::2] == (404, "path_of_windows")


@pytest.mark.parametrize("form", ['"{}"', "file://{}", "file://{}%00", "file:///proc/self{}"])
def test_what_is_forgiven_is_no_way_out(server: Server, tmp_path: Path, form: str) -> None:
    for path in ("/etc/passwd", str(tmp_path / "none"), "/etc/../etc/passwd"):
        answer = server.send("/api/migration/start", {"legacy_db_path": form.format(path)})
        assert answer.refusal[0] in (400, 403)


def test_what_lies_outside_changes_no_word_of_an_answer(server: Server, tmp_path: Path) -> None:
    """A name that ends in a space is meant as it is where such a file is, and without it where
    none is: of files outside it must not be told which."""
    path = f"{tmp_path}/secret "
    before = server.send("/api/migration/start", {"legacy_db_path": path}).refusal
    Path(path).write_text("x")
    after = server.send("/api/migration/start", {"legacy_db_path": path}).refusal
    assert before == after
    assert before[::2] == (403, "path_not_allowed")


@pytest.mark.parametrize("part", ["a/", "../", "./", "a/../"])
def test_a_path_that_is_too_long_costs_nothing(server: Server, folder: Path, part: str) -> None:
    """Following links costs the square of a path's parts: half a million of them took minutes, in
    a thread that nobody could stop."""
    for length in (900_000, 32_767):
        path = f"{folder}/{part * length}"[:length]
        began = time.monotonic()
        answer = server.send("/api/migration/check", {"legacy_db_path": path})
        assert answer.status in (200, 400, 403)
        assert time.monotonic() - began < 3, length
    assert server.send("/api/migration/check", {"legacy_db_path": "/" * 900_000}).status == 400


@pytest.mark.parametrize("name", ["n" * 300, "日" * 100, "/".join(["n" * 200] * 30)])
@pytest.mark.parametrize("route", ROUTES)
def test_a_name_that_no_file_can_have_is_refused(
    server: Server, folder: Path, route: str, name: str
) -> None:
    body = {"legacy_db_path": f"{folder}/{name}", "legacy_images_dir": f"{folder}/{name}"}
    assert server.send(f"/api/migration/{route}", body).refusal[0] == 400
    assert server.get(f"/api/migration/databases?folder={folder}/{'n' * 300}").refusal[0] == 400


def test_what_is_logged_of_an_address_does_nothing_to_a_terminal(server: Server) -> None:
    server.get("/api/%1b%5b2J%C2%9B2J%E2%80%AE%0alast/%E6%97%A5")
    ends = time.monotonic() + 10
    while not (logged := [line for line in server.lines if "2J" in line]):
        assert time.monotonic() < ends
        time.sleep(0.01)
    assert len(logged) == 1
    assert logged[0].isprintable()
    assert json.loads(logged[0])["path"] == "/api/\x1b[2J\x9b2J\u202e\nlast/日"
    assert "日" in logged[0]
