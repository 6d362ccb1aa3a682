"""Who keeps the library's database: the ports that answer queries and apply changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from engine.ports.changes import Change
from engine.ports.queries import Query

T = TypeVar("T")


class Reader(Protocol):
    """Reads committed facts; never blocks a writer."""

    async def ask(self, query: Query[T]) -> T:
        """The answer to a query. Raises what it says, `StorageFailed` or `LibraryDamaged`."""
        ...


class Store(Reader, Protocol):
    """The library's database; one owner, one writer."""

    async def apply(self, changes: Sequence[Change[Any]]) -> list[Any]:
        """Commit the changes in one transaction; durable when it returns.

        Raises what one of them raised, with none of them done, `StorageFailed`,
        `LibraryDamaged`, or soon `DatabaseBusy` where another program has locked the database.
        """
        ...

    async def is_behind(self) -> bool:
        """Whether another program has written since the last changes: until the next ones, the
        journal may not know what became of models that waited. Raises as `ask` does."""
        ...
