"""Whether the tests notice a mutant: those that know its module, then those of its room."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.mutations.mutants import Mutant

COPIED = ("engine", "adapters", "tests", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE")

ROOMS = {
    "adapters/sources": (
        "tests/unit",
        "tests/integration",
        "tests/acceptance/test_legacy_sample.py",
    ),
    "adapters/pillow": ("tests/unit", "tests/acceptance"),
    "adapters/files": ("tests/unit", "tests/acceptance", "tests/faults"),
    "adapters/sqlite": ("tests/contract", "tests/acceptance", "tests/http", "tests/faults"),
    "adapters/http": ("tests/http",),
    "adapters/cli": ("tests/acceptance", "tests/faults"),
    "adapters/demo": ("tests/integration", "tests/acceptance/test_demo.py"),
    "engine": ("tests/unit", "tests/contract", "tests/acceptance", "tests/http", "tests/faults"),
    "": ("tests/unit", "tests/contract", "tests/integration", "tests/acceptance"),
}
"""Where the tests of a room are; the first whose name the module's path begins with."""

PYTEST = ("-x", "-q", "-p", "no:cacheprovider", "--no-header", "--timeout", "60")
FAILED = 1
NO_TESTS = 5


class Trial(NamedTuple):
    """What became of a mutant: `noticed` says by what, and is empty where nothing noticed it."""

    mutant: Mutant
    noticed: str

    def __str__(self) -> str:
        return f"{'noticed ' if self.noticed else 'SURVIVED'}  {self.mutant}  {self.noticed}"


class Bench:
    """A copy of the project, where mutants are tried; what is copied is left as it is."""

    def __init__(self, project: Path, folder: Path, seconds: float, jobs: int = 0) -> None:
        self._folder = folder
        self._seconds = seconds
        self._jobs = jobs
        for name in COPIED:
            if (project / name).is_dir():
                shutil.copytree(
                    project / name,
                    folder / name,
                    ignore=shutil.ignore_patterns("__pycache__"),
                )
            elif (project / name).exists():
                shutil.copy(project / name, folder / name)

    def try_out(self, mutant: Mutant) -> Trial:
        """Have the tests run over a mutant, as far as the first that fails."""
        path = self._folder / mutant.path
        source = path.read_text(encoding="utf-8")
        path.write_text(mutant.of(source), encoding="utf-8")
        try:
            for chosen in (self._knowing(mutant.path), self._of_room(mutant.path)):
                if chosen and (noticed := self._run(chosen)):
                    return Trial(mutant, noticed)
        finally:
            path.write_text(source, encoding="utf-8")
        return Trial(mutant, "")

    def is_sound(self, test: str) -> bool:
        """Whether a test passes where nothing was changed: else it notices nothing."""
        return not self._run([test])

    def _knowing(self, module: Path) -> list[str]:
        """Files of tests that name the module, or are named for it."""
        dotted = re.escape(".".join(module.with_suffix("").parts))
        parent = re.escape(".".join(module.parent.parts))
        names = re.compile(rf"{dotted}\b|from {parent} import .*\b{module.stem}\b")
        return sorted(
            str(path.relative_to(self._folder))
            for path in (self._folder / "tests").rglob("test_*.py")
            if names.search(path.read_text(encoding="utf-8")) or module.stem in path.stem
        )

    def _of_room(self, module: Path) -> Sequence[str]:
        room = next(room for room in ROOMS if module.as_posix().startswith(room))
        return [name for name in ROOMS[room] if (self._folder / name).exists()]

    def _run(self, chosen: Sequence[str]) -> str:
        """The test that failed, or what else went wrong; empty where all is well."""
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *PYTEST, "-n", str(self._jobs), *chosen],
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": str(self._folder), "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # whatever the tests have started ends with them
        )
        try:
            out, _ = process.communicate(timeout=self._seconds)
        except subprocess.TimeoutExpired:
            return f"time: more than {self._seconds:.0f} s"
        finally:
            _end(process)
        if process.returncode in (0, NO_TESTS):
            return ""
        failed = re.search(r"^(?:FAILED|ERROR) (\S+)", out, re.MULTILINE)
        return failed[1] if failed else f"pytest ended with {process.returncode}"


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
