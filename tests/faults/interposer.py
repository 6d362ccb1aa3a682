"""The C library that counts durable system calls and makes the k-th one fail: built and set."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).parent / "interpose" / "faults.c"

DISK_FULL = ("ENOSPC", "EDQUOT")
ERRORS = (*DISK_FULL, "EIO", "EMFILE")
KINDS = ("kill", "tear", "short", *ERRORS)


class Fault(NamedTuple):
    """What happens at the `at`-th durable call; `lasting`, at every one from it on."""

    kind: str
    at: int
    lasting: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {'from' if self.lasting else 'at'} call {self.at}"


class Tally:
    """How many calls a process made that could fail, and how many did."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(bytes(16))

    @property
    def calls(self) -> int:
        """Calls that could fail in the given way."""
        return self._numbers()[0]

    @property
    def struck(self) -> bool:
        """Whether the fault has happened."""
        return self._numbers()[1] > 0

    def _numbers(self) -> tuple[int, int]:
        calls, struck = struct.unpack("=QQ", self.path.read_bytes())
        return calls, struck


@cache
def library() -> Path:
    """The built library; skips the test where it cannot be built."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not sys.platform.startswith("linux"):
        pytest.skip("faults are interposed with LD_PRELOAD, as Linux has it")
    if compiler is None:
        pytest.skip("faults are interposed by a C library, and there is no C compiler")
    target = Path(mkdtemp(prefix="reshelve-faults-")) / "faults.so"
    command = [compiler, "-std=gnu11", "-O2", "-shared", "-fPIC", "-o"]
    command += [str(target), str(SOURCE), "-lpthread"]
    built = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if built.returncode:
        pytest.skip(f"the C compiler does not build the interposed library: {built.stderr}")
    return target


def settings(
    under: Path,
    fault: Fault | None = None,
    tally: Tally | None = None,
    log: Path | None = None,
    poison: str = "",
) -> dict[str, str]:
    """The environment that arms the library for one process."""
    found = {"FAULTS_UNDER": str(under.resolve())}
    if fault is not None:
        found |= {"FAULTS_KIND": fault.kind, "FAULTS_AT": str(fault.at)}
        found |= {"FAULTS_LASTING": "1"} if fault.lasting else {}
    if tally is not None:
        found["FAULTS_TALLY"] = str(tally.path)
    if log is not None:
        found["FAULTS_LOG"] = str(log)
    if poison:
        found["FAULTS_POISON"] = poison
    return found
