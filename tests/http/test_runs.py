"""Runs over HTTP: one at a time, always told of truly, and never lost."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.faults.test_kill import Uninterrupted, compare
from tests.http.libraries import slow_legacy
from tests.http.server import (
    ENDED,
    Server,
    adds_up,
    answer_on,
    blocks,
    event_stream,
    launch,
    serving,
)
from tests.waiting_library import Legacy, Row, query, sha_of

ONE_WORKER = ("--workers", "1")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The legacy libraries of this module lie below it, and servers may read there."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def legacy(base: Path) -> Legacy:
    return slow_legacy(base / "legacy")


@pytest.fixture(scope="module")
def other(base: Path) -> Legacy:
    return Legacy(base / "other", [Row(1, b"other", hashed=True)])


@pytest.fixture(scope="module")
def whole(base: Path, legacy: Legacy) -> Uninterrupted:
    """What a migration leaves that nothing interrupts."""
    return uninterrupted(legacy, base / "uninterrupted")


def uninterrupted(legacy: Legacy, library: Path) -> Uninterrupted:
    began = time.monotonic()
    done = commands.run("migrate", legacy.database, "--library", library, "--quiet")
    assert done.returncode == 0, done.stderr
    seconds = time.monotonic() - began
    return Uninterrupted(legacy.database, commands.rows(library), commands.files(library), seconds)


def body_of(legacy: Legacy) -> dict[str, str]:
    return {"legacy_db_path": str(legacy.database)}


def start(server: Server, legacy: Legacy) -> Any:
    """Start stage 1 and wait until some images are done and others are not."""
    assert server.send("/api/migration/start", body_of(legacy)).status == 202
    status = server.wait_for(lambda status: status["images"]["done"] >= 3)
    assert status["run"]["status"] == "running"
    return status


def progress(status: Any) -> dict[str, int]:
    """What never becomes less while a run goes on."""
    counts = status["counts"]
    return {
        "total": counts["total"],
        "ended": counts["promoted"] + counts["failed"],
        "settled": counts["total"] - status["work"],
        "images": status["images"]["done"] + status["images"]["failed"],
        "hashed": status["bytes_hashed"]["done"],
        "updated": status["run"]["updated_at"],
    }


class Watch:
    """A client that polls the status as fast as it can, and believes nothing."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._poll)
        self.statuses: list[Any] = []
        self.errors: list[BaseException] = []

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _poll(self) -> None:
        try:
            while not self._done.is_set():
                self.statuses.append(self._server.status())
        except BaseException as error:
            self.errors.append(error)

    def tells_the_truth(self) -> None:
        """Every sum was right, and nothing went back."""
        assert self.errors == []
        assert len(self.statuses) > 3
        last: dict[str, int] = {}
        for status in self.statuses:
            assert adds_up(status), status
            if status["run"] is None:
                assert not last
                continue
            now = progress(status)
            for name, number in last.items():
                assert now[name] >= number, (name, status)
            last = now


@contextmanager
def watched(server: Server) -> Iterator[None]:
    with Watch(server) as watch:
        yield
    watch.tells_the_truth()


def request(path: str, body: object, port: int) -> bytes:
    data = json.dumps(body).encode()
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\n\r\n"
    ).encode() + data


def many_starts(server: Server, legacy: Legacy, number: int, meanwhile: Callable[[], None]) -> None:
    """As many starts of one source at once; `meanwhile` is called when one was answered."""
    sockets = [server.open_socket() for _ in range(number)]
    try:
        told = request("/api/migration/start", body_of(legacy), server.port)
        for connection in sockets:
            connection.sendall(told)
        answers = [answer_on(sockets[0])]
        meanwhile()
        answers += [answer_on(connection) for connection in sockets[1:]]
    finally:
        for connection in sockets:
            connection.close()
    assert {answer.status for answer in answers} == {202}
    assert {answer.json["run"]["id"] for answer in answers} == {1}
    assert all(adds_up(answer.json) for answer in answers)


