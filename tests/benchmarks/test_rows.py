"""Rows without images: how many a second become models, and against a bare executemany: into the
same tables, and into those that version 2 has, each a whole process."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from adapters.composition import Program
from adapters.sqlite.opening import database_path
from adapters.sqlite.schema import JOURNAL_TABLES, LIBRARY_TABLES
from engine.facts.status import RunState
from tests import commands
from tests.benchmarks import plain_rows
from tests.benchmarks.conftest import Figures
from tests.benchmarks.large_library import make_rows
from tests.benchmarks.processes import seconds
from tests.sources import request

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

ROWS = 100_000
ROUNDS = 3
CHUNK = 1000
TARGET, LIMIT = 20_000, 10_000
MIN_RATIO = 0.2
PLAIN_TARGET, PLAIN_LIMIT = 0.6, 0.2

COPIED = (
    "models",
    "model_tags",
    "migration_items",
    "migration_rows",
    "migration_history",
)
"""The tables that a migration fills, row by row."""


def migrate(database: Path, library: Path) -> float:
    async def whole() -> float:
        async with Program().service(library, 2) as service:
            began = time.perf_counter()
            started = await service.start(request(str(database), str(library / "none")))
            assert started.run is not None
            ended = await service.wait(started.run.id)
            seconds = time.perf_counter() - began
        assert ended.run is not None
        assert ended.run.status is RunState.COMPLETED
        assert ended.counts.promoted == ROWS
        return seconds

    return anyio.run(whole)


def bare(filled: Path, target: Path) -> float:
    """The rows of a filled library into the same tables: chunks, no triggers, no checks."""
    with closing(sqlite3.connect(filled)) as source:
        tables: dict[str, list[tuple[Any, ...]]] = {
            table: source.execute(f"SELECT * FROM {table}").fetchall() for table in COPIED
        }
    with closing(sqlite3.connect(target, isolation_level=None)) as connection:
        connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        connection.executescript(LIBRARY_TABLES + JOURNAL_TABLES.split("CREATE TRIGGER", 1)[0])
        began = time.perf_counter()
        for start in range(0, ROWS, CHUNK):
            connection.execute("BEGIN IMMEDIATE")
            for table, rows in tables.items():
                width = len(rows) // ROWS * CHUNK
                part = rows[start // CHUNK * width :][:width]
                marks = ", ".join("?" * len(part[0]))
                connection.executemany(f"INSERT INTO {table} VALUES ({marks})", part)
            connection.execute("COMMIT")
        return time.perf_counter() - began


def test_rows_without_images_become_models(tmp_path: Path, figures: Figures) -> None:
    database = tmp_path / "hikaze_mm.sqlite3"
    make_rows(database, ROWS, tmp_path / "loras")
    ours, theirs = [], []
    for number in range(ROUNDS):
        library = tmp_path / f"library {number}"
        ours.append(migrate(database, library))
        theirs.append(bare(library / "hikaze_model_manager.db", tmp_path / f"bare {number}.db"))
        shutil.rmtree(library)
    rate, ratio = ROWS / min(ours), min(theirs) / min(ours)
    figures.note("a bare chunked executemany into the same tables", f"{ROWS / min(theirs):,.0f}/s")
    figures.at_least("rows without images, against it", ratio, MIN_RATIO)
    figures.at_least("rows without images", rate, TARGET, "{:,.0f}/s", LIMIT)


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="asks the system for processor time")
def test_rows_as_a_whole_process(tmp_path: Path, figures: Figures) -> None:
    legacy = tmp_path / "hikaze_mm.sqlite3"
    make_rows(legacy, ROWS, tmp_path / "loras")
    ours, theirs, bytecode = [], [], tmp_path / "bytecode"
    for number in range(ROUNDS):
        library = tmp_path / f"library {number}"
        words = ("migrate", str(legacy), "--library", str(library), "--quiet")
        ours.append(seconds("-c", commands.PROGRAM, *words, bytecode=bytecode))
        filled, target = database_path(library), tmp_path / f"plain {number}.db"
        plain = ("-m", plain_rows.__name__, str(filled), str(target))
        theirs.append(seconds(*plain, bytecode=bytecode))
        shutil.rmtree(library)
    for what, their, our in zip(
        ("by the clock", "in processor time, of all threads"),
        zip(*theirs, strict=True),
        zip(*ours, strict=True),
        strict=True,
    ):
        figures.at_least(
            f"a bare executemany into version 2's tables, against a migration, {what}",
            min(their) / min(our),
            PLAIN_TARGET,
            limit=PLAIN_LIMIT,
        )
