"""Who writes: the one actor that commits changes, in groups, and acknowledges after the commit."""

from __future__ import annotations

from collections.abc import Callable
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
"""How many changes one commit takes at most; more wait in their callers."""


class Commits(Protocol):
    """Takes changes, in order, and tells their outcomes once they are durable."""

    async def commit(self, change: Change[T]) -> T:
        """Commit a change and wait for its outcome. Raises what the store raised for it."""
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
        self._mailbox: Mailbox[Change[Any]] = Mailbox(GROUP_SIZE)

    async def commit(self, change: Change[T]) -> T:
        """Commit a change with whatever else waits; returns its outcome when it is durable."""
        outcome: T = await self._mailbox.ask(change)
        return outcome

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

    async def _commit_group(self, group: list[Question[Change[Any]]]) -> None:
        try:
            outcomes = await self._apply([question.message for question in group])
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
        for question, outcome in zip(group, outcomes, strict=True):
            question.answer(outcome)

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
