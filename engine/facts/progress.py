"""How far a run is and how long it will take: its work weighed by what each part of it costs."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from engine.facts.status import ByteCounts, RunStatus, settled, whole

ITEM_SECONDS = 0.001
IMAGE_SECONDS = 0.06
BYTE_SECONDS = 1.5e-9
"""What an item, its previews and its hash take of one processor, measured on two shared cores.
Only their ratios matter: they say how much a file of 10 GB weighs beside a hundred pictures."""


class Effort(msgspec.Struct, frozen=True):
    """What a run has cost and will have cost, in seconds of one processor."""

    done: float
    total: float


def effort(status: RunStatus) -> Effort:
    """The work of a run; of rows that are not read yet, as many images as of those that are."""
    items, images, hashed = whole(status), status.images, status.bytes_hashed
    ended = images.done + images.failed
    unread = items / status.counts.total if status.counts.total else 1
    done = settled(status) * ITEM_SECONDS + ended * IMAGE_SECONDS + hashed.done * BYTE_SECONDS
    total = (
        items * ITEM_SECONDS
        + max(images.total, ended) * unread * IMAGE_SECONDS
        + hashed.total * BYTE_SECONDS
    )
    return Effort(done, total)


def share(status: RunStatus) -> float:
    """How much of the work is done, from 0 to 1: 1 when nothing is left, and only then."""
    if status.source_read and status.work == 0:
        return 1.0
    found = effort(status)
    return round(min(found.done / found.total, 0.999), 4) if found.total else 0.0


def with_bytes_under_way(status: RunStatus, under_way: int) -> RunStatus:
    """The status with bytes that were hashed of files whose hash is not known yet."""
    hashed = status.bytes_hashed
    done = min(hashed.done + under_way, hashed.total)
    status = msgspec.structs.replace(status, bytes_hashed=ByteCounts(done, hashed.total))
    return msgspec.structs.replace(status, share=share(status))


class TimeLeft:
    """Estimates from the pace since the first look at a run; none before there is a pace."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._start: tuple[int | None, float, float] | None = None

    def estimate(self, status: RunStatus) -> float | None:
        """Seconds until all work is done, or None."""
        now, found = self._seconds(), effort(status)
        run_id = None if status.run is None else status.run.id
        if self._start is None or self._start[0] != run_id:
            # One run goes on at a time, and a service may live through any number of them.
            self._start = (run_id, now, found.done)
            return None
        _, began, before = self._start
        if found.done <= before or now <= began:
            return None
        pace = (found.done - before) / (now - began)
        return round((found.total - found.done) / pace, 1)
