"""Who writes: the one actor that commits changes, in groups, and acknowledges after the commit."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import anyio

from engine.actors.mailbox import Mailbox, Question
from engine.actors.pulse import Pulse
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
    """Gathers changes that arrive together into one transaction of the store."""

    def __init__(self, store: Store, pulse: Pulse) -> None:
        self._store = store
        self._pulse = pulse
        self._mailbox: Mailbox[Change[Any]] = Mailbox(GROUP_SIZE)

    async def commit(self, change: Change[T]) -> T:
        """Commit a change with whatever else waits; returns its outcome when it is durable."""
        outcome: T = await self._mailbox.ask(change)
        return outcome

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
            outcomes = await self._store.apply([question.message for question in group])
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
