"""Promotion over HTTP: every strategy, what is refused, and requests that overlap."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http.server import Server, serving
from tests.waiting_library import Legacy, Row, pair_of_copies, picture, sha_of

SAME, OTHER = sha_of(b"same"), sha_of(b"other")
FIELDS = {"total", "success", "conflict", "ignored", "deleted", "failed"}


@pytest.fixture
def legacy(tmp_path: Path) -> Legacy:
    """An active model, its copy 2 that waits, and 3 that waits alone."""
    return pair_of_copies(tmp_path / "legacy")


@pytest.fixture
def server(tmp_path: Path, legacy: Legacy) -> Iterator[Server]:
    with serving(tmp_path / "library", "--allow-path", tmp_path) as running:
        migrated(running, legacy)
        yield running


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose library no test changes: 2 and 3 wait."""
    folder = tmp_path_factory.mktemp("quiet")
    with serving(folder / "library", "--allow-path", folder) as running:
        migrated(running, pair_of_copies(folder / "legacy"))
        yield running
        assert waiting(running) == {2, 3}


def migrated(server: Server, legacy: Legacy) -> None:
    body = {"legacy_db_path": str(legacy.database)}
    assert server.send("/api/migration/migrate_legacy_db", body).status == 200


def promoted(server: Server, ids: list[Any], *strategy: str | None) -> Any:
    """The report of a promotion, in which every id has one place."""
    body: dict[str, Any] = {"id": ids}
    if strategy:
        body["conflict_strategy"] = strategy[0]
    answer = server.send("/api/migration/import_models", body)
    assert answer.status == 207, answer
    told = answer.json
    assert told.keys() >= FIELDS
    assert told["total"] == sum(len(told[name]) for name in FIELDS - {"total"})
    return told


def waiting(server: Server) -> set[int]:
    models = server.get("/api/migration/pending_models").json["models"]
    return {model["id"] for model in models}


def names(tags: list[Any]) -> set[str]:
    return {tag["name"] for tag in tags}


def test_a_conflict_is_reported_and_changes_nothing(server: Server, legacy: Legacy) -> None:
    before = server.get(f"/api/models/{SAME}").json
    absent, null = promoted(server, [2, 3]), promoted(server, [2], None)
    assert absent["total"] == 2
    assert absent["success"] == [3]
    for told in (absent, null, promoted(server, [2], "null")):
        (conflict,) = told["conflict"]
        assert conflict["pending"] == {"id": 2, "path": str(legacy.models / "2.safetensors")}
        assert conflict["existing"] == {"id": SAME, "path": str(legacy.models / "1.safetensors")}
    assert waiting(server) == {2}
    assert server.get(f"/api/models/{SAME}").json == before
    assert server.get("/api/images/pending/2").body == picture(2)


def test_a_conflict_that_is_sent_again_is_not_hashed_again(server: Server, legacy: Legacy) -> None:
    assert promoted(server, [2])["conflict"]
    # Were it read again, it would not be the same content.
    path = legacy.models / "2.safetensors"
    state = path.stat()
    assert server.status()["bytes_hashed"]["done"] == state.st_size
    assert promoted(server, [2], "merge")["success"] == [2]
    assert server.status()["bytes_hashed"]["done"] == 0


def test_override_replaces_the_record_and_joins_tags_and_images(
    server: Server, legacy: Legacy
) -> None:
    assert promoted(server, [2], "override")["success"] == [2]
    record = server.get(f"/api/models/{SAME}").json
    assert record["name"] == "two"
    assert record["path"] == str(legacy.models / "2.safetensors")
    assert names(record["tags"]) == {"one", "two"}
    assert record["meta_json"]["images_count"] == 1
    assert server.get(f"/api/images/{SAME}_0.webp").status == 200
    assert waiting(server) == {3}


def test_merge_keeps_what_is_there_and_fills_what_is_empty(server: Server, legacy: Legacy) -> None:
    assert promoted(server, [2], "merge")["success"] == [2]
    record = server.get(f"/api/models/{SAME}").json
    assert record["name"] == "two"  # was empty
    assert record["path"] == str(legacy.models / "1.safetensors")
    assert names(record["tags"]) == {"one", "two"}
    assert record["meta_json"]["images_count"] == 1
    assert waiting(server) == {3}


def test_ignore_leaves_the_model_where_it_is(server: Server) -> None:
    before = server.get(f"/api/models/{SAME}").json
    told = promoted(server, [2], "ignore")
    assert told["ignored"] == [2]
    assert waiting(server) == {2, 3}
    assert server.get(f"/api/models/{SAME}").json == before


def test_delete_removes_it_from_the_queue_and_leaves_the_file(
    server: Server, legacy: Legacy
) -> None:
    before = server.get(f"/api/models/{SAME}").json
    told = promoted(server, [2], "delete")
    assert told["deleted"] == [2]
    assert waiting(server) == {3}
    assert server.get(f"/api/models/{SAME}").json == before
    assert (legacy.models / "2.safetensors").read_bytes() == b"same"
    assert server.get("/api/migration/pending_model?id=2").status == 404


