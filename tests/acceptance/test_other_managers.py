"""Another manager's library, brought in by the command line from end to end."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.commands import document, facts, files_of, rows, run, start
from tests.managers.all import LIBRARIES
from tests.managers.making import Library, image, safetensors, sha_of, write
from tests.waiting_library import Legacy, Row

every_library = pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)


def migrated(location: Path, target: Path, *options: str) -> Any:
    return document("migrate", location, "--library", target, *options)


def items(target: Path) -> dict[str, Any]:
    found = document("items", "--library", target)["items"]
    return {item["source_key"]: item for item in found}


@every_library
def test_a_library_comes_in_whole(library: Library, tmp_path: Path) -> None:
    library.make(tmp_path / "old")
    location, target = tmp_path / "old" / library.location, tmp_path / "new"
    before = facts(tmp_path / "old")

    status = migrated(location, target, "--promote")

    assert facts(tmp_path / "old") == before
    source = document("status", "--library", target)["run"]["source"]
    assert source is None or source["kind"] == library.kind
    found = items(target)
    assert list(found) == [row.key for row in library.expected if row.key in found]
    whole = {row.key: row for row in library.expected if not row.defect}
    gone = {key for key, row in whole.items() if "file_missing" in row.codes}
    assert {key for key, item in found.items() if item["state"] == "promoted"} == set(whole) - gone
    for key in set(whole) - gone:
        content = Path(found[key]["path"]).read_bytes()
        assert found[key]["sha256"] == sha_of(content)
        assert found[key]["claimed_by"] == whole[key].claimed_by
        assert found[key]["claimed_sha256"] in {"", sha_of(content)}
        assert (found[key]["name"], found[key]["type"]) == (whole[key].name, whole[key].type)
        assert found[key]["verbatim"]
    assert status["counts"]["total"] == len(library.expected)
    problems = document("verify", "--library", target, "--hash")["problems"]
    assert [problem["code"] for problem in problems] == ["file_missing"] * len(gone)


@every_library
def test_a_second_run_changes_no_byte(library: Library, tmp_path: Path) -> None:
    library.make(tmp_path / "old")
    location, target = tmp_path / "old" / library.location, tmp_path / "new"
    migrated(location, target, "--promote")
    before = files_of(target)

    migrated(location, target)

    assert files_of(target) == before


@every_library
def test_what_is_there_is_told_beforehand(library: Library, tmp_path: Path) -> None:
    library.make(tmp_path / "old")
    location = tmp_path / "old" / library.location
    before = facts(tmp_path / "old")

    told = document("look", location)

    assert facts(tmp_path / "old") == before
    (found,) = told["found"]
    assert (found["kind"], found["layout"]) == (library.kind, library.layout)
    assert found["models"] == len(library.expected)
    assert found["images"] == sum(len(row.images) for row in library.expected)
    assert found["claimed_hashes"] == sum(bool(row.claimed_by) for row in library.expected)
    assert all(Path(root["folder"]).is_dir() for root in found["roots"])


def test_a_claim_waits_with_its_model_until_promotion_refutes_it(tmp_path: Path) -> None:
    right = write(tmp_path / "old" / "right.safetensors", safetensors(None, "right"))
    wrong = write(tmp_path / "old" / "wrong.safetensors", safetensors(None, "wrong"))
    claims = {"right": sha_of(right), "wrong": "ab" * 32}
    for name, claim in claims.items():
        write(tmp_path / "old" / f"{name}.metadata.json", {"sha256": claim})
    target = tmp_path / "new"

    migrated(tmp_path / "old", target)
    waiting = items(target)
    promoted = document("promote", "--all", "--library", target)

    assert {item["state"] for item in waiting.values()} == {"pending"}
    assert {item["sha256"] for item in waiting.values()} == {""}
    assert [item["claimed_sha256"] for item in waiting.values()] == list(claims.values())
    (warning,) = promoted["warnings"]
    assert warning["code"] == "claim_wrong"
    assert "ab" * 32 in warning["detail"]
    assert sha_of(wrong) in warning["detail"]
    assert {row[0] for row in rows(target)["models"]} == {sha_of(right), sha_of(wrong)}


def test_a_trusted_claim_is_an_identity_at_once_and_is_proven_later(tmp_path: Path) -> None:
    data = write(tmp_path / "old" / "right.safetensors", safetensors(None, "right"))
    write(tmp_path / "old" / "wrong.safetensors", safetensors(None, "wrong"))
    write(tmp_path / "old" / "right.metadata.json", {"sha256": sha_of(data)})
    write(tmp_path / "old" / "wrong.metadata.json", {"sha256": "ab" * 32})
    target = tmp_path / "new"

    migrated(tmp_path / "old", target, "--hashes", "trust")

    found = items(target)
    assert {item["state"] for item in found.values()} == {"promoted"}
    assert {item["claimed_by"] for item in found.values()} == {"lora_manager"}
    problems = document("verify", "--library", target, "--hash")["problems"]
    assert [problem["code"] for problem in problems] == ["hash_mismatch"]


def test_what_was_edited_in_the_old_manager_is_carried_once_more(tmp_path: Path) -> None:
    old, target = tmp_path / "old", tmp_path / "new"
    for name in ("a", "b"):
        write(old / f"{name}.safetensors", safetensors(None, name))
        write(old / f"{name}.metadata.json", {"model_name": name, "tags": ["one"]})
    migrated(old, target, "--promote")
    write(old / "b.metadata.json", {"model_name": "b", "tags": ["two"], "notes": "new"})
    write(old / "b.png", image(1))
    os.utime(old / "b.metadata.json")

    status = migrated(old, target)

    assert status["counts"]["total"] == 1
    assert rows(target)["pending_import"] == []
    (model,) = [row for row in rows(target)["models"] if row[1].endswith("b.safetensors")]
    assert json.loads(model[-1])["description"] == "new"
    assert json.loads(model[-1])["images_count"] == 1
    assert len(rows(target)["model_tags"]) == 3


def test_two_kinds_at_one_place_are_named_and_asked_about(tmp_path: Path) -> None:
    old = tmp_path / "old"
    Legacy(old, [Row(1, b"one")])
    write(old / "models" / "loras" / "a.safetensors", safetensors())

    done = run("migrate", old, "--library", tmp_path / "new")

    assert done.returncode == 2
    told = done.stderr.decode()
    assert "--from hikaze1" in told
    assert "--from folders" in told
    assert not (tmp_path / "new").exists()
    assert run("migrate", old, "--library", tmp_path / "new", "--from", "folders").returncode == 0
    assert {found["kind"] for found in document("look", old)["found"]} == {"hikaze1", "folders"}


@pytest.mark.parametrize("command", ["look", "migrate"])
def test_a_place_with_nothing_says_what_was_looked_for(command: str, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    options = ["--library", str(tmp_path / "new")] if command == "migrate" else []

    done = run(command, tmp_path / "old", *options)

    assert done.returncode == 5
    told = done.stderr.decode()
    assert all(word in told for word in ("hikaze_mm.sqlite3", "invokeai.db", "ComfyUI"))
    assert not (tmp_path / "new").exists()


def test_paths_of_another_machine_are_found_on_this_one(tmp_path: Path) -> None:
    legacy = Legacy(tmp_path / "old", [Row(1, b"one", hashed=True, name="one")])
    file = legacy.models / "1.safetensors"
    (found,) = [path for path in legacy.models.iterdir() if path.is_file()]
    moved = tmp_path / "moved"
    moved.mkdir()
    found.rename(moved / found.name)
    mapping = f"{legacy.models}={moved}"

    status = migrated(legacy.database, tmp_path / "new", "--map", mapping, "--map", r"Q:\x=/y")

    (model,) = rows(tmp_path / "new")["models"]
    assert model[1] == str(moved / found.name) != str(file)
    assert [warning["code"] for warning in status["warnings"]] == ["map_unused"]


def test_a_mapping_that_is_none_is_refused_before_a_library_is_made(tmp_path: Path) -> None:
    write(tmp_path / "old" / "a.safetensors", safetensors())

    done = run("migrate", tmp_path / "old", "--library", tmp_path / "new", "--map", "nonsense")

    assert done.returncode == 5
    assert "OLD=NEW" in done.stderr.decode()
    assert not (tmp_path / "new").exists()


def test_a_run_that_was_killed_ends_as_one_that_was_not(tmp_path: Path) -> None:
    old = tmp_path / "old"
    for number in range(60):
        write(old / "loras" / f"{number}.safetensors", safetensors(None, str(number)))
        write(old / "loras" / f"{number}.json", {"description": f"model {number}"})
        write(old / "loras" / f"{number}.png", image(number, size=(900, 700)))
    migrated(old, tmp_path / "whole")

    killed = start("migrate", old, "--library", tmp_path / "killed", "--workers", "1")
    pending = tmp_path / "killed" / "images" / "pending"
    deadline = time.monotonic() + 60
    while not (pending.is_dir() and any(pending.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert run("resume", "--library", tmp_path / "killed").returncode == 0

    whole, resumed = rows(tmp_path / "whole"), rows(tmp_path / "killed")
    assert resumed.pop("counts") == whole.pop("counts")
    assert resumed == whole
