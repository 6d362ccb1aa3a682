"""Copies of a legacy database's files, taken so that nothing beside the original changes.

SQLite itself is never let near the original: even a read-only connection to a database in WAL
mode writes its `-shm`. The files are copied instead, and a copy counts only when no file of the
set changed while it was made. The `-shm` is derived from the `-wal` and is left behind.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, TypeAlias

from adapters.regular import READING_NO_LINK, is_regular
from engine.errors import SourceMissing, SourceUnreadable, StorageFailed
from engine.facts.source import SourceStamp
from engine.ports.source import never

COPY_NAME = "legacy.sqlite3"
"""The copy's name in the scratch folder, whatever the original is called."""

SUFFIXES = ("", "-wal", "-journal")
"""The files that together are a database. None of them is a link: whoever names one is asked to
name what it leads to, and SQLite makes none."""

_LEFTOVERS = (*SUFFIXES, "-shm")
_ATTEMPTS = 6
_FIRST_PAUSE = 0.05
_SETTLE = 0.02
_BLOCK = 1024 * 1024

_NAME_IT = "Name the file that it leads to."
_IS_LINK = f"it is a link, or lies beyond one. {_NAME_IT}"

_State: TypeAlias = tuple[int, int, int, int]


def take(location: Path, scratch: Path, checkpoint: Callable[[], None] = never) -> Path:
    """Copy the database at `location` into `scratch`, and return the copy's path.

    `checkpoint` is called with each block and may raise to abandon the copy. Raises
    `SourceMissing`; `SourceUnreadable` for what is no file, may not be read or does not hold
    still; `StorageFailed` when `scratch` cannot take the copy.
    """
    original = _free_of_links(location)
    copy = scratch / COPY_NAME
    pause = _FIRST_PAUSE
    for _ in range(_ATTEMPTS):
        if _copied_unchanged(original, copy, named(location), checkpoint):
            return copy
        time.sleep(pause)
        pause *= 2
    raise SourceUnreadable(
        named(location),
        "it keeps changing while it is copied. Close the legacy application and try again.",
    )


def stamp(location: Path) -> SourceStamp:
    """Sizes and times of the files of the database at `location`.

    Raises `SourceMissing`; `SourceUnreadable` for what is no file or may not be looked at.
    """
    name = named(location)
    states = _states(_free_of_links(location), name)
    if states[0] is None:
        raise SourceMissing(name)
    return SourceStamp(sum(state[2] for state in states if state is not None), repr(states))


def fingerprint(location: Path) -> str:
    """A digest of every file of the database at `location`, each read once, streamed.

    Raises `SourceMissing`; `SourceUnreadable` for what is no file or may not be read.
    """
    name = named(location)
    original = _free_of_links(location)
    digest = blake2b(digest_size=16)
    for suffix in SUFFIXES:
        path = _beside(original, suffix)
        if _state(path, name) is None:
            if not suffix:
                raise SourceMissing(name)
            continue
        digest.update(suffix.encode() + b"\0")
        try:
            with os.fdopen(os.open(path, READING_NO_LINK), "rb", buffering=0) as reading:
                while block := reading.read(_BLOCK):
                    digest.update(block)
        except OSError as error:
            raise _refused(name, path, error) from error
    return digest.hexdigest()


def discard(copy: Path) -> None:
    """Remove a copy and what SQLite may have put beside it. Raises `StorageFailed`."""
    try:
        for suffix in _LEFTOVERS:
            _beside(copy, suffix).unlink(missing_ok=True)
    except OSError as error:
        raise StorageFailed(named(copy), error.strerror or str(error)) from error


def named(location: Path) -> str:
    """`location` as text that can be printed and stored, even where its name is no UTF-8."""
    return os.fsencode(location).decode("utf-8", "replace")


def _free_of_links(location: Path) -> Path:
    """The location, which nobody has made a link since it was named."""
    try:
        found = location.resolve(strict=True)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceMissing(named(location)) from error
    except (OSError, RuntimeError, ValueError) as error:
        raise SourceUnreadable(named(location), f"{error}.") from error
    if found != location.absolute():
        raise SourceUnreadable(named(location), _IS_LINK)
    return found


def _copied_unchanged(
    original: Path, copy: Path, name: str, checkpoint: Callable[[], None]
) -> bool:
    discard(copy)
    before = _settled_states(original, name)
    if before[0] is None:
        raise SourceMissing(name)
    for suffix, state in zip(SUFFIXES, before, strict=True):
        if state is not None and not _copied(
            _beside(original, suffix), _beside(copy, suffix), state, name, checkpoint
        ):
            return False
    return _states(original, name) == before


def _settled_states(original: Path, name: str) -> list[_State | None]:
    """The states, once file times would tell another write from the last one.

    A kernel stamps files with a clock of a few milliseconds' grain: a write in the same tick as
    the one before it leaves the time as it was.
    """
    states = _states(original, name)
    now = time.time_ns()
    if any(state is not None and 0 <= now - state[-1] < _SETTLE * 1e9 for state in states):
        time.sleep(_SETTLE)
        states = _states(original, name)
    return states


def _states(original: Path, name: str) -> list[_State | None]:
    return [_state(_beside(original, suffix), name) for suffix in SUFFIXES]


def _state(path: Path, name: str) -> _State | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(name, path, error) from error
    _require_file(status, path, name)
    return _identity(status)


def _identity(status: os.stat_result) -> _State:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _require_file(status: os.stat_result, path: Path, name: str) -> None:
    if is_regular(status):
        return
    if stat.S_ISLNK(status.st_mode):
        reason = f"{named(path)} is a link. {_NAME_IT}"
    elif stat.S_ISDIR(status.st_mode):
        reason = f"{named(path)} is a folder. Name the database file, usually hikaze_mm.sqlite3."
    else:
        reason = f"{named(path)} is not a regular file."
    raise SourceUnreadable(name, reason)


def _copied(
    source: Path, target: Path, expected: _State, name: str, checkpoint: Callable[[], None]
) -> bool:
    """Copy one file, streamed; False when it is no longer the file that `expected` describes."""
    try:
        # Non-blocking: what was a file a moment ago may be a FIFO by now.
        descriptor = os.open(source, READING_NO_LINK)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _refused(name, source, error) from error
    with os.fdopen(descriptor, "rb", buffering=0) as reading:
        status = os.fstat(descriptor)
        _require_file(status, source, name)
        if _identity(status) != expected:
            return False
        try:
            target.touch(mode=0o600, exist_ok=False)
            writing = target.open("wb", buffering=0)
        except OSError as error:
            raise StorageFailed(named(target), error.strerror or str(error)) from error
        with writing:
            return _poured(reading, writing, source, name, checkpoint) == status.st_size


def _poured(
    reading: BinaryIO, writing: BinaryIO, source: Path, name: str, checkpoint: Callable[[], None]
) -> int:
    """Copy everything, and return how many bytes that were."""
    total = 0
    while True:
        checkpoint()
        try:
            block = reading.read(_BLOCK)
        except OSError as error:
            raise _refused(name, source, error) from error
        if not block:
            return total
        try:
            unwritten = memoryview(block)
            while unwritten:
                unwritten = unwritten[writing.write(unwritten) :]
        except OSError as error:
            raise StorageFailed(writing.name, error.strerror or str(error)) from error
        total += len(block)


def _refused(name: str, path: Path, error: OSError) -> SourceUnreadable:
    return SourceUnreadable(name, f"{named(path)}: {error.strerror or error}.")


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
