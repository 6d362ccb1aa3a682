"""SIGTERM and SIGINT at any moment: out within 5 s, nothing left running, and resumable."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import commands
from tests.faults.libraries import make_library
from tests.faults.states import State, differences, has_journal, state_of
from tests.faults.sweeping import tell

OUT_WITHIN = 5.0
BEFORE_ANY_PROGRAM = b"<frozen site>"
"""Where the interpreter still prepares itself: it then ends with 1 and says so."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")


class Whole(NamedTuple):
    """A migration that nobody interrupts."""

    database: Path
    end: State
    seconds: float


class Out(NamedTuple):
    """How a command left that was sent a signal."""

    signal: signal.Signals
    after: float
    code: int
    err: bytes
    seconds: float
    orphans: bool


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("signals")
    database = make_library(folder / "legacy", 12)
    began = time.monotonic()
    done = commands.run("migrate", database, "--library", folder / "library", "--quiet")
    seconds = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    return Whole(database, state_of(folder / "library"), seconds)


def interrupt(whole: Whole, library: Path, number: signal.Signals, after: float) -> Out:
    """Send a signal to a migration after a while; the whole group must be gone with it."""
    process = commands.start(
        *("migrate", whole.database, "--library", library, "--quiet"), start_new_session=True
    )
    time.sleep(after)  # the moment is the fault: it is drawn, not waited for
    began = time.monotonic()
    if process.poll() is None:
        os.kill(process.pid, number)
    done = commands.finish(process)
    seconds = time.monotonic() - began
    try:
        os.killpg(process.pid, 0)
        orphans = True
    except ProcessLookupError:
        orphans = False
    return Out(number, after, done.returncode, done.stderr, seconds, orphans)


def leave_and_resume(whole: Whole, library: Path, out: Out) -> list[str]:
    """What is wrong with how it left, and with the library when it was gone on with."""
    wrong = []
    # A signal before the program could ask for it ends the interpreter as the system does; a
    # shell tells of both in the same way. One before there is a program is the interpreter's.
    if out.code not in (0, 128 + out.signal, -out.signal) and BEFORE_ANY_PROGRAM not in out.err:
        wrong.append(f"it ended with {out.code}: {out.err.decode(errors='replace')[-800:]}")
    if out.seconds > OUT_WITHIN:
        wrong.append(f"it took {out.seconds:.1f} s")
    if out.orphans:
        wrong.append("it left a process behind")
    if has_journal(library):
        resumed = commands.run("resume", "--library", library, "--quiet")
        if resumed.returncode != 0:
            wrong.append(f"resume ended with {resumed.returncode}: {resumed.stderr.decode()}")
    if not has_journal(library) or not state_of(library).runs:
        commands.run("migrate", whole.database, "--library", library, "--quiet")
    return wrong + differences(state_of(library), whole.end)


MISSES = 3
"""A run takes more time or less: a signal may come after its end, but not so often."""


def sweep(whole: Whole, folder: Path, times: int, seed: int) -> None:
    """Signals at random moments, until so many of them struck a run that had not ended."""
    chance = random.Random(seed)
    sent, struck, slowest, wrong = 0, 0, 0.0, []
    longest = whole.seconds
    while struck < times and sent < MISSES * times:
        library = folder / str(sent)
        after = chance.uniform(0, longest)
        out = interrupt(whole, library, SIGNALS[sent % 2], after)
        sent += 1
        if out.code == 0:
            longest = after  # it had ended by then
        else:
            struck += 1
        slowest = max(slowest, out.seconds)
        wrong += [
            f"{out.signal.name} after {after:.2f} s: {text}"
            for text in leave_and_resume(whole, library, out)
        ]
        shutil.rmtree(library, ignore_errors=True)
    tell(
        f"signals: {sent} sent, {struck} struck, out after {slowest:.2f} s at most, "
        f"{len(wrong)} divergences"
    )
    assert wrong == []
    assert struck == times


LEAVING_FOREVER = """
import sys, anyio
from adapters.cli.signals import Stop, heed_signals

async def leave():
    print("leaving", flush=True)
    await anyio.sleep_forever()

async def main():
    async with anyio.create_task_group() as tasks:
        await tasks.start(heed_signals, Stop(), leave)
        print("ready", flush=True)

anyio.run(main, backend=sys.argv[1])
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_second_signal_ends_at_once_what_the_first_has_not_ended(backend: str) -> None:
    command = [sys.executable, "-c", LEAVING_FOREVER, backend]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "leaving\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(OUT_WITHIN) == 128 + signal.SIGTERM


def test_a_migration_that_is_sent_a_signal_leaves_soon_and_can_be_resumed(
    whole: Whole, tmp_path: Path
) -> None:
    sweep(whole, tmp_path, times=4, seed=1)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_signal_while_the_library_is_opened_ends_the_command(
    whole: Whole, tmp_path: Path, number: signal.Signals, backend: str
) -> None:
    library = tmp_path / "library"
    process = commands.start(
        *("migrate", whole.database, "--library", library, "--quiet", "--backend", backend)
    )
    while not (library / "images" / "pending").exists():
        assert process.poll() is None
    os.kill(process.pid, number)
    done = commands.finish(process)
    assert done.returncode in (128 + number, -number)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_migration_that_is_sent_a_hundred_signals_leaves_soon_and_can_be_resumed(
    whole: Whole, tmp_path: Path
) -> None:
    sweep(whole, tmp_path, times=100, seed=2)
