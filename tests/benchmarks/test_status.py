"""The status over a real socket: how soon it is told while images are compressed, and whether
that takes longer in a large library."""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests import commands
from tests.benchmarks.conftest import Figures
from tests.benchmarks.large_library import make_rows
from tests.http.libraries import slow_legacy
from tests.http.server import Server, serving

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

STATUS = "/api/migration/status"
MAX_MS = 10
MAX_RATIO = 1.2
FEW, MANY = 1_000, 1_000_000
ROUNDS = 1_500

INSERT_COPIES = """
WITH RECURSIVE numbers (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2)
INSERT INTO migration_items (run_id, source_id, source_key, digest, path, state, updated_at)
SELECT i.run_id, i.source_id, n, i.digest, i.path || n, 'pending', i.updated_at
FROM numbers, migration_items i WHERE i.id = 1 AND n > ?1
"""
INSERT_COUNT = "INSERT INTO migration_counts (run_id, name, n) VALUES (1, 'pending', ?)"
"""More items that wait, through the triggers of the journal, and their number beside the others."""


@contextmanager
def asking(server: Server) -> Iterator[HTTPConnection]:
    """A connection that stays open, as a page that polls has one."""
    connection = server.connect()
    with closing(connection):
        yield connection


def seconds_of_status(connection: HTTPConnection) -> tuple[float, bytes]:
    """How long one answer takes, and the answer."""
    began = time.perf_counter()
    connection.request("GET", STATUS)
    body = connection.getresponse().read()
    return time.perf_counter() - began, body


def ms(times: list[float], part: float) -> float:
    """So many milliseconds or fewer were taken by this part of the answers."""
    return 1000 * sorted(times)[min(len(times) - 1, int(len(times) * part))]


def test_the_status_is_told_soon_while_both_workers_compress(
    tmp_path: Path, figures: Figures
) -> None:
    legacy = slow_legacy(tmp_path / "legacy", 100)
    options = ("--allow-path", tmp_path, "--workers", "2")
    with serving(tmp_path / "library", *options) as server, asking(server) as connection:
        for _ in range(200):
            seconds_of_status(connection)
        idle = [seconds_of_status(connection)[0] for _ in range(500)]
        server.send("/api/migration/start", {"legacy_db_path": str(legacy.database)})
        server.wait_for(lambda status: status["images"]["done"] > 0)
        busy = []
        while True:
            seconds, body = seconds_of_status(connection)
            if b'"status":"running"' not in body:
                break
            busy.append(seconds)
            time.sleep(0.002)
    assert len(busy) > 500
    figures.note("status over HTTP, idle, median", f"{ms(idle, 0.5):.1f} ms")
    figures.note("... while both workers compress, median", f"{ms(busy, 0.5):.1f} ms")
    figures.at_most("... 99th percentile", ms(busy, 0.99), MAX_MS, "{:.1f} ms")


def library_of(folder: Path, items: int) -> Path:
    """A library that a migration of a thousand rows has filled, and then more items."""
    database = folder / "hikaze_mm.sqlite3"
    folder.mkdir()
    make_rows(database, FEW)
    library = folder / "library"
    assert commands.run("migrate", database, "--library", library, "--quiet").returncode == 0
    with closing(sqlite3.connect(library / "hikaze_model_manager.db")) as connection, connection:
        connection.execute(INSERT_COPIES, (FEW, items))
        connection.execute(INSERT_COUNT, (items - FEW,))
    return library


def test_the_status_of_a_large_library_costs_no_more(tmp_path: Path, figures: Figures) -> None:
    few, many = library_of(tmp_path / "few", FEW), library_of(tmp_path / "many", MANY)
    with (
        serving(few) as small,
        serving(many) as large,
        asking(small) as one,
        asking(large) as other,
    ):
        assert small.status()["counts"]["total"] == FEW
        assert large.status()["counts"]["total"] == MANY
        small_times, large_times = [], []
        for _ in range(ROUNDS):
            small_times.append(seconds_of_status(one)[0])
            large_times.append(seconds_of_status(other)[0])
    ratio = statistics.median(large_times) / statistics.median(small_times)
    figures.at_most(f"status at {MANY:,} items, against {FEW:,}", ratio, MAX_RATIO)
