"""The routes of models and tags, their statuses, fields and sentences, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http.server import Server, serving
from tests.waiting_library import Legacy, sha_of

ONE, TWO, THREE = sha_of(b"one"), sha_of(b"two"), sha_of(b"three")
UNKNOWN = "0" * 64
SUMMARY = {"sha256", "name", "images_count", "type", "path", "size_bytes", "created_at", "tags"}
INVALID_JSON = (400, "Invalid JSON body", "invalid_json")


def each(name: str, *values: object) -> list[dict[str, object]]:
    """An edit of a field for each value."""
    return [{name: value} for value in values]


WRONG: list[dict[str, object]] = [
    *(edit for name in ("name", "path", "type") for edit in each(name, 5, None, [], {}, True)),
    *each("path", ""),
    *each("meta_json", 5, None, [], "text"),
    *each("meta_json", *each("description", 5, None, [])),
    *each("meta_json", *each("community_links", 5, None)),
    *each("meta_json", *each("prompts", 5, None, "text", {"positive": 1})),
    *(edit for name in ("name", "path", "type") for edit in each(name, "a\0b")),
    *each("meta_json", *each("prompts", {"positive": "\0"})),
    *each("tags", 5, None, "style", ["style"], [1.5], [None], [{}], [True]),
    *each("tags", [987_654], [{"id": 987_654, "name": "style"}], [10**30], [-1]),
]


@pytest.fixture(autouse=True)
def unchanged(server: Server) -> Iterator[None]:
    """Whatever a test edits is as it was for the next."""
    before = server.get(f"/api/models/{ONE}").json
    yield
    fields = {key: before[key] for key in ("name", "path", "type", "meta_json", "tags")}
    assert server.send(f"/api/models/{ONE}", fields, "PATCH").json == before


def edited(server: Server, patch: object) -> Any:
    answer = server.send(f"/api/models/{ONE}", patch, "PATCH")
    assert answer.status == 200, answer
    assert server.get(f"/api/models/{ONE}").json == answer.json
    return answer.json


# GET /api/models


def test_models_are_listed_by_type(server: Server, legacy: Legacy) -> None:
    answer = server.get("/api/models?type=loras")
    assert answer.status == 200
    (model,) = answer.json["models"]
    assert model.keys() >= SUMMARY
    assert model["sha256"] == ONE
    assert model["name"] == "first"
    assert model["images_count"] == 3
    assert model["type"] == "loras"
    assert model["path"] == str(legacy.models / "1.safetensors")
    assert model["size_bytes"] == 3
    assert model["created_at"] == 1_700_000_000_001
    assert [tag["name"] for tag in model["tags"]] == ["style", "anime"]


def test_models_of_no_known_type_are_the_others(server: Server) -> None:
    models = server.get("/api/models?type=Others").json["models"]
    assert [model["sha256"] for model in models] == [THREE]


def test_a_type_that_no_model_has_has_no_models(server: Server) -> None:
    assert server.get("/api/models?type=nothing").json == {"models": []}


@pytest.mark.parametrize("query", ["", "?type=", "?kind=loras"])
def test_models_are_not_listed_without_a_type(server: Server, query: str) -> None:
    assert server.get(f"/api/models{query}").refusal[:2] == (400, "type parameter is required")


def test_the_types_are_those_in_the_library(server: Server) -> None:
    answer = server.get("/api/models/get_types")
    assert answer.status == 200
    assert sorted(answer.json["types"]) == ["checkpoints", "loras"]


def test_configured_types_come_first_and_the_rest_are_others(
    legacy: Legacy, tmp_path: Path
) -> None:
    options = (f"--root=loras={legacy.models}", "--allow-path", legacy.database.parent)
    with serving(tmp_path / "library", *options) as server:
        body = {"legacy_db_path": str(legacy.database)}
        assert server.send("/api/migration/migrate_legacy_db", body).status == 200
        assert server.get("/api/models/get_types").json == {"types": ["loras"]}
        others = server.get("/api/models?type=Others").json["models"]
        assert {model["sha256"] for model in others} == {TWO, THREE}


# GET and PATCH /api/models/{sha256}


def test_a_model_is_shown_whole(server: Server) -> None:
    answer = server.get(f"/api/models/{ONE}")
    assert answer.status == 200
    assert answer.json.keys() >= SUMMARY - {"images_count"} | {"meta_json"}
    assert answer.json["meta_json"] == {
        "description": "a description",
        "community_links": "https://example.org/1",
        "images_count": 3,
        "prompts": {"positive": "sun", "negative": "rain"},
    }


@pytest.mark.parametrize("sha256", [UNKNOWN, "x", ONE.upper(), ONE[:-1], ONE + "0", "%00", "四"])
def test_a_model_that_is_not_there_is_not_found(server: Server, sha256: str) -> None:
    name = sha256 if sha256.isascii() else "%E5%9B%9B"
    assert server.get(f"/api/models/{name}").refusal[0] == 404
    assert server.send(f"/api/models/{name}", {"name": "x"}, "PATCH").refusal[0] == 404


@pytest.mark.parametrize("patch", [{"name": "渚"}, {"name": ""}, {"type": "other"}])
def test_a_field_of_a_model_can_be_changed(server: Server, patch: dict[str, str]) -> None:
    before = server.get(f"/api/models/{ONE}").json
    assert edited(server, patch) == {**before, **patch}


def test_the_path_of_a_model_can_be_changed_to_one_below_the_allowed_folders(
    server: Server, folder: Path
) -> None:
    before = server.get(f"/api/models/{ONE}").json
    for path in (folder / "new" / "é 鍵.safetensors", folder):
        assert edited(server, {"path": str(path)}) == {**before, "path": str(path)}


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/etc/shadow", (403, "path_not_allowed")),
        ("{folder}/../x.safetensors", (403, "path_not_allowed")),
        ("{folder}/away/x.safetensors", (403, "path_not_allowed")),
        ("{folder}x/x.safetensors", (403, "path_not_allowed")),
        ("{folder}/circle/x", (403, "path_not_allowed")),
        ("/" + "a" * 5000, (403, "path_not_allowed")),
        ("x.safetensors", (400, "invalid_request")),
        ("./x.safetensors", (400, "invalid_request")),
        ("../x.safetensors", (400, "invalid_request")),
        ("~/x.safetensors", (400, "invalid_request")),
        ("~root/x.safetensors", (400, "invalid_request")),
        ("\\\\host\\share\\x", (400, "invalid_request")),
        ("file:///etc/shadow", (400, "invalid_request")),
    ],
)
def test_a_path_outside_or_of_no_certain_place_is_refused(
    server: Server, folder: Path, path: str, told: tuple[int, str]
) -> None:
    for name, target in (("away", Path("/etc")), ("circle", folder / "circle")):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(target)
    before = server.get(f"/api/models/{ONE}").json
    patch = {"path": path.format(folder=folder), "name": "not this either"}
    answer = server.send(f"/api/models/{ONE}", patch, "PATCH")
    assert answer.refusal[::2] == told
    assert server.get(f"/api/models/{ONE}").json == before


def test_a_path_that_a_model_has_already_is_no_new_one(legacy: Legacy, tmp_path: Path) -> None:
    library = tmp_path / "library"
    with serving(library, "--allow-path", legacy.database.parent) as server:
        body = {"legacy_db_path": str(legacy.database)}
        assert server.send("/api/migration/migrate_legacy_db", body).status == 200
        path = server.get(f"/api/models/{ONE}").json["path"]
    with serving(library) as server:
        patch = {"path": path, "name": "another"}
        answer = server.send(f"/api/models/{ONE}", patch, "PATCH")
        assert (answer.status, answer.json["name"]) == (200, "another")
        patch = {"path": path + "2"}
        assert server.send(f"/api/models/{ONE}", patch, "PATCH").status == 403
    with serving(library, f"--root=loras={legacy.models}") as server:
        assert server.send(f"/api/models/{ONE}", patch, "PATCH").status == 200


@pytest.mark.parametrize(
    "meta",
    [
        {"description": "another"},
        {"community_links": ""},
        {"prompts": {"positive": "snow", "negative": ""}},
    ],
)
def test_notes_of_a_model_can_be_changed_and_the_others_stay(
    server: Server, meta: dict[str, Any]
) -> None:
    before = server.get(f"/api/models/{ONE}").json["meta_json"]
    assert edited(server, {"meta_json": meta})["meta_json"] == {**before, **meta}


def test_one_prompt_can_be_changed(server: Server) -> None:
    changed = edited(server, {"meta_json": {"prompts": {"negative": "fog"}}})
    assert changed["meta_json"]["prompts"] == {"positive": "sun", "negative": "fog"}


def test_how_many_images_a_model_has_is_not_for_clients_to_say(server: Server) -> None:
    assert edited(server, {"meta_json": {"images_count": 99}})["meta_json"]["images_count"] == 3


def test_neither_are_its_hash_and_its_size(server: Server) -> None:
    before = server.get(f"/api/models/{ONE}").json
    patch = {"sha256": UNKNOWN, "size_bytes": 1, "created_at": 1, "unknown": 1}
    assert edited(server, patch) == before


def test_tags_are_given_as_ids_or_whole(server: Server) -> None:
    by_name = {tag["name"]: tag for tag in server.get("/api/tags").json["tags"]}
    style, anime = by_name["style"], by_name["anime"]
    assert edited(server, {"tags": [anime["id"]]})["tags"] == [anime]
    assert edited(server, {"tags": [style]})["tags"] == [style]
    assert edited(server, {"tags": []})["tags"] == []
    both = edited(server, {"tags": [style["id"], anime, style]})["tags"]
    assert sorted(tag["id"] for tag in both) == sorted([style["id"], anime["id"]])


@pytest.mark.parametrize("patch", WRONG, ids=repr)
def test_a_wrong_edit_is_refused_and_changes_nothing(server: Server, patch: object) -> None:
    before = server.get(f"/api/models/{ONE}").json
    assert server.send(f"/api/models/{ONE}", patch, "PATCH").refusal[0] == 400
    assert server.get(f"/api/models/{ONE}").json == before


def test_a_wrong_tag_undoes_the_whole_edit(server: Server) -> None:
    patch = {"name": "not kept", "tags": [987_654]}
    assert server.send(f"/api/models/{ONE}", patch, "PATCH").refusal[0] == 400
    assert server.get(f"/api/models/{ONE}").json["name"] == "first"


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"1", None])
def test_an_edit_that_is_no_json_object_is_refused(server: Server, body: bytes | None) -> None:
    assert server.send(f"/api/models/{ONE}", body, "PATCH").refusal == INVALID_JSON


@pytest.mark.parametrize(
    ("method", "route", "body", "sentence"),
    [
        ("POST", "tags_add", {}, "newtags must be an array"),
        ("POST", "tags_add", {"newtags": 5}, "newtags must be an array"),
        ("PATCH", f"models/{ONE}", {"name": 5}, "name must be a text"),
        (
            *("PATCH", f"models/{ONE}", {"meta_json": {"prompts": {"positive": []}}}),
            "meta_json.prompts.positive must be a text",
        ),
        ("PATCH", f"models/{ONE}", {"tags": [[]]}, "tags[0] must be an integer or an object"),
    ],
)
def test_a_field_of_a_wrong_kind_is_named(
    server: Server, method: str, route: str, body: object, sentence: str
) -> None:
    told = server.send(f"/api/{route}", body, method).refusal
    assert told == (400, sentence, "invalid_request")


# Tags


def test_tags_are_listed_by_name(server: Server) -> None:
    answer = server.get("/api/tags")
    assert answer.status == 200
    names = [tag["name"] for tag in answer.json["tags"]]
    assert {"anime", "style"} <= set(names)
    assert names == sorted(names)
    assert all(set(tag) == {"id", "name"} for tag in answer.json["tags"])


def test_tags_are_added_and_those_that_exist_are_resolved(server: Server) -> None:
    known = {tag["name"]: tag["id"] for tag in server.get("/api/tags").json["tags"]}
    answer = server.send("/api/tags_add", {"newtags": ["写真", "style", "zebra"]})
    assert answer.status == 200
    assert [tag["name"] for tag in answer.json["tags"]] == ["写真", "style", "zebra"]
    assert answer.json["tags"][1]["id"] == known["style"]
    again = server.send("/api/tags_add", {"newtags": ["写真", "style", "zebra"]})
    assert again.json == answer.json
    listed = {tag["name"]: tag["id"] for tag in server.get("/api/tags").json["tags"]}
    assert listed.items() >= {tag["name"]: tag["id"] for tag in answer.json["tags"]}.items()


@pytest.mark.parametrize("name", ["", "  ", 1, None, True, ["style"], {"name": "x"}, "a\0b"])
def test_what_can_be_no_tag_is_passed_over(server: Server, name: object) -> None:
    before = server.get("/api/tags").json
    answer = server.send("/api/tags_add", {"newtags": [name, " style ", name]})
    assert answer.status == 200
    assert [tag["name"] for tag in answer.json["tags"]] == ["style"]
    assert server.send("/api/tags_add", {"newtags": [name]}).json == {"tags": []}
    assert server.get("/api/tags").json == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"newtags": None},
        {"newtags": "style"},
        {"newtags": {"style": 1}},
        b"{",
        b"[]",
        None,
    ],
    ids=repr,
)
def test_wrong_tags_are_refused_and_none_is_added(server: Server, body: object) -> None:
    before = server.get("/api/tags").json
    assert server.send("/api/tags_add", body).refusal[0] == 400
    assert server.get("/api/tags").json == before
