"""The routes by which models are found, tagged many at once, and edited while they wait."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.http.conftest import small_legacy
from tests.http.server import Server, serving
from tests.waiting_library import Legacy, sha_of

ONE, TWO, THREE = sha_of(b"one"), sha_of(b"two"), sha_of(b"three")
UNKNOWN = "0" * 64
FOUND = "/api/library/models"
MANY = "/api/library/tags"
WAITING = "/api/migration/pending_model"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Server, Legacy]]:
    """A library of its own for each test: three active models, and two that wait."""
    legacy = small_legacy(tmp_path / "legacy")
    with serving(tmp_path / "library", "--allow-path", tmp_path) as server:
        done = server.send(
            "/api/migration/migrate_legacy_db", {"legacy_db_path": str(legacy.database)}
        )
        assert done.json["db_migration"]["pending"] == 2
        yield server, legacy


def find(server: Server, **query: object) -> Any:
    answer = server.get(f"{FOUND}?{urlencode(query)}")
    assert answer.status == 200, answer
    return answer.json


def found(server: Server, **query: object) -> set[str]:
    page = find(server, **query)
    assert (page["total"], page["next"]) == (len(page["models"]), None)
    return {model["sha256"] for model in page["models"]}


def waiting(server: Server) -> dict[str, Any]:
    models = server.get("/api/migration/pending_models").json["models"]
    return {model["name"]: model for model in models}


# What is found


def test_all_that_is_given_must_hold(server: Server) -> None:
    assert found(server) == {ONE, TWO, THREE}
    assert found(server, type="loras") == {ONE}
    assert found(server, type="Others") == {THREE}
    assert found(server, tag="anime") == {ONE}
    assert found(server, pictures="without") == {TWO}
    assert found(server, search="RAIN sun") == {ONE}
    assert found(server, search="二") == {TWO}
    assert found(server, search="rain", type="checkpoints") == set()


def test_pages_are_asked_for_one_by_one(server: Server) -> None:
    first = find(server, limit=2)
    assert (len(first["models"]), first["total"], first["next"]) == (2, 3, 2)
    rest = find(server, limit=2, offset=2)
    assert (len(rest["models"]), rest["total"], rest["next"]) == (1, 3, None)
    told = [*first["models"], *rest["models"]]
    assert told == find(server)["models"]
    assert [model["name"] for model in told] == ["first", "third", ""]


def test_models_whose_file_is_missing_are_found(served: tuple[Server, Legacy]) -> None:
    server, legacy = served
    assert found(server, files="missing") == set()
    (legacy.models / "二 two.safetensors").unlink()
    assert found(server, files="missing") == {TWO}
    assert found(server, files="found") == {ONE, THREE}
    assert found(server, files="missing", type="loras") == set()
    page = find(server, files="found", limit=1, offset=1)
    assert (len(page["models"]), page["total"], page["next"]) == (1, 2, None)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("order=upwards", "order must be one of name, newest, oldest, largest, smallest"),
        ("files=some", "files must be one of found, missing"),
        ("pictures=1", "pictures must be one of with, without"),
        ("offset=-1", "offset must not be negative"),
        ("offset=x", "offset must be an integer"),
        ("limit=0", "limit must be a positive integer"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(server: Server, query: str, sentence: str) -> None:
    assert server.get(f"{FOUND}?{query}").refusal[:2] == (400, sentence)


# Many tags


def test_many_models_are_tagged_at_once(served: tuple[Server, Legacy]) -> None:
    server, _ = served
    ids = [model["id"] for model in waiting(server).values()]
    body = {"sha256": [ONE, TWO, UNKNOWN], "pending": ids, "add": [" new "], "remove": ["style"]}
    report = server.send(MANY, body)
    assert report.json == {"models": 2, "pending": 2, "unknown": [UNKNOWN], "busy": []}
    assert found(server, tag="new") == {ONE, TWO}
    assert found(server, tag="style") == set()
    counts = {tag["name"]: tag for tag in server.get(MANY).json["tags"]}
    assert (counts["new"]["models"], counts["new"]["pending"]) == (2, 2)
    assert (counts["style"]["models"], counts["style"]["pending"]) == (0, 0)
    assert [tag["name"] for tag in waiting(server)["fifth"]["tags"]] == ["new"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"sha256": [ONE], "add": [""]}, "invalid_edit"),
        ({"sha256": [ONE], "add": ["a\0b"]}, "invalid_edit"),
        ({"sha256": [ONE], "add": [f"tag {number}" for number in range(21)]}, "too_many"),
        ({"pending": list(range(10_001)), "add": ["new"]}, "too_many"),
        ({"sha256": [5]}, "invalid_request"),
        ({"pending": ["x"]}, "invalid_request"),
    ],
)
def test_tags_that_cannot_be_given_are_refused(server: Server, body: object, code: str) -> None:
    before = server.get(MANY).json
    assert server.send(MANY, body).refusal[::2] == (400, code)
    assert server.get(MANY).json == before


# Models that wait


def test_a_model_that_waits_is_edited(served: tuple[Server, Legacy]) -> None:
    server, legacy = served
    (style,) = (t for t in server.get("/api/tags").json["tags"] if t["name"] == "style")
    number = waiting(server)["fifth"]["id"]
    patch = {
        "name": "renamed",
        "type": "vae",
        "meta_json": {"description": "notes", "prompts": {"positive": "sun"}},
        "tags": [style],
    }
    answer = server.send(f"{WAITING}?id={number}", patch, "PATCH")
    assert answer.status == 200, answer
    assert server.get(f"{WAITING}?id={number}").json == answer.json
    assert (answer.json["name"], answer.json["type"]) == ("renamed", "vae")
    assert answer.json["meta_json"]["prompts"]["positive"] == "sun"
    assert answer.json["tags"] == [style]
    moved = server.send(f"{WAITING}?id={number}", {"path": str(legacy.models / "x")}, "PATCH")
    assert moved.json["path"] == str(legacy.models / "x")
    # What was edited is what becomes active.
    (legacy.models / "5.safetensors").rename(legacy.models / "x")
    report = server.send("/api/migration/import_models", {"id": [number]}).json
    assert report["success"] == [number]
    record = server.get(f"/api/models/{sha_of(b'five')}").json
    assert (record["name"], record["type"], record["path"]) == (
        *("renamed", "vae"),
        str(legacy.models / "x"),
    )
    assert [tag["name"] for tag in record["tags"]] == ["style"]


def test_an_edit_of_a_model_that_waits_is_refused_as_one_of_an_active_one(server: Server) -> None:
    number = waiting(server)["fifth"]["id"]
    place = f"{WAITING}?id={number}"
    assert server.send(place, {"path": ""}, "PATCH").refusal[::2] == (400, "invalid_edit")
    assert server.send(place, {"name": "a\0b"}, "PATCH").refusal[::2] == (400, "invalid_edit")
    assert server.send(place, {"path": "/etc/passwd"}, "PATCH").refusal[0] == 403
    assert server.send(place, {"path": "relative"}, "PATCH").refusal[0] == 400
    assert server.send(place, {"name": 5}, "PATCH").refusal[0] == 400
    assert server.send(f"{WAITING}?id=999", {"name": "x"}, "PATCH").refusal[0] == 404
    assert server.send(f"{WAITING}?id=x", {"name": "x"}, "PATCH").refusal[0] == 400
    assert server.send(WAITING, {"name": "x"}, "PATCH").refusal[0] == 400


def test_the_list_of_those_that_wait_tells_why_one_failed_and_which_conflict(
    served: tuple[Server, Legacy],
) -> None:
    server, legacy = served
    fifth = waiting(server)["fifth"]
    assert (fifth["error"], fifth["conflict"], fifth["images_count"]) == (None, False, 0)
    assert waiting(server)["四 four.safetensors"]["images_count"] == 2
    (legacy.models / "5.safetensors").unlink()
    (legacy.models / "四 four.safetensors").write_bytes(b"one")
    ids = [model["id"] for model in waiting(server).values()]
    server.send("/api/migration/import_models", {"id": ids})
    after = waiting(server)
    assert after["fifth"]["error"]["code"] == "file_missing"
    assert after["四 four.safetensors"]["conflict"]
    assert not after["fifth"]["conflict"]
