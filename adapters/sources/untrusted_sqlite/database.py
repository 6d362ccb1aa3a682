"""A copied legacy database, opened as what it is: an untrusted file.

The measures are those of https://www.sqlite.org/security.html. Statements come from this folder
alone and only read; what the file's own schema could do (triggers, views, generated columns,
virtual tables) is never reached.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from adapters.sources.untrusted_sqlite import cells
from adapters.sources.untrusted_sqlite.bounds import KeyBounds
from engine.errors import ReshelveError, SourceUnreadable, StorageFailed
from engine.ports.source import never

MAX_CELL_BYTES = 16 * 1024 * 1024
"""A larger cell is not read; its row is."""

STATEMENT_SECONDS = 120.0
"""No statement on a sound database comes near; one on a crafted or looping one would not end."""

GUARDS = (
    "PRAGMA cell_size_check = ON",
    "PRAGMA mmap_size = 0",
    "PRAGMA synchronous = OFF",  # the copy is not worth an fsync
)
DISTRUST = "PRAGMA trusted_schema = OFF"
"""Only once the schema is loaded, which runs nothing of it: where one of its generated columns
calls a function that is not marked harmless, such as SQLite's own JSON before 3.41, loading it
distrustfully refuses the whole database. Reading such a column is refused afterwards."""
READ_ONLY = "PRAGMA query_only = ON"
CHECKPOINT = "PRAGMA wal_checkpoint(TRUNCATE)"
TOUCH = "SELECT count(*) FROM sqlite_master"
# A virtual table has no root page.
FIND_TABLE = """
    SELECT rootpage FROM sqlite_master
    WHERE type = 'table' AND name = ? COLLATE NOCASE AND rootpage > 0
