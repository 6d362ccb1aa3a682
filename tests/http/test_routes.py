"""The routes of migration, their statuses, fields and sentences, over a real socket."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.http.server import Server, adds_up, serving
from tests.waiting_library import Legacy, Row, sha_of

INVALID_JSON = (400, "Invalid JSON body", "invalid_json")
NO_JSON = [b"{", b"\xff\xfe", b"{'a': 1}", b"[]", b"null", b"3", None]
"""Bodies that are no JSON object; None is no body at all."""

STATUS_FIELDS = {"run", "counts", "warnings", "images", "bytes_hashed", "eta_seconds"}
RUN_FIELDS = {"id", "kind", "status", "resumable", "started_at", "updated_at", "finished_at"}
REPORT_FIELDS = {"migrated", "pending", "errors", "images_processed", "image_errors"}


def is_run_status(told: Any) -> bool:
    assert told.keys() >= STATUS_FIELDS
    assert told["run"].keys() >= RUN_FIELDS
    assert told["images"].keys() >= {"done", "failed"}
    assert told["bytes_hashed"].keys() >= {"done", "total"}
    return adds_up(told)


# POST /api/migration/migrate_legacy_db; the first time is in the fixture of the server


def test_migrating_the_same_library_again_reports_the_same(server: Server, legacy: Legacy) -> None:
    body = {"legacy_db_path": str(legacy.database)}  # the images lie beside it
    answer = server.send("/api/migration/migrate_legacy_db", body)
    assert answer.status == 200
    assert answer.json.keys() >= {"status", "db_migration"}
    assert answer.json["status"] == "success"
    assert answer.json["db_migration"].keys() >= REPORT_FIELDS
    assert answer.json["db_migration"]["migrated"] == 3
    assert answer.json["db_migration"]["pending"] == 2
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("route", ["migrate_legacy_db", "start"])
@pytest.mark.parametrize("body", [{}, {"legacy_db_path": ""}, {"legacy_db_path": None}])
def test_without_a_legacy_path_there_is_nothing_to_migrate(
    server: Server, route: str, body: object
) -> None:
    status, sentence, _ = server.send(f"/api/migration/{route}", body).refusal
    assert (status, sentence) == (400, "legacy_db_path is required")


@pytest.mark.parametrize("route", ["migrate_legacy_db", "start", "import_models"])
@pytest.mark.parametrize("body", NO_JSON)
def test_a_body_that_is_no_json_object_is_refused(
    server: Server, route: str, body: bytes | None
) -> None:
    assert server.send(f"/api/migration/{route}", body).refusal == INVALID_JSON


@pytest.mark.parametrize("route", ["migrate_legacy_db", "start"])
@pytest.mark.parametrize("path", [5, ["a"], {"a": 1}, True])
def test_a_legacy_path_that_is_no_text_is_refused(server: Server, route: str, path: object) -> None:
    told = server.send(f"/api/migration/{route}", {"legacy_db_path": path}).refusal
    assert told == (400, "legacy_db_path must be a text or null", "invalid_request")


@pytest.mark.parametrize("route", ["migrate_legacy_db", "start"])
def test_a_legacy_database_that_is_not_there_is_not_found(
    server: Server, folder: Path, route: str
) -> None:
    body = {"legacy_db_path": str(folder / "missing.sqlite3")}
    status, sentence, _ = server.send(f"/api/migration/{route}", body).refusal
    assert status == 404
    assert "missing.sqlite3" in sentence


@pytest.mark.parametrize("route", ["migrate_legacy_db", "start"])
def test_a_folder_or_a_text_is_no_legacy_database(server: Server, folder: Path, route: str) -> None:
    (folder / "notes.txt").write_text("no database at all " * 100)
    for path in (folder, folder / "notes.txt"):
        before = server.status()["run"]["id"]
        answer = server.send(f"/api/migration/{route}", {"legacy_db_path": str(path)})
        if answer.status == 202:  # what can only be seen by reading is told by the run
            status = server.wait_for_end()
            assert status["run"]["status"] == "failed"
            assert status["run"]["id"] > before
        else:
            assert answer.refusal[0] == 422


@pytest.mark.parametrize("strategy", ["delete", "replace", "", 5, []])
def test_a_strategy_that_stage_one_does_not_know_is_refused(
    server: Server, legacy: Legacy, strategy: object
) -> None:
    body = {"legacy_db_path": str(legacy.database), "on_conflict": strategy}
    assert server.send("/api/migration/start", body).refusal[0] == 400


def test_a_row_that_fails_makes_the_migration_failed(tmp_path: Path) -> None:
    legacy = Legacy(tmp_path / "legacy", [Row(1, b"one", hashed=True), Row(2, b"two")])
    with closing(sqlite3.connect(legacy.database)) as connection, connection:
        connection.execute("UPDATE models SET path = '' WHERE id = 2")
    with serving(tmp_path / "library", "--allow-path", tmp_path) as server:
        body = {"legacy_db_path": str(legacy.database)}
        answer = server.send("/api/migration/migrate_legacy_db", body)
        assert answer.status == 200
        assert answer.json["status"] == "failed"
        assert answer.json["db_migration"]["errors"] == 1
        assert answer.json["db_migration"]["migrated"] == 1


# GET /api/migration/pending_models and pending_model


def test_pending_models_are_listed_with_a_name_and_an_image(server: Server) -> None:
    answer = server.get("/api/migration/pending_models")
    assert answer.status == 200
    by_id = {model["id"]: model for model in answer.json["models"]}
    unnamed, named = by_id[4], by_id[5]
    for model in (unnamed, named):
        assert model.keys() >= {"id", "name", "image", "type", "tags"}
    assert unnamed["name"] == "四 four.safetensors"
    assert unnamed["image"] == "four_0.png"
    assert unnamed["type"] == "loras"
    assert [tag["name"] for tag in unnamed["tags"]] == ["style"]
    assert set(unnamed["tags"][0]) == {"id", "name"}
    assert named["name"] == "fifth"
    assert named["image"] == ""
    assert named["tags"] == []


def test_a_pending_model_is_shown_whole(server: Server, legacy: Legacy) -> None:
    answer = server.get("/api/migration/pending_model?id=4")
    assert answer.status == 200
    record = answer.json
    assert record["id"] == 4
    assert record["path"] == str(legacy.models / "四 four.safetensors")
    assert record["size_bytes"] == 4
    assert record["meta_json"]["images"] == ["four_0.png", "four_1.png"]
    assert record["meta_json"]["prompts"] == {"positive": "", "negative": ""}
    assert record.keys() >= {"sha256", "name", "type", "created_at", "tags"}


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", (400, "id is required")),
        ("?id=", (400, "id is required")),
        ("?id=four", (400, "id must be an integer")),
        ("?id=4.0", (400, "id must be an integer")),
        ("?id=%204", (400, "id must be an integer")),
        ("?id=" + "9" * 400, (400, "id must be an integer")),
        ("?id=1", (404, "Pending model not found")),
        ("?id=-4", (404, "Pending model not found")),
        ("?id=123456789012345678", (404, "Pending model not found")),
        ("?id=-999999999999999999", (404, "Pending model not found")),
    ],
)
def test_an_id_that_is_missing_wrong_or_unknown_is_told_of(
    server: Server, query: str, told: tuple[int, str]
) -> None:
    assert server.get(f"/api/migration/pending_model{query}").refusal[:2] == told


# GET /api/scan


def test_a_scan_without_model_folders_is_unavailable(server: Server) -> None:
    assert server.get("/api/scan").refusal[0] == 503


def test_a_scan_adds_new_files_and_skips_known_ones(tmp_path: Path) -> None:
    roots = {name: tmp_path / name for name in ("loras", "checkpoints")}
    for name, root in roots.items():
        root.mkdir()
        (root / f"{name}.safetensors").write_bytes(name.encode())
    options = [f"--root={name}={root}" for name, root in roots.items()]
    with serving(tmp_path / "library", *options) as server:
        first, second = server.get("/api/scan"), server.get("/api/scan")
        assert first.status == second.status == 200
        assert first.json.keys() >= {"status", "scanned", "added", "pending_ids", "skipped"}
        assert [first.json[key] for key in ("status", "scanned", "added", "skipped")] == [
            *("success", 2, 2, 0)
        ]
        assert [second.json[key] for key in ("scanned", "added", "skipped")] == [2, 0, 2]
        assert second.json["pending_ids"] == []
        waiting = server.get("/api/migration/pending_models").json["models"]
        assert {model["id"] for model in waiting} == set(first.json["pending_ids"])
        assert {model["type"] for model in waiting} == set(roots)
        # The configured types, in a library that has no models.
        assert sorted(server.get("/api/models/get_types").json["types"]) == sorted(roots)


def test_a_scan_of_a_folder_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    with serving(tmp_path / "library", f"--root=loras={tmp_path / 'gone'}") as server:
        assert server.get("/api/scan").refusal[0] == 503


# The new routes; runs that go on are in test_runs


def test_a_library_without_runs_has_no_status(tmp_path: Path) -> None:
    with serving(tmp_path / "library") as server:
        answer = server.get("/api/migration/status")
        assert answer.status == 200
        assert answer.json["run"] is None
        assert answer.json.keys() >= STATUS_FIELDS
        assert adds_up(answer.json)
        assert answer.json["counts"]["total"] == 0
        assert server.get("/api/migration/items").json == {"items": [], "next": None}
        for route in ("resume", "retry"):
            status, _, code = server.send(f"/api/migration/{route}").refusal
            assert (status, code) == (409, f"nothing_to_{route}")
        assert server.send("/api/migration/cancel").status == 202
        assert server.get("/api/models/get_types").json == {"types": []}


def test_a_run_has_a_status(server: Server) -> None:
    answer = server.get("/api/migration/status?run_id=1")
    assert answer.status == 200
    assert is_run_status(answer.json)
    assert answer.json["run"]["id"] == 1
    assert answer.json["run"]["kind"] == "legacy"
    assert answer.json["run"]["status"] == "completed"
    assert answer.json["run"]["resumable"] is False
    assert answer.json["counts"] == {
        "total": 5,
        "pending": 2,
        "imported": 0,
        "images_done": 0,
        "promoted": 3,
        "failed": 0,
    }
    assert answer.json["images"]["done"] == 6


@pytest.mark.parametrize(("run", "status"), [("99", 404), ("x", 400), ("1.5", 400)])
@pytest.mark.parametrize("route", ["status", "items"])
def test_a_run_that_is_not_there_is_not_told_of(
    server: Server, route: str, run: str, status: int
) -> None:
    assert server.get(f"/api/migration/{route}?run_id={run}").refusal[0] == status


def test_a_run_has_items_in_a_state_or_none(server: Server) -> None:
    for question in ("state=failed", "after=123456"):
        page = server.get(f"/api/migration/items?run_id=1&{question}")
        assert (page.status, page.json) == (200, {"items": [], "next": None})


def test_the_items_of_a_run_are_listed_page_by_page(server: Server) -> None:
    found, after, pages = [], "", 0
    while True:
        page = server.get(f"/api/migration/items?run_id=1&limit=2{after}")
        assert page.status == 200
        assert set(page.json) == {"items", "next"}
        assert len(page.json["items"]) <= 2
        found += page.json["items"]
        pages += 1
        if page.json["next"] is None:
            break
        after = f"&after={page.json['next']}"
    assert pages == 3
    assert [item["source_id"] for item in found] == [1, 2, 3, 4, 5]
    assert [item["state"] for item in found] == [*["promoted"] * 3, *["pending"] * 2]
    for item in found:
        assert item.keys() >= {"id", "source_id", "path", "state", "sha256", "warnings", "error"}
        assert item["warnings"] == []
        assert item["error"] is None
    assert found[0]["sha256"] == sha_of(b"one")


def test_items_can_be_chosen_by_state(server: Server) -> None:
    items = server.get("/api/migration/items?run_id=1&state=pending").json["items"]
    assert {item["source_id"] for item in items} == {4, 5}
    assert server.get("/api/migration/items?run_id=1&state=failed").json["items"] == []


@pytest.mark.parametrize(
    "query",
    ["state=gone", "limit=0", "limit=-1", "limit=x", "after=x", "run_id=x"],
)
def test_items_are_not_listed_for_a_wrong_question(server: Server, query: str) -> None:
    assert server.get(f"/api/migration/items?{query}").refusal[0] == 400


def test_starting_a_library_that_was_carried_across_answers_with_its_run(
    server: Server, legacy: Legacy
) -> None:
    body = {"legacy_db_path": str(legacy.database), "on_conflict": "merge"}
    answer = server.send("/api/migration/start", body)
    assert answer.status == 202
    assert is_run_status(answer.json)
    run = answer.json["run"]
    assert run["kind"] == "legacy"
    again = server.send("/api/migration/start", body)
    assert again.json["run"]["id"] == run["id"]


@pytest.mark.parametrize("body", [None, {}, {"run_id": None}, {"run_id": 1}, {"run_id": 99}])
def test_there_is_nothing_to_resume(server: Server, body: object) -> None:
    status, _, code = server.send("/api/migration/resume", body).refusal
    assert (status, code) == (409, "nothing_to_resume")


@pytest.mark.parametrize("body", [None, {}, {"ids": None}, {"ids": [1]}])
def test_there_is_nothing_to_retry(server: Server, body: object) -> None:
    status, sentence, code = server.send("/api/migration/retry", body).refusal
    assert (status, code) == (409, "nothing_to_retry")
    assert "resume" not in sentence


@pytest.mark.parametrize("route", ["resume", "retry"])
@pytest.mark.parametrize("body", [b"{", [], "one", 1])
def test_a_command_whose_body_is_no_object_is_refused(
    server: Server, route: str, body: object
) -> None:
    assert server.send(f"/api/migration/{route}", body).refusal == INVALID_JSON


@pytest.mark.parametrize(
    ("route", "body", "sentence"),
    [
        ("resume", {"run_id": "one"}, "run_id must be an integer or null"),
        ("resume", {"run_id": 1.5}, "run_id must be an integer or null"),
        ("retry", {"ids": "one"}, "ids must be an array or null"),
        ("retry", {"ids": ["one"]}, "ids[0] must be an integer"),
        ("retry", {"ids": 1}, "ids must be an array or null"),
    ],
)
def test_a_field_of_a_wrong_kind_is_named(
    server: Server, route: str, body: object, sentence: str
) -> None:
    told = server.send(f"/api/migration/{route}", body).refusal
    assert told == (400, sentence, "invalid_request")


def test_cancelling_without_a_run_changes_nothing(server: Server) -> None:
    before = server.status()
    answer = server.send("/api/migration/cancel")
    assert answer.status == 202
    assert answer.json == before


# What is no route


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api/migration", "/nothing"])
def test_what_is_no_route_is_not_found(server: Server, path: str) -> None:
    assert server.get(path).refusal[0] == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/migration/start"),
        ("GET", "/api/migration/migrate_legacy_db"),
        ("DELETE", "/api/migration/status"),
        ("PUT", "/api/tags"),
        ("POST", "/api/scan"),
    ],
)
def test_a_method_that_a_route_does_not_take_is_refused(
    server: Server, method: str, path: str
) -> None:
    assert server.call(method, path).refusal[0] == 405


# GET / and files; the page of our own is in test_page


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built single-page client."""
    folder = tmp_path_factory.mktemp("client") / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>the client</title>")
    (folder / "assets" / "main.js").write_text("export const one = 1")
    (folder / "assets" / "style.css").write_text("p { color: red }")
    (folder / "assets" / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return folder


def test_a_client_is_served_and_paths_inside_it_show_its_first_page(
    client: Path, tmp_path: Path
) -> None:
    with serving(tmp_path / "library", "--frontend", client) as server:
        first = server.get("/")
        assert (first.status, first.body) == (200, (client / "index.html").read_bytes())
        assert first.headers["content-type"].startswith("text/html")
        for name, kind in {
            "assets/main.js": "javascript",
            "assets/style.css": "text/css",
            "assets/icon.svg": "image/svg+xml",
        }.items():
            answer = server.get(f"/{name}?v=1")
            assert (answer.status, answer.body) == (200, (client / name).read_bytes())
            assert kind in answer.headers["content-type"]
        for path in ("/models", "/models/some/deep/page", "/assets", "/assets/gone.js"):
            answer = server.get(path)
            assert (answer.status, answer.body) == (200, first.body), path
        assert server.get("/api/migration/status").json["run"] is None
        for path in ("/api", "/api/", "/api/nothing"):
            assert server.get(path).refusal[0] == 404
