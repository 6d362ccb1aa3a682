"""Server-sent events: the newest state, in rising order, whoever reads and however slowly."""

from __future__ import annotations

import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, aclosing
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from litestar.response.sse import ServerSentEventMessage

from adapters.http import migration
from engine.facts.status import RunStatus
from engine.service import MigrationService
from tests.http.libraries import slow_legacy
from tests.http.server import Event, Server, adds_up, event_stream, events, serving
from tests.waiting_library import Legacy


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Legacy:
    return slow_legacy(tmp_path_factory.mktemp("slow"), 8)


@pytest.fixture
def migrating(slow: Legacy, tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "library", "--allow-path", slow.database.parent) as running:
        yield running


def start(server: Server, legacy: Legacy) -> None:
    body = {"legacy_db_path": str(legacy.database)}
    assert server.send("/api/migration/start", body).status == 202


def newest(server: Server) -> Event:
    with event_stream(server) as stream:
        return next(events(stream))


def test_a_stream_tells_of_a_run_from_beginning_to_end(migrating: Server, slow: Legacy) -> None:
    told = []
    with event_stream(migrating) as stream:
        start(migrating, slow)
        for event in events(stream):
            told.append(event)
            run = event.data["run"]
            if run is not None and run["status"] == "completed":
                break
    assert len(told) > 3
    assert {event.name for event in told} == {"progress"}
    ids = [event.id for event in told]
    assert ids == sorted(set(ids))
    assert all(adds_up(event.data) for event in told)
    done = [event.data["images"]["done"] for event in told]
    assert done == sorted(done)
    assert told[-1].data == migrating.status()


def test_a_stream_begins_with_the_newest_state(server: Server) -> None:
    first = newest(server)
    assert first.data == server.status()
    assert newest(server) == first


def test_a_reader_that_was_away_is_told_of_what_it_missed_only(server: Server) -> None:
    known = newest(server)
    with event_stream(server, known.id) as stream:
        # Were the id ignored, the state it has already would come first.
        server.send("/api/tags_add", {"newtags": ["one that was not there"]})
        assert next(events(stream)).id > known.id
    with event_stream(server, known.id) as stream:
        missed = next(events(stream))
        assert missed.id > known.id
    assert newest(server).id == missed.id


@pytest.mark.parametrize("last", [0, 1, -5])
def test_an_id_of_another_time_is_answered_with_the_newest_state(server: Server, last: int) -> None:
    with event_stream(server, last) as stream:
        assert next(events(stream)).data == server.status()


def test_an_id_that_was_never_given_waits_for_what_is_new(server: Server) -> None:
    known = newest(server)
    with event_stream(server, 10**17) as stream:
        server.send("/api/tags_add", {"newtags": ["another that was not there"]})
        assert next(events(stream)).id > known.id


def test_an_id_that_is_no_integer_is_refused(server: Server) -> None:
    answer = server.get("/api/migration/events", {"Last-Event-ID": "newest"})
    assert answer.refusal[0] == 400


def test_ids_go_on_rising_when_the_server_is_started_again(tmp_path: Path) -> None:
    with serving(tmp_path / "library") as server:
        before = newest(server)
    with serving(tmp_path / "library") as server, event_stream(server, before.id) as stream:
        assert next(events(stream)).id > before.id


class Silent:
    """A service without news, or with one event and no more."""

    def __init__(self, *news: int) -> None:
        self._news = list(news)

    async def next_event(self, after: int) -> tuple[int, RunStatus]:
        if self._news:
            return self._news.pop(0), RunStatus()
        await anyio.sleep_forever()
        raise AssertionError


def stream_of(service: Silent, last: int | None) -> AsyncIterator[ServerSentEventMessage]:
    return migration._progress(cast(MigrationService, service), last)


@pytest.mark.anyio
async def test_a_stream_without_news_says_that_it_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "COMMENT_SECONDS", 0.01)
    with anyio.fail_after(5):
        async with aclosing(cast(Any, stream_of(Silent(7), None))) as stream:
            told = [(await anext(stream)).encode().decode() for _ in range(3)]
    assert told[0].startswith("id: 7")
    assert "event: progress" in told[0]
    for comment in told[1:]:
        assert comment.startswith(":")
        assert "data" not in comment
        assert "id" not in comment.split()


def test_comments_come_every_fifteen_seconds() -> None:
    assert migration.COMMENT_SECONDS == 15


def resident(server: Server) -> int:
    """Bytes of memory that a server occupies."""
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    (line,) = (line for line in text.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def times_of_status(server: Server) -> list[float]:
    """How long the status route takes while a run goes on, in seconds."""
    times = []
    while True:
        began = time.monotonic()
        status = server.status()
        times.append(time.monotonic() - began)
        if status["run"]["status"] != "running":
            return times


def deaf_reader(server: Server) -> socket.socket:
    """A stream that is asked for and never read, with the smallest buffer there is."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    reader.connect(("127.0.0.1", server.port))
    request = f"GET /api/migration/events HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n"
    reader.sendall(request.encode())
    return reader


@pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")
@pytest.mark.parametrize("readers", [50, pytest.param(200, marks=pytest.mark.long)])
def test_slow_readers_cost_neither_speed_nor_memory(
    slow: Legacy, tmp_path: Path, readers: int
) -> None:
    for name, number in (("alone", 0), ("followed", readers)):
        with serving(tmp_path / name, "--allow-path", slow.database.parent) as server:
            server.status()
            before = resident(server)
            with ExitStack() as stack:
                for _ in range(number):
                    stack.enter_context(deaf_reader(server))
                server.status()
                held = resident(server) - before
                start(server, slow)
                times = times_of_status(server)
                grown = resident(server) - before
            if name == "alone":
                alone = (statistics.median(times), grown)
    # Twice an undisturbed one, or what a busy machine adds at any time.
    assert statistics.median(times) < max(2 * alone[0], 0.1)
    assert max(times) < 2
    assert held < 100_000 * readers + 8_000_000
    # Encoding images makes it grow by tens of megabytes, now more and now less.
    assert grown - alone[1] < 100_000 * readers + 64_000_000
