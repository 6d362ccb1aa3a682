"""The rows of a library by a bare `executemany` into version 2's tables, as a whole process.

`python -m tests.benchmarks.plain_rows FILLED TARGET` copies the models of one library and their
tags into another, in chunks, without a journal, checks or indexes that are not version 2's, and
tells the seconds that either half took.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from contextlib import closing

from adapters.sqlite.schema import LIBRARY_TABLES

CHUNK = 1000
COPIED = ("models", "model_tags")


Times = tuple[float, float]
"""Seconds, and seconds of the processor."""


def copy(filled: str, target: str) -> tuple[Times, Times]:
    """What the first half of the rows took, and what the second, without reading them."""
    with closing(sqlite3.connect(filled)) as source:
        tables = {table: source.execute(f"SELECT * FROM {table}").fetchall() for table in COPIED}
    models = len(tables["models"])
    with closing(sqlite3.connect(target, isolation_level=None)) as connection:
        connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        connection.executescript(LIBRARY_TABLES)
        moments = [(time.perf_counter(), time.process_time())]
        for start in range(0, models, CHUNK):
            connection.execute("BEGIN IMMEDIATE")
            for table, rows in tables.items():
                width = len(rows) // models * CHUNK
                part = rows[start // CHUNK * width :][:width]
                marks = ", ".join("?" * len(part[0]))
                connection.executemany(f"INSERT INTO {table} VALUES ({marks})", part)
            connection.execute("COMMIT")
            if start + CHUNK in {models // 2, models}:
                moments.append((time.perf_counter(), time.process_time()))
    began, half, end = moments
    return (half[0] - began[0], half[1] - began[1]), (end[0] - half[0], end[1] - half[1])


if __name__ == "__main__":
    sys.stdout.write(json.dumps(copy(*sys.argv[1:])))
