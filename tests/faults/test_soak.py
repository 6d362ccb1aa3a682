"""Start, cancel, resume, promote, hundreds of times in one process: what it holds does not grow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.sqlite.admission import CHECKPOINT_PAGES, PAGE_BYTES
from tests.faults.sweeping import busy, tell

WAL_MEGABYTES = 1.1 * CHECKPOINT_PAGES * PAGE_BYTES / 2**20
"""The log is folded into the database beyond so much, and then written from its start again."""

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="looks at itself through /proc"
)


def soak(folder: Path, cycles: int, measures: int, backend: str) -> list[dict[str, float]]:
    command = [sys.executable, "-m", "tests.faults.soaking", str(folder)]
    done = subprocess.run(
        [*command, str(cycles), str(measures), backend],
        capture_output=True,
        text=True,
        timeout=60 + cycles * 4 * busy(),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    for one in found:
        tell(
            f"soak on {backend}, {one['cycle']:>4} cycles: {one['megabytes']:6.1f} MiB, of that "
            f"SQLite {one['sqlite_megabytes']:.1f}; {one['objects']} objects, "
            f"{one['descriptors']} descriptors, {one['threads']} threads, "
            f"-wal {one['wal_megabytes']:.1f} MiB"
        )
    return found


def apart_from_sqlite(one: dict[str, float]) -> float:
    return one["megabytes"] - one["sqlite_megabytes"]


def check(found: list[dict[str, float]], megabytes: float) -> None:
    """Compared with the first measure: by then all that is made once has been made.

    The library grows meanwhile, and with it what SQLite keeps of its pages, up to a bound. What
    is left over may grow by as much as the allocator cannot give back.
    """
    first = found[0]
    for later in found[1:]:
        assert later["objects"] <= first["objects"] * 1.02
        assert apart_from_sqlite(later) - apart_from_sqlite(first) < megabytes
        assert later["descriptors"] <= first["descriptors"] + 1
        # Idle threads of a pool come and go; its size is bounded.
        assert later["threads"] <= first["threads"] + 4
        assert later["wal_megabytes"] <= WAL_MEGABYTES


def test_a_few_cycles_hold_no_more_than_the_first(tmp_path: Path) -> None:
    check(soak(tmp_path, 12, 3, "asyncio"), megabytes=8)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_five_hundred_cycles_hold_no_more_than_the_first(tmp_path: Path, backend: str) -> None:
    check(soak(tmp_path, 500, 10, backend), megabytes=8)
