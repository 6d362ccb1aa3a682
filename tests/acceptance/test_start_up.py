"""What a short command imports: nothing that it does not use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.composition import Reshelve
from tests import commands

IMPORTED = f"""
import atexit, sys
def tell():
    import json
    print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})), file=sys.stderr)
atexit.register(tell)
{commands.PROGRAM}
"""

NEVER = {
    *("PIL", "aiosqlite", "anyio", "asyncio", "concurrent", "filelock", "hashlib", "http"),
    *("litestar", "logging", "multiprocessing", "rich", "shutil", "socket", "ssl", "statemachine"),
    *("statistics", "subprocess", "trio", "typing_extensions", "uvicorn"),
}
TOOLS = {"dis", "inspect", "tokenize"}
"""For programs that look at programs; importing them takes a fifth of what `status` does."""


def imported(*arguments: str | Path) -> set[str]:
    """The packages that a command has imported when it ends."""
    words = [sys.executable, "-c", IMPORTED, *(str(argument) for argument in arguments)]
    ended = subprocess.run(words, capture_output=True, check=True, timeout=commands.TIMEOUT)
    return set(json.loads(ended.stderr))


@pytest.fixture
async def library(tmp_path: Path) -> Path:
    """A library without a run."""
    async with Reshelve().service(tmp_path / "library", 1):
        pass
    return tmp_path / "library"


@pytest.mark.anyio
@pytest.mark.parametrize("options", [(), ("--json",), ("--backend", "trio")], ids=" ".join)
async def test_status_imports_neither_event_loop_nor_terminal(
    library: Path, options: tuple[str, ...]
) -> None:
    assert imported("status", "--library", library, *options) & (NEVER | TOOLS) == set()


def test_help_imports_no_records_and_no_database() -> None:
    assert imported("--help") & (NEVER | {"engine", "msgspec", "sqlite3"}) == set()


def test_the_help_of_a_command_imports_no_more() -> None:
    assert imported("serve", "--help") & (NEVER | {"engine", "msgspec", "sqlite3"}) == set()