@pytest.mark.parametrize(
    ("number", "models"), [(200, 40), pytest.param(1000, 120, marks=pytest.mark.long)]
)
def test_many_starts_of_one_source_at_once_are_one_run(
    other: Legacy, base: Path, tmp_path: Path, number: int, models: int
) -> None:
    legacy = slow_legacy(base / f"started {number} times", models)  # which outlasts the requests
    whole = uninterrupted(legacy, tmp_path / "uninterrupted")
    library = tmp_path / "library"
    with serving(library, "--allow-path", base) as server:

        def another_source_has_to_wait() -> None:
            for route in ("start", "migrate_legacy_db"):
                status, _, code = server.send(f"/api/migration/{route}", body_of(other)).refusal
                assert (status, code) == (409, "run_active")

        with watched(server):
            many_starts(server, legacy, number, another_source_has_to_wait)
            ended = server.wait_for_end()
        assert ended["run"]["status"] == "completed"
        assert ended["run"]["id"] == 1
        assert server.get("/api/migration/status?run_id=2").status == 404
    compare(whole, library)


def test_what_is_waited_for_joins_the_run_that_was_started(
    legacy: Legacy, base: Path, tmp_path: Path
) -> None:
    with serving(tmp_path / "library", "--allow-path", base) as server:
        started = server.send("/api/migration/start", body_of(legacy))
        answer = server.send("/api/migration/migrate_legacy_db", body_of(legacy))
        assert answer.status == 200
        assert answer.json["status"] == "success"
        assert server.status()["run"]["id"] == started.json["run"]["id"]
        assert server.status()["run"]["status"] == "completed"


