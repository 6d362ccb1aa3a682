"""Where files of a name lie: the places where applications keep them, and a search for those."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

PLACES = ("", "data", "*/data", "custom_nodes/*/data", "ComfyUI/custom_nodes/*/data")
"""Below a folder that somebody names: itself, an extension of ComfyUI (which keeps its own in
`data`), all of them, ComfyUI, and what holds it."""

DEPTH = 5
"""How many folders deep is searched: what lies in `custom_nodes/*/data` is three deep."""
SECONDS = 2.0

_PASSED_OVER = {
    *("node_modules", "site-packages", "__pycache__", "venv", "env", "models", "output", "input"),
    *("proc", "sys", "dev", "run", "snap", "Library", "AppData", "Windows", "$RECYCLE.BIN"),
}
"""Folders that hold many others, and no such file."""


def within(folder: Path, name: str) -> list[Path]:
    """Files of this name in the places below a folder. Links that lead out are not followed."""
    try:
        root = folder.resolve()
        candidates = [path for place in PLACES for path in root.glob(f"{place}/{name}".lstrip("/"))]
    except (OSError, RuntimeError):
        return []
    found = {path.resolve() for path in candidates if _is_file(path)}
    return sorted(path for path in found if path.is_relative_to(root))


def discover(around: Iterable[Path], below: Sequence[Path], names: Collection[str]) -> list[Path]:
    """Files of these names, free of links: in the places of the folders `around`, and searched for
    `below` others, those that lie less deep first."""
    near = [path for folder in around for name in names for path in within(folder, name)]
    found = sorted(search(below, names), key=lambda path: (len(path.parts), path))
    return list(dict.fromkeys(path.resolve() for path in (*near, *found)))


def search(
    starts: Sequence[Path], names: Collection[str], depth: int = DEPTH, seconds: float = SECONDS
) -> list[Path]:
    """Files of these names below the folders, those that lie less deep first.

    Bounded: at most `depth` folders deep, and no folder is entered after so many seconds. Links
    are not followed, nor are hidden folders entered.
    """
    ends = time.monotonic() + seconds
    found: dict[Path, None] = {}
    entered: set[str] = set()
    waiting = deque((str(start), 0) for start in starts)
    while waiting and time.monotonic() < ends:
        folder, level = waiting.popleft()
        if folder in entered:
            continue
        entered.add(folder)
        for entry in _entries(folder, ends):
            if entry.name in names:
                if _is_own_file(entry):
                    found[Path(entry.path)] = None
            elif level < depth and _is_entered(entry):
                waiting.append((entry.path, level + 1))
    return list(found)


def _entries(folder: str, ends: float) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if time.monotonic() >= ends:
                    return
                yield entry
    except OSError:
        return  # gone, or not ours to read


def _is_own_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file(follow_symlinks=False)
    except OSError:
        return False


def _is_entered(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith(".") or entry.name in _PASSED_OVER:
        return False
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
