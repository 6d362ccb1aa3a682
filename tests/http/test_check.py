"""The check before a migration, as a path is typed: its fields, refusals and reasons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.http.server import Server
from tests.waiting_library import Legacy

CHECK = "/api/migration/check"


def checked(server: Server, path: object, images: object = None) -> Any:
    answer = server.send(CHECK, {"legacy_db_path": str(path), "legacy_images_dir": images})
    assert answer.status == 200, answer
    told = answer.json
    assert set(told) == {"database", "images", "space", "can_start", "location", "found"}
    return told


def test_a_legacy_library_is_told_of(server: Server, legacy: Legacy) -> None:
    told = checked(server, legacy.database, str(legacy.images))
    assert told["database"] == {
        "path": str(legacy.database),
        "found": True,
        "readable": True,
        "rows": 5,
        "hashed": 3,
        "unhashed": 2,
        "images": 6,
        "complete": True,
        "error": None,
    }
    assert told["images"] == {
        "path": str(legacy.images),
        "found": True,
        "readable": True,
        "missing": 0,
    }
    assert set(told["space"]) == {"needed_bytes", "free_bytes", "enough"}
    assert told["space"]["enough"] is (
        told["space"]["free_bytes"] >= told["space"]["needed_bytes"] > 0
    )
    assert told["can_start"] is True


def test_the_image_folder_lies_beside_the_database_unless_named(
    server: Server, legacy: Legacy, folder: Path
) -> None:
    assert checked(server, legacy.database)["images"]["path"] == str(legacy.images)
    elsewhere = checked(server, legacy.database, str(folder))
    assert elsewhere["images"]["found"] is True
    assert elsewhere["images"]["missing"] == 6


def test_a_check_changes_no_file_and_begins_no_run(server: Server, legacy: Legacy) -> None:
    before = server.status(), sorted(legacy.database.parent.rglob("*"))
    checked(server, legacy.database)
    assert (server.status(), sorted(legacy.database.parent.rglob("*"))) == before


def test_a_path_that_is_typed_half_way_is_not_found(server: Server, legacy: Legacy) -> None:
    told = checked(server, str(legacy.database)[:-3])
    assert told["database"]["found"] is False
    assert told["database"]["error"]["code"] == "source_missing"
    assert told["can_start"] is False


def test_a_folder_is_found_and_cannot_be_read(server: Server, folder: Path) -> None:
    told = checked(server, folder)
    assert (told["database"]["found"], told["database"]["readable"]) == (True, False)
    assert "folder" in told["database"]["error"]["message"]
    assert told["can_start"] is False


@pytest.mark.parametrize("body", [{}, {"legacy_db_path": ""}, {"legacy_db_path": None}])
def test_a_check_needs_a_path(server: Server, body: object) -> None:
    assert server.send(CHECK, body).refusal[:2] == (400, "legacy_db_path is required")


@pytest.mark.parametrize("body", [b"{", {"legacy_db_path": 5}, []])
def test_a_check_of_no_json_object_is_refused(server: Server, body: object) -> None:
    assert server.send(CHECK, body).refusal[0] == 400


def test_paths_outside_the_allowed_folders_are_not_looked_at(
    server: Server, legacy: Legacy
) -> None:
    for body in (
        {"legacy_db_path": "/etc/passwd"},
        {"legacy_db_path": str(legacy.database), "legacy_images_dir": "/etc"},
    ):
        assert server.send(CHECK, body).refusal[::2] == (403, "path_not_allowed")
