"""Who writes: the one actor that commits changes, in groups, and acknowledges after the commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Protocol, TypeVar

import anyio

from engine.actors.mailbox import Mailbox, Question
from engine.actors.pulse import Pulse
from engine.actors.waiting import Waiting
from engine.errors import DatabaseBusy
from engine.ports.bundle import nobody
from engine.ports.changes import Change
from engine.ports.journal import Store

T = TypeVar("T")

GROUP_SIZE = 64
"""How many callers' changes one commit takes at most; more wait in their callers."""


class Commits(Protocol):
    """Takes changes, in order, and tells their outcomes once they are durable."""

    async def commit(self, change: Change[T]) -> T:
        """Commit a change and wait for its outcome. Raises what the store raised for it."""
        ...

    async def commit_all(self, changes: Sequence[Change[T]]) -> list[T]:
        """Commit changes in one transaction, all or none, and wait for their outcomes.

        Raises what the store raised for one of them.
        """
        ...


class Writer:
    """Gathers changes that arrive together into one transaction of the store.

    While another program has locked the database it waits, and everybody behind it: `tell` is
    called when that takes long.
    """

    def __init__(self, store: Store, pulse: Pulse, tell: Callable[[], None] = nobody) -> None:
        self._store = store
        self._pulse = pulse
        self._tell = tell
        self._waiting = Waiting(self._told)
        self._mailbox: Mailbox[Sequence[Change[Any]]] = Mailbox(GROUP_SIZE)

    async def commit(self, change: Change[T]) -> T:
        """Commit a change with whatever else waits; returns its outcome when it is durable."""
        [outcome] = await self.commit_all([change])
        return outcome

    async def commit_all(self, changes: Sequence[Change[T]]) -> list[T]:
        """Commit changes together with whatever else waits; their outcomes when all are durable."""
        outcomes: list[T] = await self._mailbox.ask(changes)
        return outcomes

    @property
    def is_waiting(self) -> bool:
        """Whether it has waited long for another program to unlock the database, and still does."""
        return self._waiting.is_long

    def hurry(self, seconds: float) -> None:
        """Wait for other programs no longer than this from now on: then refuse every change with
        `DatabaseBusy` that meets a lock."""
        self._waiting.hurry(seconds)

    async def run(self) -> None:
        """Commit until `close`; what was accepted by then is committed.

        Cancelling does not end it: whoever is cancelled still has a last word to write.
        """
        with anyio.CancelScope(shield=True):
            async for question in self._mailbox:
                await self._commit_group([question, *self._mailbox.waiting(GROUP_SIZE - 1)])
                self._pulse.beat()

    def close(self) -> None:
        """Take no more changes."""
        self._mailbox.close()

    async def _commit_group(self, group: list[Question[Sequence[Change[Any]]]]) -> None:
        try:
            changes = [change for question in group for change in question.message]
            outcomes = iter(await self._apply(changes))
        except DatabaseBusy:
            for question in group:
                question.refuse(DatabaseBusy())
            return
        except Exception as error:
            if len(group) == 1:
                group[0].refuse(error)
                return
            # One of them is at fault and none was done: give each a transaction of its own.
            for question in group:
                await self._commit_group([question])
            return
        for question in group:
            question.answer(list(islice(outcomes, len(question.message))))

    async def _apply(self, changes: list[Change[Any]]) -> list[Any]:
        while True:
            try:
                outcomes = await self._store.apply(changes)
            except DatabaseBusy:
                if not await self._waiting.go_on():
                    raise
            else:
                self._waiting.over()
                return outcomes

    def _told(self) -> None:
        self._pulse.beat()
        self._tell()
