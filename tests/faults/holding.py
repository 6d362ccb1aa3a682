"""Another program, a process of its own, that holds a lock on a library's database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOLDING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
for statement in sys.argv[2:]:
    connection.execute(statement).fetchall()
print("held", flush=True)
sys.stdin.readline()
connection.rollback()
connection.close()
"""

WRITING = ("BEGIN IMMEDIATE",)
"""As version 2 does while it writes, and a backup that wants the database to hold still."""

EXCLUSIVE = ("PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE", "SELECT count(*) FROM models")
"""Nobody else can as much as read; only while nobody else has the database open."""


@contextmanager
def held(database: Path, lock: tuple[str, ...] = WRITING) -> Iterator[None]:
    """Another program has the lock from the beginning of the block to its end."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(database), *lock],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "held\n"
        yield
        holder.stdin.write("\n")
        holder.stdin.close()
        assert holder.wait(30) == 0
    finally:
        if holder.poll() is None:
            os.kill(holder.pid, signal.SIGKILL)
        holder.wait(30)
        holder.stdout.close()