def test_without_a_conflict_every_strategy_promotes(tmp_path: Path) -> None:
    strategies = [None, "null", "override", "merge", "ignore", "delete"]
    rows = [
        Row(key, f"content {key}".encode(), images=((f"{key}.png", picture(key)),), tags=("tag",))
        for key, _ in enumerate(strategies, 1)
    ]
    with serving(tmp_path / "library", "--allow-path", tmp_path) as server:
        migrated(server, Legacy(tmp_path / "legacy", rows))
        for row, strategy in zip(rows, strategies, strict=True):
            assert promoted(server, [row.key], strategy)["success"] == [row.key]
            record = server.get(f"/api/models/{sha_of(row.content)}").json
            assert names(record["tags"]) == {"tag"}
            assert record["meta_json"]["images_count"] == 1
            assert row.key not in waiting(server)


def test_a_model_whose_file_is_gone_fails_and_waits_on(server: Server, legacy: Legacy) -> None:
    (legacy.models / "3.safetensors").unlink()
    told = promoted(server, [3])
    (failure,) = told["failed"]
    assert failure["id"] == 3
    assert failure["error"]
    assert waiting(server) == {2, 3}


@pytest.mark.parametrize(
    "given", ["4", "x", "", None, 1.5, 2.0, True, False, {"id": 2}, [2], 10**30, -1, 0, 99, 2**62]
)
def test_what_is_no_id_of_a_waiting_model_is_refused_in_the_report(
    quiet: Server, given: object
) -> None:
    told = promoted(quiet, [given])
    assert told["total"] == 1
    (failure,) = told["failed"]
    assert failure["id"] == given
    assert type(failure["id"]) is type(given)
    assert failure["error"].endswith(".")


def test_wrong_ids_do_not_hold_up_the_right_ones(server: Server) -> None:
    told = promoted(server, ["x", 3, 99, None])
    assert told["total"] == 4
    assert told["success"] == [3]
    assert {repr(failure["id"]) for failure in told["failed"]} == {"'x'", "99", "None"}


def test_an_id_that_is_given_twice_is_promoted_once(server: Server) -> None:
    assert promoted(server, [3, 3, 3])["success"] == [3]
    # By now it waits no longer.
    (failure,) = promoted(server, [3])["failed"]
    assert failure["id"] == 3


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[1]", b"null", b"1", b'"id"', None])
def test_a_body_that_is_no_json_object_is_refused(quiet: Server, body: bytes | None) -> None:
    refusal = quiet.send("/api/migration/import_models", body).refusal
    assert refusal[:2] == (400, "Invalid JSON body")


@pytest.mark.parametrize(
    "body", [{}, {"id": []}, {"id": None}, {"id": 2}, {"id": "2"}, {"id": {"0": 2}}, {"ids": [2]}]
)
def test_a_list_that_is_empty_or_missing_is_refused(quiet: Server, body: object) -> None:
    refusal = quiet.send("/api/migration/import_models", body).refusal
    assert refusal[:2] == (400, "id must be a non-empty array")


@pytest.mark.parametrize("strategy", ["replace", "", "Merge", "none", 5, [], {}, True])
def test_a_strategy_that_is_not_known_is_refused(quiet: Server, strategy: object) -> None:
    body = {"id": [2], "conflict_strategy": strategy}
    assert quiet.send("/api/migration/import_models", body).refusal[0] == 400


def test_requests_that_overlap_promote_each_model_once(tmp_path: Path) -> None:
    keys = range(1, 13)
    rows = [
        Row(key, f"content {key}".encode(), images=((f"{key}.png", picture(key * 20)),))
        for key in keys
    ]
    legacy = Legacy(tmp_path / "legacy", rows)
    with serving(tmp_path / "library", "--allow-path", tmp_path) as server:
        migrated(server, legacy)
        reports: list[Any] = []

        def ask(ids: list[Any]) -> None:
            reports.append(promoted(server, ids))

        threads = [
            threading.Thread(target=ask, args=([key for key in keys if key % 3 != part],))
            for part in (0, 1, 2, 0, 1, 2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(reports) == 6
        succeeded = [key for report in reports for key in report["success"]]
        assert sorted(succeeded) == list(keys)
        assert all(report["total"] == 8 for report in reports)
        late = [failure for report in reports for failure in report["failed"]]
        assert len(late) == 6 * 8 - 12
        assert waiting(server) == set()
        for key in keys:
            found = server.get(f"/api/models/{sha_of(f'content {key}'.encode())}")
            assert found.json["meta_json"]["images_count"] == 1


def test_a_client_that_goes_away_does_not_stop_its_promotion(server: Server) -> None:
    body = b'{"id": [3]}'
    with server.open_socket() as client:
        client.sendall(
            b"POST /api/migration/import_models HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            % (server.port, len(body))
            + body
        )
    server.wait_for(
        lambda status: (
            status["run"]["kind"] == "promotion" and status["run"]["status"] == "completed"
        )
    )
    assert server.get(f"/api/models/{OTHER}").status == 200


def test_a_promotion_is_a_run_with_a_status(server: Server) -> None:
    assert sorted(promoted(server, [2, 3], "merge")["success"]) == [2, 3]
    status = server.status()
    assert status["run"]["kind"] == "promotion"
    assert status["run"]["status"] == "completed"
    assert status["counts"]["promoted"] == status["counts"]["total"] == 2
