"""The command line as a process of its own, and what it leaves on disk."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

PROGRAM = "import sys; from adapters.composition import main; sys.exit(main())"
TIMEOUT = 120

MEASURED = """
import sys
from adapters.composition import main
target = sys.argv.pop()
code = main()
with open("/proc/self/status") as status, open(target, "w") as peak:
    peak.write(next(line.split()[1] for line in status if line.startswith("VmHWM")))
sys.exit(code)
"""
"""The program, which at its end writes its own peak memory in KiB to the file named last. What the
system tells of a child's peak counts that of the parent it was forked from."""

IN_HAND = "SELECT count(*) FROM migration_items WHERE in_hand = 1"

LIBRARY_TABLES = {
    "models": "SELECT * FROM models ORDER BY sha256",
    "tags": "SELECT * FROM tags ORDER BY id",
    "model_tags": "SELECT * FROM model_tags ORDER BY model_hash, tag_id",
    "pending_import": "SELECT * FROM pending_import ORDER BY id",
    "pending_model_tags": "SELECT * FROM pending_model_tags ORDER BY model_id, tag_id",
    "db_meta": "SELECT * FROM db_meta ORDER BY key",
    "items": """
        SELECT source_key, path, state, sha256, pending_id, error_code FROM migration_items
        ORDER BY source_key, path""",
    "rows": "SELECT verbatim FROM migration_rows ORDER BY item_id",
    "warnings": """
        SELECT i.source_key, w.code, w.detail
        FROM migration_warnings w LEFT JOIN migration_items i ON i.id = w.item_id
        ORDER BY 1, 2, 3""",
    "previews": "SELECT * FROM migration_previews ORDER BY sha256, name",
    "history": """
        SELECT i.source_key, h.from_state, h.to_state
        FROM migration_history h JOIN migration_items i ON i.id = h.item_id
        ORDER BY h.item_id, h.id""",
    "promotions": """
        SELECT run_id, place, pending_id, outcome, code, existing_sha256
        FROM migration_promotions ORDER BY run_id, place""",
    "hashes": "SELECT path, size, sha256 FROM migration_hashes ORDER BY path",
    "originals": "SELECT name, needless FROM migration_originals ORDER BY name",
    "removals": "SELECT * FROM migration_removals ORDER BY sha256",
    "writes": "SELECT * FROM migration_writes ORDER BY sha256, seq",
    "refused": "SELECT name FROM migration_refused ORDER BY item_id, name",
    # Whether a run looks for what others may have written tells how it came there, not where to.
    "counts": "SELECT name, sum(n) FROM migration_counts WHERE name <> 'meets_others' "
    "GROUP BY name ORDER BY name",
}
"""Everything that a migration decides, less times, ids of runs, and how often it was tried."""


def start(*arguments: str | Path, **options: Any) -> subprocess.Popen[bytes]:
    """A `reshelve` command that goes on by itself."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *(str(argument) for argument in arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def finish(process: subprocess.Popen[bytes]) -> subprocess.CompletedProcess[bytes]:
    """Wait for a command's end; one that hangs is killed and told of."""
    try:
        out, err = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def run(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """A `reshelve` command, to its end."""
    return finish(start(*arguments, **options))


def kill_with_work_in_hand(library: Path, *arguments: str | Path) -> int:
    """Kill a command once it works on something; returns on how much it did."""
    process = start(*arguments)
    with closing(sqlite3.connect(library / "hikaze_model_manager.db")) as connection:
        while process.poll() is None and not connection.execute(IN_HAND).fetchone()[0]:
            time.sleep(0.001)
        process.kill()
        process.communicate()
        in_hand: int = connection.execute(IN_HAND).fetchone()[0]
    return in_hand


def measured(target: Path, *arguments: str | Path) -> tuple[int, float]:
    """A command to its end: its exit code, and its peak of resident memory in MiB."""
    words = [sys.executable, "-c", MEASURED, *(str(argument) for argument in arguments)]
    done = subprocess.run(
        [*words, str(target)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=TIMEOUT * 4,
        check=False,
    )
    return done.returncode, int(target.read_text()) / 1024


def document(*arguments: str | Path) -> Any:
    """The one JSON document that a command writes."""
    return json.loads(run(*arguments, "--json", "--quiet").stdout)


def rows(library: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that a migration has decided, table by table."""
    database = library / "hikaze_model_manager.db"
    with closing(sqlite3.connect(database)) as connection:
        return {name: connection.execute(sql).fetchall() for name, sql in LIBRARY_TABLES.items()}


def files(library: Path) -> dict[str, bytes]:
    """Every file below `images/`, with its content."""
    images = library / "images"
    return {
        str(path.relative_to(images)): path.read_bytes()
        for path in sorted(images.rglob("*"))
        if path.is_file()
    }


def facts(folder: Path) -> dict[str, tuple[int, str]]:
    """When each file and folder below `folder`, and itself, was changed, and the files' hashes.

    What is neither is not opened: a FIFO would wait for its writer.
    """
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        state = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(state.st_mode) else b""
        digest = hashlib.sha256(content).hexdigest()
        found[str(path.relative_to(folder))] = (state.st_mtime_ns, digest)
    return found


def files_of(library: Path) -> dict[str, tuple[int, str]]:
    """When each file of a library was written, and its hash: what a second run leaves alone."""
    return {name: fact for name, fact in facts(library).items() if (library / name).is_file()}
