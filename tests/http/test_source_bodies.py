"""A source named by its kind, its place and what is said of it, at each route that takes one."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from tests.http.server import Server
from tests.waiting_library import Legacy, Row

ROUTES = ("start", "check", "migrate_legacy_db")
ROWS = [Row(1, b"one", hashed=True), Row(2, b"two", images=(("a.png", b"no image"),))]


@pytest.fixture
def fresh(folder: Path) -> Legacy:
    return Legacy(Path(mkdtemp(dir=folder)), ROWS)


def sent(server: Server, route: str, source: object, **fields: object) -> Any:
    return server.send(f"/api/migration/{route}", {"source": source, **fields})


@pytest.mark.parametrize("named", [{"kind": "hikaze1"}, {}], ids=["by its kind", "without"])
def test_a_source_is_carried_across(server: Server, fresh: Legacy, named: dict[str, str]) -> None:
    source = {**named, "location": str(fresh.database), "images": str(fresh.images)}
    told = sent(server, "migrate_legacy_db", source)
    assert told.status == 200
    assert told.json["db_migration"]["migrated"] == 1
    run = server.status()["run"]
    assert run["source"] == {"kind": "hikaze1", "layout": "", "location": str(fresh.database)}
    assert run["images_folder"] == str(fresh.images)


def test_both_ways_to_name_a_source_name_one(server: Server, fresh: Legacy) -> None:
    first = sent(server, "migrate_legacy_db", {"location": str(fresh.database)})
    assert first.status == 200
    run = server.status()["run"]["id"]
    again = server.send("/api/migration/start", {"legacy_db_path": str(fresh.database)})
    assert (again.status, again.json["run"]["id"]) == (202, run)


def test_a_check_looks_at_the_images_where_the_kind_has_them(server: Server, fresh: Legacy) -> None:
    told = sent(server, "check", {"location": str(fresh.database)}).json
    assert told["images"]["path"] == str(fresh.images)
    assert (told["database"]["rows"], told["can_start"]) == (2, True)


def test_items_are_named_by_the_keys_of_their_rows(server: Server, fresh: Legacy) -> None:
    sent(server, "migrate_legacy_db", {"location": str(fresh.database)})
    items = server.get("/api/migration/items").json["items"]
    assert [(item["source_key"], item["source_id"]) for item in items] == [("1", 1), ("2", 2)]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"kind": "scroll"}, "unknown_source_kind"),
        ({"hashes": "trust"}, "option_refused"),
        ({"roots": [{"type": "loras", "folder": "HERE"}]}, "option_refused"),
        ({"hashes": "guess"}, "invalid_request"),
        ({"roots": ["/models"]}, "invalid_request"),
        ({"location": ""}, "invalid_request"),
        ({"location": None}, "invalid_request"),
        ({"map": ["a=b"] * 10_001}, "too_many"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_source_that_cannot_be_is_refused_in_a_sentence(
    server: Server, fresh: Legacy, route: str, changed: dict[str, Any], code: str
) -> None:
    source = {"location": str(fresh.database), **changed}
    if isinstance(source.get("roots"), list) and isinstance(source["roots"][0], dict):
        source["roots"] = [{"type": "loras", "folder": str(fresh.models)}]
    status, sentence, told = sent(server, route, source).refusal
    assert (status, told) == (400, code)
    assert sentence


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("field", ["location", "images", "roots"])
def test_no_path_of_a_source_leads_outside_what_is_allowed(
    server: Server, fresh: Legacy, route: str, field: str
) -> None:
    outside: dict[str, object] = {
        "location": "/etc/hikaze_mm.sqlite3",
        "images": "/etc",
        "roots": [{"type": "loras", "folder": "/etc"}],
    }
    source = {"location": str(fresh.database), field: outside[field]}
    assert sent(server, route, source).refusal[::2] == (403, "path_not_allowed")


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("field", ["legacy_db_path", "legacy_images_dir"])
def test_a_source_is_named_once(server: Server, fresh: Legacy, route: str, field: str) -> None:
    twice = {field: str(fresh.database)}
    refusal = sent(server, route, {"location": str(fresh.database)}, **twice).refusal
    assert refusal[::2] == (400, "invalid_request")
