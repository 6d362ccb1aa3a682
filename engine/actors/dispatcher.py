"""Who works on what: feeds items with work to idle workers, in order, and one of a hash at a time.

Two items of one hash become one record, first row first, so the second is held back until the
first has ended. Small ones that follow each other can be handed out many at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import Enum
from typing import Protocol

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from engine.facts.work import BEFORE_FIRST, WorkItem

WINDOW = 64
"""How many items may be held back for others of their hash."""

AHEAD = 128
"""How many items are read ahead."""

TOGETHER = 128
"""How many small items one worker takes at once: they share their commits."""


Queue = Callable[[int, int], Awaitable[list[WorkItem]]]
"""(after, limit): items with work and a place greater than `after`, ascending, at most `limit`."""


Job = list[WorkItem]
"""Items that one worker takes at once: one, or several small ones."""


class Processes(Protocol):
    """Does what is to be done for an item."""

    async def process(self, item: WorkItem) -> None:
        """Finish the item's work, or fail the item; raises only what ends the run."""
        ...


class TakesTogether(Protocol):
    """Does what is to be done for many small items at once."""

    def takes(self, item: WorkItem) -> bool:
        """Whether an item is small."""
        ...

    async def process_all(self, items: list[WorkItem]) -> None:
        """Finish the work of items, or fail them; raises only what ends the run."""
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
        self._inbox_send: MemoryObjectSendStream[News | Job]
        self._inbox: MemoryObjectReceiveStream[News | Job]
        # Every worker can report, and be told to drain, without waiting for the intake's news.
        self._inbox_send, self._inbox = anyio.create_memory_object_stream(workers + 2)
        self._jobs: MemoryObjectSendStream[Job]
        self._jobs_receive: MemoryObjectReceiveStream[Job]
        self._jobs, self._jobs_receive = anyio.create_memory_object_stream(workers)
        self._jobs_in_hand = 0
        self._busy: set[str] = set()
        self._spare: WorkItem | None = None
        self._held: deque[WorkItem] = deque()
        self._ahead: deque[WorkItem] = deque()
        self._cursor = BEFORE_FIRST
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

    async def run(self, worker: Processes, together: TakesTogether | None = None) -> None:
        """Feed `workers` tasks that share one `worker` until there is nothing left to do.

        `together` is who does small items, many at once.
        """
        try:
            async with anyio.create_task_group() as tasks:
                for _ in range(self._workers):
                    tasks.start_soon(self._work, worker, together)
                await self._feed(together)
                self._jobs.close()
        finally:
            for stream in (self._jobs, self._jobs_receive, self._inbox_send, self._inbox):
                stream.close()

    async def _work(self, worker: Processes, together: TakesTogether | None) -> None:
        async for job in self._jobs_receive:
            if len(job) > 1 and together is not None:
                await together.process_all(job)
            else:
                await worker.process(job[0])
            await self._inbox_send.send(job)

    async def _feed(self, together: TakesTogether | None) -> None:
        while True:
            while self._jobs_in_hand < self._workers and not self._draining:
                job = await self._next_job(together)
                if not job:
                    break
                self._hand_out(job)
            if not self._jobs_in_hand and (self._draining or not self._intake_open):
                return
            self._take(await self._inbox.receive())

    async def _next_job(self, together: TakesTogether | None) -> Job:
        """The next item, or as many small ones as follow each other; empty where there is none."""
        job: Job = []
        while len(job) < TOGETHER:
            item, self._spare = self._spare or await self._next(), None
            if item is None:
                break
            small = together is not None and together.takes(item)
            if job and not small:
                self._spare = item
                break
            job.append(item)
            if not small:
                break
        return job

    async def _next(self) -> WorkItem | None:
        """The next item in order whose hash nobody has in hand, and from now on has."""
        held: set[str] = set()
        for item in self._held:
            if item.sha256 not in self._busy and item.sha256 not in held:
                self._held.remove(item)
                return self._claimed(item)
            held.add(item.sha256)
        while len(self._held) < WINDOW:
            if not self._ahead and not await self._read_ahead():
                return None
            item = self._ahead.popleft()
            if item.sha256 not in self._busy and item.sha256 not in held:
                return self._claimed(item)
            self._held.append(item)
            held.add(item.sha256)
        return None

    def _claimed(self, item: WorkItem) -> WorkItem:
        if item.sha256:
            self._busy.add(item.sha256)
        return item

    async def _read_ahead(self) -> bool:
        if self._exhausted:
            return False
        batch = await self._queue(self._cursor, AHEAD)
        if not batch:
            self._exhausted = True
            return False
        self._cursor = batch[-1].place
        self._ahead.extend(batch)
        return True

    def _hand_out(self, job: Job) -> None:
        self._jobs_in_hand += 1
        self._jobs.send_nowait(job)

    def _take(self, message: News | Job) -> None:
        if isinstance(message, list):
            self._jobs_in_hand -= 1
            self._busy.difference_update(item.sha256 for item in message)
        elif message is News.NO_MORE_WORK:
            self._intake_open = False
            self._exhausted = False
        elif message is News.MORE_WORK:
            self._exhausted = False
