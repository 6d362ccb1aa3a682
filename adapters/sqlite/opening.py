"""How a library's database is reached: where it lies, how it is opened, and errors as facts.

Imports little: `last_status` needs it.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from adapters.sqlite import migrations
from engine.errors import (
    DatabaseBusy,
    LibraryDamaged,
    LibraryMissing,
    LibraryTooNew,
    LibraryTooOld,
    ReshelveError,
    StorageFailed,
)

DATABASE_NAME = "hikaze_model_manager.db"

BUSY_SECONDS = 0.25
"""How long SQLite waits for another program before it says so; we ask it again, and can be stopped
in between."""

READ_ONLY = "PRAGMA query_only = ON"
SELECT_JOURNAL = "SELECT 1 FROM sqlite_master WHERE name = 'migration_meta'"
SELECT_JOURNAL_VERSION = "SELECT value FROM migration_meta WHERE key = 'journal_version'"

_DISK = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOMEM,
}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_GONE = re.compile(r"no such table: (?:main\.)?(migration_\w+)")
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def database_path(library: Path) -> Path:
    """Where a library keeps its database."""
    return library / DATABASE_NAME


def connected(path: Path, mode: str) -> sqlite3.Connection:
    """A connection without transactions of its own; `mode` as in SQLite's URIs."""
    uri = f"file:{quote(os.fsencode(path))}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS)
    connection.text_factory = _text
    connection.row_factory = sqlite3.Row
    return connection


def existing(path: Path) -> sqlite3.Connection:
    """A connection to a database that is there, not to write. Raises `LibraryMissing`."""
    try:
        return connected(path, "rw")
    except sqlite3.OperationalError as error:
        if os.path.isfile(path):  # noqa: PTH113  Path raises where the disk does not tell
            raise  # the disk or the system refuses it; that is no reason to make another
        raise LibraryMissing(str(path.parent)) from error


def journal_version(connection: sqlite3.Connection, path: Path) -> int | None:
    """Which version our tables have, from 1 on; None where there are none.

    Raises `LibraryDamaged`.
    """
    if connection.execute(SELECT_JOURNAL).fetchone() is None:
        return None
    (told,) = connection.execute(SELECT_JOURNAL_VERSION).fetchone() or (None,)
    try:
        version = int(str(told))
    except ValueError:
        version = 0
    if version < 1:
        raise LibraryDamaged(str(path), "its journal does not tell which version it has")
    return version


def require_journal(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse to read tables that are not there, or not as this version knows them.

    Raises `LibraryMissing`, `LibraryTooOld`, `LibraryTooNew`, `LibraryDamaged`.
    """
    version = journal_version(connection, path)
    if version is None:
        raise LibraryMissing(str(path.parent))
    if version < migrations.newest():
        raise LibraryTooOld(str(path.parent))
    if version > migrations.newest():
        raise LibraryTooNew(str(path.parent))


def _text(data: bytes) -> str:
    """Text as it is stored; bytes that are no UTF-8 become surrogates, and spoil only their row."""
    return data.decode("utf-8", "surrogateescape")


def translate(error: sqlite3.Error, path: Path) -> ReshelveError | sqlite3.Error:
    """The fact behind an SQLite error; errors that are defects of ours stay as they are."""
    code = _code(error)
    if code in _DISK:
        return StorageFailed(str(path), str(error))
    if code in _BUSY:
        return DatabaseBusy()
    if code in _DAMAGE:
        return LibraryDamaged(str(path), str(error))
    if gone := _GONE.match(str(error)):
        return LibraryDamaged(str(path), f"reshelve's table {gone[1]} is gone")
    return error


@contextmanager
def told_as_facts(path: Path) -> Iterator[None]:
    """What SQLite raises within, as `translate` has it."""
    try:
        yield
    except sqlite3.Error as error:
        raise translate(error, path) from error


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another program has locked the database."""
    return _code(error) in _BUSY


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF
