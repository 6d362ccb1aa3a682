"""Other managers' libraries over HTTP: looked at, started, and held to the allowed folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.http.server import Server, serving
from tests.managers import invokeai, webui
from tests.managers.making import safetensors, write
from tests.waiting_library import Legacy, Row

CHECK, START = "/api/migration/check", "/api/migration/start"


def asked(server: Server, path: str, location: Path, **said: Any) -> Any:
    return server.send(path, {"source": {"location": str(location), **said}})


def test_a_source_is_looked_at_and_started_without_naming_its_kind(
    server: Server, folder: Path
) -> None:
    webui.LIBRARY.make(folder / "webui")

    looked = asked(server, CHECK, folder / "webui").json
    started = asked(server, START, folder / "webui").json
    ended = server.wait_for_end()

    assert looked["can_start"] is True
    assert looked["location"] == str(folder / "webui")
    (found,) = looked["found"]
    assert (found["kind"], found["layout"], found["models"]) == ("folders", "webui", 5)
    assert started["run"]["source"] == {
        "kind": "folders",
        "layout": "webui",
        "location": str(folder / "webui"),
    }
    assert ended["counts"]["pending"] == 5
    items = server.get("/api/migration/items?verbatim=true").json["items"]
    assert [item["source_key"] for item in items] == [row.key for row in webui.LIBRARY.expected]
    (owl,) = [item for item in items if item["claimed_by"] == "civitai"]
    assert owl["name"] == "Owls"
    assert "owl.json" in owl["verbatim"]["sidecars"]
    assert server.get("/api/migration/items").json["items"][0]["verbatim"] is None


def test_several_kinds_are_told_and_none_is_started(server: Server, folder: Path) -> None:
    Legacy(folder / "both", [Row(1, b"one")])
    write(folder / "both" / "models" / "loras" / "a.safetensors", safetensors())

    looked = asked(server, CHECK, folder / "both").json
    refused = asked(server, START, folder / "both")

    assert looked["can_start"] is False
    assert [found["kind"] for found in looked["found"]] == ["hikaze1", "folders"]
    assert looked["database"]["error"]["code"] == "several_kinds"
    assert refused.refusal[::2] == (400, "several_kinds")


def test_nothing_is_found_where_nothing_is(server: Server, folder: Path) -> None:
    (folder / "empty").mkdir()

    looked = asked(server, CHECK, folder / "empty").json

    assert (looked["can_start"], looked["found"]) == (False, [])
    assert looked["database"]["error"]["code"] == "nothing_recognised"
    assert asked(server, START, folder / "empty").refusal[::2] == (404, "nothing_recognised")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    write(tmp_path / "outside" / "loras" / "secret.safetensors", safetensors())
    return tmp_path / "outside"


@pytest.mark.parametrize("path", [CHECK, START])
def test_settings_of_a_source_lead_nowhere_that_is_not_allowed(
    path: str, outside: Path, tmp_path: Path
) -> None:
    comfy, invoke = tmp_path / "in" / "comfy", tmp_path / "in" / "invoke"
    write(comfy / "models" / "loras" / "a.safetensors", safetensors())
    write(comfy / "extra_model_paths.yaml", f"x:\n  loras: {outside / 'loras'}\n")
    linked = tmp_path / "in" / "linked" / "models" / "loras"
    linked.parent.mkdir(parents=True)
    linked.symlink_to(outside / "loras")
    invokeai.LIBRARY.make(tmp_path / "in")
    write(invoke / "invokeai.yaml", f"models_dir: {outside}\n")
    for location in (comfy, linked.parents[1], invoke):
        with serving(tmp_path / "library", "--allow-path", tmp_path / "in") as server:
            assert asked(server, path, location).refusal[::2] == (403, "path_not_allowed"), location


def test_a_mapping_and_roots_are_taken(server: Server, folder: Path) -> None:
    write(folder / "tree" / "a.safetensors", safetensors())
    write(folder / "far" / "b.safetensors", safetensors())
    root = {"type": "vae", "folder": str(folder / "far")}

    looked = asked(server, CHECK, folder / "tree", roots=[root], map=["D:\\x=/y"]).json
    refused = asked(server, CHECK, folder / "tree", roots=[{"type": "vae", "folder": "/etc"}])

    assert looked["found"][0]["models"] == 2
    assert refused.refusal[::2] == (403, "path_not_allowed")
