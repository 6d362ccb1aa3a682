"""Stage 2: how models that wait become active, in the order they were given.

A window of models is hashed, many at once; then each in order settles its conflict, makes its
previews and becomes active. Two models of one content meet in the dispatcher, which knows their
hashes by then and lets the first end before the second begins.
"""

from __future__ import annotations

from functools import partial

from anyio import CapacityLimiter

from engine.actors.dispatcher import Dispatcher, News, Processes, TakesTogether
from engine.actors.writer import Commits
from engine.facts.work import BEFORE_FIRST, Run, Work, WorkItem
from engine.ports.files import LibraryFiles
from engine.ports.journal import Reader
from engine.ports.queries import EnlistedItems, PromotionWindow
from engine.runs.originals import remove_unused_originals

WINDOW_PLACES = 512
"""How many models are hashed before the first of them is promoted."""


class PromotionRun:
    """One run of stage 2."""

    def __init__(
        self,
        run: Run,
        *,
        reader: Reader,
        writer: Commits,
        worker: Processes,
        together: TakesTogether,
        library: LibraryFiles,
        io: CapacityLimiter,
        tasks: int,
    ) -> None:
        self._run = run
        self._reader = reader
        self._writer = writer
        self._worker = worker
        self._together = together
        self._library = library
        self._io = io
        self._tasks = tasks
        self._dispatcher: Dispatcher | None = None
        self._draining = False

    async def execute(self) -> None:
        """Run to the end, or until `drain`."""
        until = BEFORE_FIRST
        while (first := await self._first_place(until)) is not None:
            until = first + WINDOW_PLACES - 1
            for work in (Work.HASH, Work.PROMOTION):
                if self._draining:
                    return
                await self._dispatch(work, until)
        await remove_unused_originals(self._reader, self._writer, self._library, self._io)

    async def drain(self) -> None:
        """Begin nothing more; finish what is in hand."""
        self._draining = True
        if self._dispatcher is not None:
            await self._dispatcher.drain()

    async def _first_place(self, after: int) -> int | None:
        """Where there is work left, behind a place or, once none is there, from the start: a model
        that was tried again meanwhile lies before it."""
        found = await self._reader.ask(PromotionWindow(self._run.id, after))
        if found is None and after != BEFORE_FIRST:
            found = await self._reader.ask(PromotionWindow(self._run.id, BEFORE_FIRST))
        return found

    async def _dispatch(self, work: Work, until: int) -> None:
        queue = partial(self._queue, work, until)
        self._dispatcher = Dispatcher(queue, self._tasks)
        await self._dispatcher.tell(News.NO_MORE_WORK)
        await self._dispatcher.run(self._worker, self._together)

    async def _queue(self, work: Work, until: int, after: int, limit: int) -> list[WorkItem]:
        return await self._reader.ask(EnlistedItems(self._run.id, work, after, until, limit))
