"""One process that starts, cancels, resumes and promotes again and again, and measures itself."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import sys
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path

import anyio

from adapters.composition import Reshelve
from engine.errors import NothingToResume
from engine.facts.conflicts import ConflictStrategy
from engine.facts.status import RunStatus
from engine.service import MigrationService
from tests.faults.scenarios import picture
from tests.faults.states import DATABASE
from tests.waiting_library import Legacy, Row

ROWS = 3
"""New rows in each cycle: two of one content, and one that waits; each with an image."""

STARTED_AFTER = (0, 1, 2, 4, 8, 16)
"""How many events a run is given before it is cancelled."""


async def cycle(service: MigrationService, legacy: Legacy, number: int) -> None:
    """The source grows; a run of it is cancelled, resumed to its end, and what waits promoted."""
    first = ROWS * number + 1
    for key, content, hashed in ((first, 0, True), (first + 1, 0, True), (first + 2, 2, False)):
        image = (f"{key}.png", picture(key))
        legacy.add(Row(key, b"%d" % (first + content), hashed=hashed, images=(image,)))
    begun = await service.start(legacy.request)
    await follow(service, begun, STARTED_AFTER[number % len(STARTED_AFTER)])
    await service.cancel()
    assert begun.run is not None
    await service.wait(begun.run.id)
    try:
        resumed = await service.resume()
    except NothingToResume:
        resumed = begun  # it ended before it was cancelled
    assert resumed.run is not None
    ended = await service.wait(resumed.run.id)
    assert ended.counts.failed == 0
    ids = await service.pending_ids()
    report = await service.promote(ids, ConflictStrategy.MERGE)
    assert report.success == ids


async def follow(service: MigrationService, begun: RunStatus, events: int) -> None:
    """Wait for so many events, or the end of the run."""
    after, status = 0, begun
    for _ in range(events):
        event = await service.next_event(after)
        assert event is not None
        after, status = event
        if status.run is None or not status.run.resumable:
            return


def give_back() -> None:
    """What nobody holds goes back to the system, where its allocator can be asked to."""
    gc.collect()
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def sqlite_bytes() -> int:
    """What SQLite holds, its caches of pages above all; 0 where it cannot be asked."""
    try:
        library = ctypes.CDLL("libsqlite3.so.0")
    except OSError:
        return 0
    library.sqlite3_memory_used.restype = ctypes.c_int64
    return int(library.sqlite3_memory_used())


def measure(library: Path) -> dict[str, float]:
    """What this process holds now: all of it, and of that Python's objects and SQLite's memory."""
    give_back()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return {
        "megabytes": resident / 2**20,
        "objects": sys.getallocatedblocks(),
        "sqlite_megabytes": sqlite_bytes() / 2**20,
        "descriptors": sum(1 for _ in Path("/proc/self/fd").iterdir()),
        "threads": threading.active_count(),
        "wal_megabytes": (library / f"{DATABASE}-wal").stat().st_size / 2**20,
    }


async def soak(folder: str, cycles: str, measures: str) -> None:
    """So many cycles, measured so many times, a JSON line each."""
    legacy, library = Legacy(Path(folder, "legacy")), Path(folder, "library")
    every = int(cycles) // int(measures)
    async with Reshelve().service(library, 2) as service:
        for number in range(int(cycles)):
            await cycle(service, legacy, number)
            if (number + 1) % every == 0:
                print(json.dumps({"cycle": number + 1, **measure(library)}), flush=True)  # noqa: T201


if __name__ == "__main__":
    anyio.run(partial(soak, *sys.argv[1:-1]), backend=sys.argv[-1])