"""
FIND_COLUMNS = "SELECT name FROM pragma_table_info(?) ORDER BY cid"

LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: MAX_CELL_BYTES,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 10,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 16,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 100,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 1024 * 1024,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 10,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}

# Where a message quotes a damaged schema, sqlite3 may fail to decode the message.
_ERRORS = (sqlite3.Error, UnicodeDecodeError)
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_DISK = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
"""What the disk of the copy refuses; the original was read by then."""

_MAGIC = b"SQLite format 3\x00"
_JOURNAL_MAGIC = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
_HEADER_BYTES = 100
_MAX_PADDED_BYTES = 64 * 1024**3
_INSTRUCTIONS_BETWEEN_CHECKS = 100_000


class Damaged(Exception):
    """A statement met a damaged page."""


class Oversized(Damaged):
    """A statement met a cell larger than `MAX_CELL_BYTES`."""


class Database:
    """A read-only connection to a copy; `name` is what errors call the original.

    A statement is interrupted after `seconds`, or when `checkpoint` raises.

    Not safe for use by two threads at once, but free to move between threads. Any method raises
    `StorageFailed` when the disk does not give the copy.
    """

    def __init__(
        self,
        copy: Path,
        name: str,
        seconds: float = STATEMENT_SECONDS,
        checkpoint: Callable[[], None] = never,
    ) -> None:
        self._copy = copy
        self._name = name
        self._seconds = seconds
        self._checkpoint = checkpoint
        self._expires = time.monotonic() + seconds
        try:
            self._require_sqlite(copy)
            self._recover(copy)
            # Nothing but this process knows the copy, and its journals are gone by now.
            self._connection = self._connect(copy, "mode=ro&immutable=1")
            try:
                self._connection.execute(READ_ONLY)
                self._connection.execute(TOUCH).fetchone()
            except BaseException:
                self._connection.close()
                raise
        except OSError as error:
            raise StorageFailed(str(copy), error.strerror or str(error)) from error
        except _ERRORS as error:
            raise self.unreadable(error) from error

    def close(self) -> None:
        """Close the connection; the copy stays."""
        self._connection.close()

    def rows(
        self, statement: str, values: Sequence[int | str] = ()
    ) -> Generator[tuple[Any, ...], None, None]:
        """Run one statement, which has `seconds` from now on to give all its rows.

        Raises `Damaged` where it meets a damaged page, `SourceUnreadable` for any other error.
        """
        self.renew_deadline()
        try:
            yield from self._decoded(statement, values)
        except _ERRORS as error:
            code = _code(error)
            if code == sqlite3.SQLITE_TOOBIG:
                raise Oversized from error
            if code in _DAMAGE:
                raise Damaged from error
            raise self.unreadable(error) from error

    def _decoded(
        self, statement: str, values: Sequence[int | str]
    ) -> Generator[tuple[Any, ...], None, None]:
        """The rows, their text decoded by Python; from the first that is no UTF-8 on, by us."""
        given = 0
        try:
            for row in self._connection.execute(statement, values):
                given += 1
                yield row
        except sqlite3.OperationalError as error:
            if self._connection.text_factory is cells.text or _is_of_sqlite(error):
                raise
            self._connection.text_factory = cells.text
            yield from islice(self._connection.execute(statement, values), given, None)

    def renew_deadline(self) -> None:
        """Give a statement that is under way, and was waited with, its `seconds` again."""
        self._expires = time.monotonic() + self._seconds

    def first(self, statement: str, values: Sequence[int | str] = ()) -> tuple[Any, ...] | None:
        """The first row of a statement, if it has one. Raises as `rows` does."""
        with closing(self.rows(statement, values)) as rows:
            return next(rows, None)

    def compiles(self, statement: str, values: Sequence[int | str]) -> bool:
        """Whether the schema has what the statement speaks of; it is not run."""
        try:
            self._connection.execute(f"EXPLAIN {statement}", values).close()
        except _ERRORS as error:
            if _code(error) == sqlite3.SQLITE_ERROR:
                return False
            raise self.unreadable(error) from error
        return True

    def columns(self, table: str) -> list[str] | None:
        """The stored columns of an ordinary table, or None where there is no such table.

        A view or virtual table runs code of the file's choosing, and so do generated columns,
        which are left out.
        """
        try:
            if self.first(FIND_TABLE, (table,)) is None:
                return None
            names = [name for (name,) in self.rows(FIND_COLUMNS, (table,))]
        except Damaged as error:
            raise self.refused("its schema is damaged.") from error
        return [name for name in names if isinstance(name, str)]

    def bounds(self, table: str) -> KeyBounds:
        """Which keys share a page of an ordinary table."""
        (root,) = self.first(FIND_TABLE, (table,)) or (0,)
        return KeyBounds(self._copy, root)

    def unreadable(self, error: Exception) -> ReshelveError:
        """What to tell a person of an error that reading cannot get around."""
        code = _code(error)
        if code in _DISK:
            return StorageFailed(str(self._copy), str(error))
        if code == sqlite3.SQLITE_INTERRUPT:
            reason = (
                f"one statement took longer than {self._seconds:.0f} seconds, "
                "as on a file that is damaged or was made to mislead."
            )
        elif code == sqlite3.SQLITE_NOTADB:
            reason = "it is not a SQLite database, or it is encrypted."
        elif code == sqlite3.SQLITE_CORRUPT:
            reason = (
                f"it is damaged ({error}). Restore it from a backup, or try `sqlite3 .recover`."
            )
        else:
            reason = f"{error}."
        return SourceUnreadable(self._name, cells.encodable(reason))

    def refused(self, reason: str) -> SourceUnreadable:
        """An error that says what is wrong with the database as a whole."""
        return SourceUnreadable(self._name, reason)

    def _require_sqlite(self, copy: Path) -> None:
        with copy.open("rb") as file:
            magic = file.read(len(_MAGIC))
        if not magic:
            raise self.refused("the file is empty.")
        if magic != _MAGIC:
            raise self.refused("it is not a SQLite database, or it is encrypted.")

    def _recover(self, copy: Path) -> None:
        """Bring the copy to its last commit, and to the length its header speaks of."""
        wal, journal = copy.with_name(copy.name + "-wal"), copy.with_name(copy.name + "-journal")
        _pad(copy)
        if not wal.exists() and not journal.exists():
            return
        if journal.exists() and _names_super_journal(journal):
            # Rolling it back would have SQLite read, and then delete, the file it names.
            raise self.refused(
                "its journal belongs to a transaction across several databases. "
                "Open it once with the legacy application, close that, and try again."
            )
        connection = self._connect(copy, "mode=rw")
        try:
            connection.execute(CHECKPOINT).fetchone()
            connection.execute(TOUCH).fetchone()
        finally:
            connection.close()
        # An immutable connection would silently pass over what is still in them.
        if wal.exists() and wal.stat().st_size:
            raise self.refused("its -wal could not be applied.")
        journal.unlink(missing_ok=True)
        _pad(copy)

    def _connect(self, copy: Path, parameters: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{copy.absolute().as_uri()}?{parameters}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            for category, limit in LIMITS.items():
                connection.setlimit(category, limit)
            _defend(connection)
            connection.set_progress_handler(self._expired, _INSTRUCTIONS_BETWEEN_CHECKS)
            for guard in GUARDS:
                connection.execute(guard)
            connection.execute(TOUCH).fetchone()
            connection.execute(DISTRUST)
        except BaseException:
            connection.close()
            raise
        return connection

    def _expired(self) -> bool:
        # What is raised here, SQLite takes for a word to stop, and says no more of it.
        self._checkpoint()
        return time.monotonic() > self._expires


def _is_of_sqlite(error: sqlite3.Error) -> bool:
    """Whether SQLite itself reported it: what fails in Python's own decoding has no code."""
    return getattr(error, "sqlite_errorcode", None) is not None


def _code(error: Exception) -> int:
    """SQLite's primary result code; an extended one carries it in its low byte."""
    if isinstance(error, UnicodeDecodeError):
        return sqlite3.SQLITE_CORRUPT
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return int(code) & 0xFF


def _defend(connection: sqlite3.Connection) -> None:
    """Refuse statements that could corrupt the file, where Python offers it (3.12)."""
    set_config = getattr(connection, "setconfig", None)
    if set_config is not None:
        set_config(getattr(sqlite3, "SQLITE_DBCONFIG_DEFENSIVE"))  # noqa: B009


def _pad(copy: Path) -> None:
    """Give a truncated copy back the length its header speaks of, sparsely.

    SQLite refuses a file that is too short as a whole. Padded with zeros, the lost pages are
    damaged pages like any other, and the rows on the others can be read.
    """
    with copy.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES or header[24:28] != header[92:96]:
        return  # SQLite goes by the file's length, too
    page_bytes = int.from_bytes(header[16:18], "big")
    claimed = int.from_bytes(header[28:32], "big") * (65536 if page_bytes == 1 else page_bytes)
    if copy.stat().st_size < claimed <= _MAX_PADDED_BYTES:
        os.truncate(copy, claimed)


def _names_super_journal(journal: Path) -> bool:
    """Whether a rollback journal ends in the name of a super-journal (SQLite file format, 3)."""
    with journal.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(_JOURNAL_MAGIC)))
        return size > 16 and file.read() == _JOURNAL_MAGIC