def test_a_run_that_is_cancelled_keeps_its_work_and_can_be_resumed(
    legacy: Legacy, other: Legacy, whole: Uninterrupted, base: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    with serving(library, "--allow-path", base, *ONE_WORKER) as server:
        with watched(server):
            before = start(server, legacy)
            assert server.send("/api/migration/cancel").status == 202
            cancelled = server.wait_for_end()
            assert cancelled["run"]["status"] == "cancelled"
            assert cancelled["run"]["resumable"] is True
            assert cancelled["work"] > 0
            assert cancelled["images"]["done"] >= before["images"]["done"]
            # It has not ended: another source waits for it, and the same one would go on with it.
            refused = server.send("/api/migration/start", body_of(other))
            assert refused.refusal[0::2] == (409, "run_active")
            resumed = server.send("/api/migration/resume", {"run_id": cancelled["run"]["id"]})
            assert resumed.status == 202
            assert resumed.json["run"]["id"] == cancelled["run"]["id"]
            ended = server.wait_for_end()
        assert ended["run"]["status"] == "completed"
        assert server.send("/api/migration/resume").status == 409
    compare(whole, library)


def test_starting_a_cancelled_source_goes_on_with_its_run(
    legacy: Legacy, whole: Uninterrupted, base: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    with serving(library, "--allow-path", base, *ONE_WORKER) as server:
        run = start(server, legacy)["run"]["id"]
        server.send("/api/migration/cancel")
        assert server.wait_for_end()["run"]["status"] == "cancelled"
        again = server.send("/api/migration/start", body_of(legacy))
        assert (again.status, again.json["run"]["id"]) == (202, run)
        assert server.wait_for_end()["run"]["status"] == "completed"
    compare(whole, library)


def test_a_client_that_goes_away_does_not_stop_its_migration(
    legacy: Legacy, whole: Uninterrupted, base: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    with serving(library, "--allow-path", base, *ONE_WORKER) as server:
        with server.open_socket() as client:
            path = "/api/migration/migrate_legacy_db"
            client.sendall(request(path, body_of(legacy), server.port))
            server.wait_for(lambda status: status["images"]["done"] >= 3)
            # Gone at once, with a reset, as a client that crashes.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        assert server.status()["run"]["status"] == "running"
        assert server.wait_for_end()["run"]["status"] == "completed"
    compare(whole, library)


def test_a_server_that_is_killed_goes_on_when_it_is_started_again(
    legacy: Legacy, whole: Uninterrupted, base: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    options = ("--allow-path", base, *ONE_WORKER)
    server = launch(library, *options)
    try:
        before = start(server, legacy)
    finally:
        server.kill()
    with serving(library, *options) as server:
        first = server.status()
        assert first["run"]["id"] == before["run"]["id"]
        assert first["run"]["status"] in {"running", "interrupted"}
        assert adds_up(first)
        # What was told before the kill is not taken back after it.
        assert first["counts"]["total"] >= before["counts"]["total"]
        assert first["counts"]["promoted"] >= before["counts"]["promoted"]
        assert first["images"]["done"] >= before["images"]["done"]
        with watched(server):
            ended = server.wait_for_end()
        assert ended["run"]["status"] == "completed"
        assert ended["run"]["id"] == before["run"]["id"]
    compare(whole, library)


def test_without_auto_resume_an_interrupted_run_waits_for_the_button(
    legacy: Legacy, whole: Uninterrupted, base: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    options = ("--allow-path", base, *ONE_WORKER)
    server = launch(library, *options)
    try:
        start(server, legacy)
    finally:
        server.kill()
    with serving(library, *options, "--no-auto-resume") as server:
        first = server.status()
        assert first["run"]["status"] == "interrupted"
        assert first["run"]["resumable"] is True
        with event_stream(server) as stream:
            next(blocks(stream))  # the server had time to begin, had it wanted to
        assert server.status() == first
        assert server.send("/api/migration/resume").status == 202
        assert server.wait_for_end()["run"]["status"] == "completed"
    compare(whole, library)


def test_a_signal_ends_a_server_with_a_run_and_an_open_stream_within_five_seconds(
    legacy: Legacy, whole: Uninterrupted, base: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    options = ("--allow-path", base, *ONE_WORKER)
    server = launch(library, *options)
    try:
        with event_stream(server) as stream, server.open_socket() as waiting:
            start(server, legacy)
            next(blocks(stream))
            path = "/api/migration/migrate_legacy_db"
            waiting.sendall(request(path, body_of(legacy), server.port))
            began = time.monotonic()
            code = server.stop()
            seconds = time.monotonic() - began
    finally:
        if server.process.returncode is None:
            server.kill()
    assert code == 143
    assert seconds < 5
    assert not [line for line in server.lines if line.startswith("Traceback")], server.lines
    told = commands.document("status", "--library", library)
    assert told["run"]["status"] == "interrupted"
    with serving(library, *options) as server:
        assert server.wait_for_end()["run"]["status"] == "completed"
    compare(whole, library)


def test_a_stopped_server_without_work_is_gone_at_once(tmp_path: Path) -> None:
    server = launch(tmp_path / "library")
    began = time.monotonic()
    with server.open_socket():  # a connection that never asks anything
        assert server.stop() == 143
    assert time.monotonic() - began < 5


def test_failed_items_are_retried(tmp_path: Path) -> None:
    legacy = Legacy(tmp_path / "legacy", [Row(1, b"first"), Row(2, b"second"), Row(3, b"third")])
    paths = {key: legacy.models / f"{key}.safetensors" for key in (1, 2)}
    for path in paths.values():
        path.rename(path.with_suffix(".away"))
    library = tmp_path / "library"
    with serving(library, "--allow-path", tmp_path) as server:
        assert server.send("/api/migration/migrate_legacy_db", body_of(legacy)).status == 200
        done = server.send("/api/migration/import_models", {"id": [1, 2, 3]}).json
        assert done["success"] == [3]
        assert sorted(failure["id"] for failure in done["failed"]) == [1, 2]
        failed = server.get("/api/migration/items?state=failed").json["items"]
        assert len(failed) == 2
        for item in failed:
            assert item["error"].keys() >= {"code", "message"}
        assert server.status()["run"]["status"] == "completed_with_failures"
        for path in paths.values():
            path.with_suffix(".away").rename(path)
        (only,) = (item for item in failed if item["path"] == str(paths[1]))
        retried = server.send("/api/migration/retry", {"ids": [only["id"]]})
        assert retried.status == 202
        assert adds_up(retried.json)
        server.wait_for_end()
        assert server.get(f"/api/models/{sha_of(b'first')}").status == 200
        assert server.get(f"/api/models/{sha_of(b'second')}").status == 404
        assert server.send("/api/migration/retry").status == 202
        ended = server.wait_for_end()
        assert ended["run"]["status"] == "completed"
        assert ended["counts"]["failed"] == 0
        assert server.get(f"/api/models/{sha_of(b'second')}").status == 200
        assert server.send("/api/migration/retry").status == 409
    assert query(library, "SELECT count(*) FROM pending_import") == [(0,)]


def test_a_second_server_on_one_library_is_told_so(tmp_path: Path) -> None:
    with serving(tmp_path / "library") as server:
        second = commands.run("serve", "--library", tmp_path / "library", "--port", "0")
        assert second.returncode == 4, second.stderr
        assert server.status()["run"] is None


def test_every_way_to_end_is_known() -> None:
    from engine.facts.status import RunState

    assert {state.value for state in RunState} - {"running"} == ENDED
