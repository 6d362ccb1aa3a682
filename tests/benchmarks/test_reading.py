"""How fast a legacy library is read and mapped, next to SQLite's own bare reading of it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sources import KINDS, hikaze1

ROWS = 100_000
CHUNK = 1000
ROUNDS = 3

SCHEMA = """
    CREATE TABLE models (
      id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE, name TEXT,
      type TEXT NOT NULL, size_bytes INTEGER, hash_hex TEXT NOT NULL,
      created_at INTEGER NOT NULL, meta_json TEXT, extra_json TEXT
    );
    CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE model_tags (
      model_id INTEGER NOT NULL, tag_id INTEGER NOT NULL, PRIMARY KEY (model_id, tag_id)
    );
"""
ADD_MODEL = """
    INSERT INTO models
      (id, path, name, type, size_bytes, hash_hex, created_at, meta_json, extra_json)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
READ_MODELS = """
    SELECT id, path, name, type, size_bytes, hash_hex, created_at, meta_json, extra_json
    FROM models ORDER BY id
"""


def extra(number: int) -> str:
    """About 200 bytes, as the legacy application writes it."""
    return json.dumps(
        {
            "description": f"Sample model {number}",
            "community_links": f"https://civitai.com/models/{number}",
            "prompts": {"positive": "masterpiece, best quality", "negative": "blurry"},
            "images": [f"/media/model_{number}_preview.png"],
        }
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("legacy") / "hikaze_mm.sqlite3"
    connection = sqlite3.connect(path)
    connection.executescript(SCHEMA)
    with connection:
        connection.executemany(
            ADD_MODEL,
            (
                (
                    n,
                    f"/models/lora/{n}.safetensors",
                    f"{n}",
                    "lora",
                    n,
                    f"{n:064x}",
                    n,
                    None,
                    extra(n),
                )
                for n in range(1, ROWS + 1)
            ),
        )
        connection.executemany(
            "INSERT INTO tags (id, name) VALUES (?, ?)", ((n, f"tag {n}") for n in range(1, 51))
        )
        connection.executemany(
            "INSERT INTO model_tags (model_id, tag_id) VALUES (?, ?)",
            ((n, tag) for n in range(1, ROWS + 1) for tag in (1 + n % 25, 26 + n % 25)),
        )
    connection.close()
    return path


def fastest(work: Callable[[], int]) -> float:
    """The rows per second of the best round."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        assert work() == ROWS
        best = min(best, time.perf_counter() - started)
    return ROWS / best


@pytest.mark.benchmark
def test_reading_and_mapping_next_to_a_bare_fetchall(library: Path, tmp_path: Path) -> None:
    def bare() -> int:
        connection = sqlite3.connect(library)
        try:
            return len(connection.execute(READ_MODELS).fetchall())
        finally:
            connection.close()

    started = time.perf_counter()
    with KINDS["hikaze1"].open(hikaze1(library), tmp_path) as source:
        opening = time.perf_counter() - started
        started = time.perf_counter()
        source.tags()
        tagging = time.perf_counter() - started
        mapped = fastest(lambda: sum(len(chunk.models) for chunk in source.chunks("", CHUNK)))
    fetched = fastest(bare)
    print(  # noqa: T201
        f"\n{mapped:,.0f} rows/s read and mapped, {fetched:,.0f} rows/s bare, "
        f"ratio {mapped / fetched:.3f}; copied and opened in {opening * 1000:.0f} ms, "
        f"tags in {tagging * 1000:.0f} ms"
    )
