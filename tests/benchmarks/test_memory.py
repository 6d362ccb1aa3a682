"""Memory: the peak of a large migration against that of one a tenth as large."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests import commands
from tests.benchmarks.large_library import make_rows

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

SMALL, LARGE = 20_000, 200_000
MAX_RATIO = 1.2


def peak(folder: Path, rows: int) -> float:
    """Peak resident memory of `reshelve migrate`, in MiB."""
    database, library = folder / f"{rows}.sqlite3", folder / "library"
    make_rows(database, rows)
    options = ("--library", library, "--quiet", "--json")
    code, peak = commands.measured(folder / "peak", "migrate", database, *options)
    assert code == 0
    shutil.rmtree(library)
    return peak


def test_memory_does_not_grow_with_the_library(tmp_path: Path) -> None:
    small, large = peak(tmp_path, SMALL), peak(tmp_path, LARGE)
    print(  # noqa: T201
        f"\npeak memory   {small:.0f} MiB at {SMALL:,} rows, {large:.0f} MiB at "
        f"{LARGE:,}   ratio {large / small:.2f}   limit {MAX_RATIO}"
    )
    assert large / small <= MAX_RATIO
