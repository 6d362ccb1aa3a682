"""Memory: the peak of a large migration against that of one a tenth as large."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests import commands
from tests.benchmarks.conftest import Figures
from tests.benchmarks.large_library import make_rows

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

SMALL, LARGE = 20_000, 200_000
LONG_NOTES = 10_000
MAX_RATIO = 1.2


def peak(folder: Path, rows: int, notes: int = 60) -> float:
    """Peak resident memory of `reshelve migrate`, in MiB."""
    database, library = folder / f"{rows}.sqlite3", folder / "library"
    make_rows(database, rows, notes=notes)
    options = ("--library", library, "--quiet", "--json")
    code, peak = commands.measured(folder / "peak", "migrate", database, *options)
    assert code == 0
    shutil.rmtree(library)
    database.unlink()
    return peak


def test_memory_does_not_grow_with_the_library(tmp_path: Path, figures: Figures) -> None:
    small, large = peak(tmp_path, SMALL), peak(tmp_path, LARGE)
    figures.note(f"peak memory at {LARGE:,} rows", f"{large:.0f} MiB")
    figures.at_most(f"... against {SMALL:,} rows", large / small, MAX_RATIO)


def test_a_legacy_database_of_1_gb_is_not_read_into_memory(
    tmp_path: Path, figures: Figures
) -> None:
    small, large = peak(tmp_path, 10_000, LONG_NOTES), peak(tmp_path, 100_000, LONG_NOTES)
    figures.note("peak memory, legacy database of 1 GB", f"{large:.0f} MiB")
    figures.at_most("... against one of 100 MB", large / small, MAX_RATIO)
