"""Start-up: short commands against an interpreter that does nothing.

Rounds alternate, and medians count. Processor time is what a command costs whoever else uses the
machine; time by the clock is what a person waits.
"""

from __future__ import annotations

import os
import statistics
from pathlib import Path

import pytest

from tests import commands
from tests.benchmarks.conftest import Figures
from tests.benchmarks.large_library import make_rows
from tests.benchmarks.plain_previews import say
from tests.benchmarks.processes import seconds

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not hasattr(os, "wait4"), reason="asks the system for processor time"),
]

ROUNDS = 21
TARGET = 5.0


def test_short_commands_start_at_once(tmp_path: Path, figures: Figures) -> None:
    database, library = tmp_path / "legacy.sqlite3", tmp_path / "library"
    make_rows(database, 100)
    commands.run("migrate", database, "--library", library, "--quiet")
    asked = {
        "python -c pass": ("-c", "pass"),
        "--help": ("-c", commands.PROGRAM, "--help"),
        "status": ("-c", commands.PROGRAM, "status", "--library", str(library)),
        "status --json": ("-c", commands.PROGRAM, "status", "--library", str(library), "--json"),
    }
    rounds = [
        [seconds(*words, bytecode=tmp_path / "bytecode") for words in asked.values()]
        for _ in range(ROUNDS)
    ]
    medians = {
        name: [statistics.median(kind) for kind in zip(*column, strict=True)]
        for name, column in zip(asked, zip(*rounds, strict=True), strict=True)
    }
    bare = medians["python -c pass"]
    say(f"\n{'':16}{'clock ms':>10}{'ratio':>7}{'CPU ms':>10}{'ratio':>7}")
    for name, (clock, processor) in medians.items():
        by_clock = f"{clock * 1e3:>10.1f}{clock / bare[0]:>7.2f}"
        say(f"{name:16}{by_clock}{processor * 1e3:>10.1f}{processor / bare[1]:>7.2f}")
    ratios = {name: times[1] / bare[1] for name, times in medians.items()}
    figures.at_most("start-up: `--help`, against `python -c pass`", ratios["--help"], TARGET)
    figures.at_most("start-up: `status`, against `python -c pass`", ratios["status"], TARGET)
