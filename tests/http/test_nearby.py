"""Legacy databases that a client need not type: those in the usual places, and none elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.http.server import Server, serving
from tests.waiting_library import Legacy, Row

ROUTE = "/api/migration/databases"
ROWS = [Row(1, b"one", hashed=True)]
NODES = Path("ComfyUI", "custom_nodes")


def legacy(folder: Path, name: str) -> Path:
    """A database where version 1 keeps it, in an extension of the ComfyUI in a folder."""
    return Legacy(folder / NODES / name / "data", ROWS).database


def told(server: Server, query: str = "") -> list[tuple[str, str | None]]:
    answer = server.get(ROUTE + query)
    assert answer.status == 200, answer
    found: list[dict[str, Any]] = answer.json["databases"]
    return [(each["path"], each["run"]) for each in found]


def test_the_databases_in_the_usual_places_are_told(tmp_path: Path) -> None:
    at_home, beside = legacy(tmp_path / "home", "hikaze 1"), legacy(tmp_path / "b", "é 鍵")
    library = tmp_path / "b" / NODES / "hikaze 2" / "data"
    with serving(library, "--allow-path", tmp_path) as server:
        assert sorted(told(server)) == sorted([(str(at_home), None), (str(beside), None)])


def test_how_the_last_run_of_each_stands_is_told(tmp_path: Path) -> None:
    carried, other = (legacy(tmp_path / name, "hikaze") for name in "ab")
    with serving(tmp_path / "library", "--allow-path", tmp_path) as server:
        body = {"legacy_db_path": str(carried)}
        assert server.send("/api/migration/migrate_legacy_db", body).status == 200
        assert told(server) == [(str(carried), "completed"), (str(other), None)]


def test_nothing_outside_the_allowed_folders_is_told(tmp_path: Path) -> None:
    library = tmp_path / "installed" / NODES / "hikaze 2" / "data"
    outside = legacy(tmp_path / "installed", "hikaze 1")
    inside = legacy(tmp_path / "allowed", "hikaze 1")
    nodes = tmp_path / "allowed" / NODES
    (nodes / "linked").symlink_to(outside.parents[1], target_is_directory=True)
    (tmp_path / "allowed" / "hikaze_mm.sqlite3").symlink_to(outside)
    with serving(library, "--allow-path", tmp_path / "allowed") as server:
        assert told(server) == [(str(inside), None)]
        assert told(server, f"?folder={nodes}") == [(str(inside), None)]
        refused = server.get(f"{ROUTE}?folder={nodes / 'linked' / 'data'}").refusal
        assert refused[::2] == (403, "path_not_allowed")


def test_those_in_a_folder_are_told(tmp_path: Path) -> None:
    databases = [legacy(tmp_path, name) for name in "ab"]
    legacy(tmp_path / "elsewhere", "c")
    with serving(tmp_path / "library", "--allow-path", tmp_path) as server:
        expected = [(str(path), None) for path in databases]
        for form in (tmp_path, f"'{tmp_path}'", f"file://{tmp_path}/ComfyUI"):
            assert told(server, f"?folder={form}") == expected
        assert told(server, f"?folder={databases[0]}") == []
        assert told(server, f"?folder={tmp_path}/none") == []


@pytest.mark.parametrize("named", ["/etc", "~root", "/proc/self/root", "a%00b"])
def test_no_folder_elsewhere_is_looked_into(server: Server, named: str) -> None:
    answer = server.get(f"{ROUTE}?folder={named}")
    assert answer.status in (400, 403), answer


def test_a_search_stands_for_those_who_ask_soon_after(tmp_path: Path) -> None:
    first = legacy(tmp_path, "a")
    with serving(tmp_path / "library", "--allow-path", tmp_path) as server:
        assert told(server) == [(str(first), None)]
        legacy(tmp_path, "b")
        assert told(server) == [(str(first), None)]
