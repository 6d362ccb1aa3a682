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
TARGET, LIMIT = 0.95, 0.75
PROCESSOR_LIMIT = 0.85


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


Times = tuple[float, float]
"""Seconds, and seconds of the processor."""


def migrate(database: Path, library: Path, images: int, backend: str) -> Times:
    async def whole() -> Times:
        async with Program().service(library, WORKERS) as service:
            began, used = time.perf_counter(), time.process_time()
            started = await service.start(request(str(database), str(database.parent / "images")))
            assert started.run is not None
            ended = await service.wait(started.run.id)
            seconds = time.perf_counter() - began, time.process_time() - used
        assert ended.images.done == images
        return seconds

    return anyio.run(whole, backend=backend)


def bare(images: list[bytes]) -> Times:
    codec = PillowCodec()

    def encode(data: bytes) -> None:
        codec.pixels(data)
        codec.encode(data, lambda: None)

    began, used = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(encode, images))
    return time.perf_counter() - began, time.process_time() - used


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
    clock, processor = (
        min(of_theirs) / min(of_ours)
        for of_theirs, of_ours in zip(
            zip(*theirs, strict=True), zip(*ours, strict=True), strict=True
        )
    )
    figures.at_least(
        f"{len(images)} images: codec calls alone, against all of it, {backend}",
        clock,
        TARGET,
        limit=LIMIT,
    )
    figures.at_least("... in processor time", processor, TARGET, limit=PROCESSOR_LIMIT)
