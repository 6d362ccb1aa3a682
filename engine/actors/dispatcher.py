"""Who works on what: feeds items with work to idle workers, in order, and one of a hash at a time.

Two items of one hash become one record, first row first, so the second is held back until the
first has ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import Enum
from typing import Protocol

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from engine.facts.work import BEFORE_FIRST_KEY, WorkItem

WINDOW = 64
"""How many items are read ahead, and how many may be held back for others of their hash."""


Queue = Callable[[int, int], Awaitable[list[WorkItem]]]
"""(after, limit): items with work and a key greater than `after`, ascending, at most `limit`."""


class Processes(Protocol):
    """Does what is to be done for an item."""

    async def process(self, item: WorkItem) -> None:
        """Finish the item's work, or fail the item; raises only what ends the run."""
        ...


class News(Enum):
    """What the intake tells the dispatcher."""

    MORE_WORK = "more work"
    NO_MORE_WORK = "no more work"
    DRAIN = "drain"


class Dispatcher:
    """Feeds the workers of one run until the intake has ended and no work is left."""

    def __init__(self, queue: Queue, workers: int) -> None:
        self._queue = queue
        self._workers = workers
        self._inbox_send: MemoryObjectSendStream[News | WorkItem]
        self._inbox: MemoryObjectReceiveStream[News | WorkItem]
        # Every worker can report, and be told to drain, without waiting for the intake's news.
        self._inbox_send, self._inbox = anyio.create_memory_object_stream(workers + 2)
        self._jobs: MemoryObjectSendStream[WorkItem]
        self._jobs_receive: MemoryObjectReceiveStream[WorkItem]
        self._jobs, self._jobs_receive = anyio.create_memory_object_stream(workers)
        self._in_hand: dict[int, WorkItem] = {}
        self._held: deque[WorkItem] = deque()
        self._ahead: deque[WorkItem] = deque()
        self._cursor = BEFORE_FIRST_KEY
        self._exhausted = False
        self._intake_open = True
        self._draining = False

    async def tell(self, news: News) -> None:
        """Tell that rows with work were recorded, or that no more will come."""
        if self._intake_open and not self._draining:
            await self._inbox_send.send(news)

    async def drain(self) -> None:
        """Hand out nothing more; what is in hand is finished."""
        if not self._draining:
            self._draining = True
            with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
                await self._inbox_send.send(News.DRAIN)

    async def run(self, worker: Processes) -> None:
        """Feed `workers` tasks that share one `worker` until there is nothing left to do."""
        try:
            async with anyio.create_task_group() as tasks:
                for _ in range(self._workers):
                    tasks.start_soon(self._work, worker)
                await self._feed()
                self._jobs.close()
        finally:
            for stream in (self._jobs, self._jobs_receive, self._inbox_send, self._inbox):
                stream.close()

    async def _work(self, worker: Processes) -> None:
        async for item in self._jobs_receive:
            await worker.process(item)
            await self._inbox_send.send(item)

    async def _feed(self) -> None:
        while True:
            while len(self._in_hand) < self._workers and not self._draining:
                item = await self._next()
                if item is None:
                    break
                self._hand_out(item)
            if not self._in_hand and (self._draining or not self._intake_open):
                return
            self._take(await self._inbox.receive())

    async def _next(self) -> WorkItem | None:
        """The next item in order whose hash nobody has in hand."""
        busy = {item.sha256 for item in self._in_hand.values() if item.sha256}
        for item in self._held:
            if item.sha256 not in busy:
                self._held.remove(item)
                return item
            busy.add(item.sha256)
        while len(self._held) < WINDOW:
            if not self._ahead and not await self._read_ahead():
                return None
            item = self._ahead.popleft()
            if item.sha256 not in busy:
                return item
            self._held.append(item)
        return None

    async def _read_ahead(self) -> bool:
        if self._exhausted:
            return False
        batch = await self._queue(self._cursor, WINDOW)
        if not batch:
            self._exhausted = True
            return False
        self._cursor = batch[-1].key
        self._ahead.extend(batch)
        return True

    def _hand_out(self, item: WorkItem) -> None:
        self._in_hand[item.id] = item
        self._jobs.send_nowait(item)

    def _take(self, message: News | WorkItem) -> None:
        if isinstance(message, WorkItem):
            del self._in_hand[message.id]
        elif message is News.NO_MORE_WORK:
            self._intake_open = False
            self._exhausted = False
        elif message is News.MORE_WORK:
            self._exhausted = False
