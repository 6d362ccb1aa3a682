"""How long a process takes, from its start to its end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path


def seconds(*arguments: str, bytecode: Path) -> tuple[float, float]:
    """By the clock, and of the processor, that an interpreter takes with these arguments.

    It keeps its bytecode in a folder, as what is installed has it beside its modules.
    """
    kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(bytecode)}
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, env={**os.environ, **kept}
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime
