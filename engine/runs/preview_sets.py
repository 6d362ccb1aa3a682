"""How preview sets come to lie on disk: numbered after all that are there, whoever wrote them.

What is about to be written is noted first, so that an interruption leaves nothing that cannot be
told from the pictures of others. Callers hold the lock of the model's hash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import anyio
from anyio import to_thread

from engine.actors.writer import Commits
from engine.facts.preview_sets import PlannedSet, SetsOnDisk, told_of_sets
from engine.facts.previews import image_digest
from engine.facts.source import Notice
from engine.ports.changes import ForgetPlans, PlanSets
from engine.runs.resources import WorkerResources

T = TypeVar("T")

Tiers = tuple[bytes, ...]
"""The files of one set, in the order of `engine.facts.previews.TIERS`."""


class PreviewSets:
    """The sets of one model while it is in hand; `count` is what its record counts."""

    def __init__(
        self, resources: WorkerResources, writer: Commits, sha256: str, count: int
    ) -> None:
        self._resources = resources
        self._writer = writer
        self._sha256 = sha256
        self._count = count
        self._next: int | None = None
        self.counted: int | None = None
        """What the record should count now; None where nothing was written."""
        self.notices: list[Notice] = []
        """What others have changed, once something was written."""

    async def add(self, sets: Sequence[Tiers]) -> int:
        """Put sets on disk, durably; returns the number of the last."""
        left = list(sets)
        while left:
            planned = await self._finished(self._plan, left)
            await self._writer.commit(PlanSets(planned))
            last = await self._finished(self._write, planned[0].seq, left)
        return last

    def _plan(self, sets: Sequence[Tiers]) -> list[PlannedSet]:
        """In a thread: number sets on from those that are there."""
        if self._next is None:
            found = self._look(self._count)
            self.notices += told_of_sets(self._count, found)
            self._next = found.free
        return [
            PlannedSet(self._sha256, seq, tuple(image_digest(tier) for tier in tiers))
            for seq, tiers in enumerate(sets, start=self._next)
        ]

    async def are_none(self) -> bool:
        """Whether nothing of any set is there. Otherwise what is there is counted, as if something
        had been written."""
        return await self._finished(self._are_none)

    def _are_none(self) -> bool:
        """In a thread."""
        found = self._look(self._count)
        if found.free == 0:
            return True
        self._plan([])
        self.counted = found.count
        return False

    def _write(self, first: int, left: list[Tiers]) -> int:
        """In a thread: write what is `left`, up to a number that somebody has taken meanwhile, and
        take it off; returns the number of the last."""
        written = self._resources.library.write_sets(self._sha256, first, left)
        del left[:written]
        after = first + written
        self._next = self._look(after + 1).free if left else after
        self.counted = self._look(self._next).count
        return after - 1

    def _look(self, count: int) -> SetsOnDisk:
        return self._resources.library.preview_sets(self._sha256, count)

    async def _finished(self, function: Callable[..., T], *arguments: object) -> T:
        # What is in hand is finished: cancelling between files gains nothing.
        with anyio.CancelScope(shield=True):
            result = await to_thread.run_sync(function, *arguments, limiter=self._resources.io)
        return result


async def clear_away(
    resources: WorkerResources, writer: Commits, plans: Sequence[PlannedSet]
) -> None:
    """Remove what interrupted writing has left of these sets. Raises `StorageFailed`.

    A commit has succeeded since the last that was refused: see `ConfirmRemoval`.
    """
    if not plans:
        return
    with anyio.CancelScope(shield=True):
        for planned in plans:
            await to_thread.run_sync(resources.library.discard_set, planned, limiter=resources.io)
        await writer.commit(ForgetPlans(list(plans)))
