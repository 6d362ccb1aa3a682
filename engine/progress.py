"""How long a run will take: the time left, from what this process has seen it do."""

from __future__ import annotations

from collections.abc import Callable

from engine.status import RunStatus, settled


class TimeLeft:
    """Estimates from the pace since the first look; no estimate before there is a pace."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._start: tuple[float, int] | None = None

    def estimate(self, status: RunStatus) -> float | None:
        """Seconds until every expected item is settled, or None."""
        now, done = self._seconds(), settled(status)
        if self._start is None:
            self._start = (now, done)
            return None
        began, before = self._start
        left = max(status.expected, status.counts.total) - done
        if done <= before or now <= began:
            return None
        return round((now - began) / (done - before) * left, 1)
