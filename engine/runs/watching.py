"""How the runs of this process are watched: where the last one stands, and when that changes."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import suppress

import anyio
import msgspec

from engine.actors.pulse import Pulse
from engine.actors.supervisor import Supervisor
from engine.actors.writer import Writer
from engine.errors import DatabaseBusy
from engine.facts.progress import TimeLeft, with_bytes_under_way
from engine.facts.status import RunState, RunStatus, in_state
from engine.ports.changes import CatchUp
from engine.ports.clock import Clock
from engine.ports.journal import Store
from engine.ports.queries import StatusOf
from engine.runs.resources import HashMeter

HASHING_INTERVAL = 0.5
"""How often to look whether bytes were hashed: while a large file is read, nothing is committed."""

EVENT_INTERVAL = 0.1
"""Seconds between two events at the least."""

LOOK_INTERVAL = 1.0
"""Seconds between two looks at what other programs wrote, while a run is under way."""

READ_SECONDS = 2.0
"""How long a status waits for a database that cannot be read; then it is the last one known."""


class Watch:
    """Tells where runs stand, and of every change; the newest only."""

    def __init__(
        self,
        *,
        store: Store,
        writer: Writer,
        pulse: Pulse,
        supervisor: Supervisor,
        meter: HashMeter,
        clock: Clock,
    ) -> None:
        self._store = store
        self._writer = writer
        self._pulse = pulse
        self._supervisor = supervisor
        self._meter = meter
        self._left = TimeLeft(anyio.current_time)
        self._epoch = clock.now()
        self._looked = -math.inf
        self._told: tuple[int, RunStatus] | None = None
        self._closing = False

    def close(self) -> None:
        """End the streams of events."""
        self._closing = True
        self._pulse.beat()

    async def status(self, run_id: int | None = None) -> RunStatus:
        """The status of a run, the last one by default. Raises `UnknownRun`, `DatabaseBusy`."""
        await self.catch_up()
        status = await (self._committed() if run_id is None else self._read(run_id))
        if status.run is None or status.run.status is not RunState.RUNNING:
            return status
        ended = self._supervisor.unnoted_end(status.run.id)
        status = in_state(status, ended, waiting=self._writer.is_waiting)
        if ended is not None:
            return status
        status = with_bytes_under_way(status, self._meter.under_way)
        return msgspec.structs.replace(status, eta_seconds=self._left.estimate(status))

    async def catch_up(self) -> None:
        """Have the journal know what other programs did to the library, before it is told of.

        While a run is under way its commits see to that; they are looked after now and then.
        """
        if self._writer.is_waiting:
            return
        if self._supervisor.is_active():
            if anyio.current_time() < self._looked + LOOK_INTERVAL:
                return
            self._looked = anyio.current_time()
        with suppress(DatabaseBusy), anyio.move_on_after(READ_SECONDS):
            if await self._store.is_behind():
                await self._writer.commit(CatchUp())

    async def next_event(self, after: int = 0) -> tuple[int, RunStatus] | None:
        """(number, status) as soon as there is one newer than `after`; the newest only.

        None when the service stops.

        Numbers rise, over restarts too: they count on from the time of the start in
        milliseconds. Whoever asks slowly misses the ones between, and costs nothing.
        """
        seen = after - self._epoch if after >= self._epoch else -1
        count = await self._beat(min(seen, self._pulse.count))
        if self._closing:
            return None
        return self._epoch + count, await self.status()

    async def events(self, after: int = 0) -> AsyncIterator[tuple[int, RunStatus]]:
        """`next_event`, again and again, at most one in `EVENT_INTERVAL`."""
        while (event := await self.next_event(after)) is not None:
            yield event
            after = event[0]
            await anyio.sleep(EVENT_INTERVAL)

    async def _beat(self, seen: int) -> int:
        """The next beat of the pulse; bytes that were hashed meanwhile are one as well."""
        hashed = self._meter.under_way
        while True:
            with anyio.move_on_after(HASHING_INTERVAL):
                return await self._pulse.after(seen)
            if self._meter.under_way != hashed:
                self._pulse.beat()

    async def _committed(self) -> RunStatus:
        """The last run as of the last commit, read once for all who ask before the next one."""
        if self._told is None or self._told[0] != self._pulse.count:
            count = self._pulse.count
            try:
                self._told = (count, await self._read(None))
            except DatabaseBusy:
                if self._told is None:
                    raise
        return self._told[1]

    async def _read(self, run_id: int | None) -> RunStatus:
        with anyio.move_on_after(READ_SECONDS):
            return await self._store.ask(StatusOf(run_id))
        raise DatabaseBusy
