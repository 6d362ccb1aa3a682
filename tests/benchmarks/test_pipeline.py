"""The pipeline: a real migration of images against the same codec calls in a bare pool."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from adapters.composition import Program
from adapters.pillow.codec import PillowCodec
from tests.benchmarks.conftest import Figures
from tests.benchmarks.pictures import pictures
from tests.faults.libraries import SCHEMA
from tests.sources import request

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

WORKERS = 2
COPIES = 12
"""So many that what a start costs is a small part."""
ROUNDS = 4
TARGET, LIMIT = 1.10, 1.25


@pytest.fixture(scope="module")
def images() -> list[bytes]:
    """Mixed sizes, the largest ones among small ones."""
    return [picture.data for picture in pictures()] * COPIES


def make_library(folder: Path, images: list[bytes]) -> Path:
    (folder / "images").mkdir(parents=True)
    rows = []
    for number, data in enumerate(images, start=1):
        (folder / "images" / f"{number}.img").write_bytes(data)
        sha256 = hashlib.sha256(str(number).encode()).hexdigest()
        extra = json.dumps({"images": [f"/media/{number}.img"]})
        rows.append((number, f"/models/{number}.safetensors", sha256, extra))
    database = folder / "hikaze_mm.sqlite3"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executescript(SCHEMA)
        connection.executemany(
            "INSERT INTO models (id, path, type, hash_hex, created_at, extra_json)"
            " VALUES (?, ?, 'loras', ?, 0, ?)",
            rows,
        )
    return database


def migrate(database: Path, library: Path, images: int, backend: str) -> float:
    async def whole() -> float:
        async with Program().service(library, WORKERS) as service:
            began = time.perf_counter()
            started = await service.start(request(str(database), str(database.parent / "images")))
            assert started.run is not None
            ended = await service.wait(started.run.id)
            seconds = time.perf_counter() - began
        assert ended.images.done == images
        return seconds

    return anyio.run(whole, backend=backend)


def bare(images: list[bytes]) -> float:
    codec = PillowCodec()

    def encode(data: bytes) -> None:
        codec.pixels(data)
        codec.encode(data, lambda: None)

    began = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(encode, images))
    return time.perf_counter() - began


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_pipeline_costs_little_more_than_its_codec(
    tmp_path: Path, images: list[bytes], figures: Figures, backend: str
) -> None:
    database = make_library(tmp_path / "legacy", images)
    theirs, ours = [], []
    for number in range(ROUNDS):
        library = tmp_path / f"library {number}"
        theirs.append(bare(images))
        ours.append(migrate(database, library, len(images), backend))
        shutil.rmtree(library)
    # The least of each: whatever else a machine does only ever adds to a time.
    ratio = min(ours) / min(theirs)
    figures.at_most(
        f"time of {len(images)} images, against codec calls alone, {backend}",
        ratio,
        TARGET,
        limit=LIMIT,
    )
