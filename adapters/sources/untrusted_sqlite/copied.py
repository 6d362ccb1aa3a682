"""A foreign database as it is read: copied beside, the copy opened, and removed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from adapters.sources.untrusted_sqlite import snapshot
from adapters.sources.untrusted_sqlite.database import Database
from engine.errors import StorageFailed


@contextmanager
def copied(location: Path, scratch: Path, checkpoint: Callable[[], None]) -> Iterator[Database]:
    """Copy the database file at `location` into `scratch`, and open the copy.

    Raises `SourceMissing`, `SourceUnreadable`, and `StorageFailed` when `scratch` cannot take the
    copy.
    """
    with ExitStack() as stack:
        copy = scratch / snapshot.COPY_NAME
        stack.callback(_let_go, copy)
        snapshot.take(location, scratch, checkpoint)
        database = Database(copy, snapshot.named(location), checkpoint=checkpoint)
        stack.callback(database.close)
        yield database


def _let_go(copy: Path) -> None:
    # All was read. A copy that a failing disk keeps is swept away by the next start.
    with suppress(StorageFailed):
        snapshot.discard(copy)
