"""A process that opens a library and lets it go, with steps to take that the tests know of."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from adapters.files.library import owned_library
from adapters.sqlite import migrations
from adapters.sqlite.store import sqlite_store
from engine.errors import ReshelveError
from tests.contract import steps

TAKEN = ("marked", "anew", "again")
REFUSED = 6


async def open_once(library: Path) -> None:
    """Own a library for a moment."""
    with owned_library(library):
        async with sqlite_store(library):
            pass


def main() -> int:
    """Open the library named by the argument; 6 when the disk refused."""
    migrations.__path__ = [*migrations.__path__, *steps.__path__]
    migrations.STEPS = (*migrations.STEPS, *TAKEN)
    try:
        anyio.run(open_once, Path(sys.argv[1]))
    except ReshelveError as error:
        sys.stderr.write(f"reshelve: {error}\n")
        return REFUSED
    return 0
