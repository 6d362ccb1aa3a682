"""Guesses at the token: each client may make a few, then one now and then."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable

import msgspec

from adapters.http.clients import subscriber

FREE = 5
"""So many wrong ones are taken without a pause: a person mistypes."""
LONGEST_PAUSE = 60.0
"""Seconds between two guesses of one client, at last."""
MEMORY_SECONDS = 900.0
"""A client that made no guess for so long begins anew."""
MOST = 1024
"""So many clients are told apart; all others are taken for one until some are forgotten."""

log = logging.getLogger("reshelve.http")


class _Record(msgspec.Struct):
    wrong: int = 0
    last: float = 0.0

    @property
    def pause(self) -> float:
        """Seconds after the last guess in which no other is taken: twice as many each time."""
        return 0.0 if self.wrong < FREE else min(2.0 ** min(self.wrong - FREE, 16), LONGEST_PAUSE)


class Guesses:
    """Who guessed how often; memory is bounded whoever comes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._records: dict[Hashable, _Record] = {}
        self._others = _Record()

    def pause(self, host: str | None) -> float:
        """Seconds for which nothing is taken from this client, right or wrong; 0 for none.

        Were a right one taken, waiting would be no hindrance to whoever goes through them all.
        """
        record = self._record(subscriber(host))
        return max(0.0, record.last + record.pause - self._clock())

    def note_wrong(self, host: str | None) -> None:
        """A wrong one came; it is told of in the log."""
        now, client = self._clock(), subscriber(host)
        record = self._record(client)
        if now - record.last >= MEMORY_SECONDS:
            record.wrong = 0
        record.wrong, record.last = record.wrong + 1, now
        if record is not self._others:
            self._records[client] = record
        log.warning(
            "A wrong token came from %s, number %d; the next is looked at in %g s.",
            *(host or "an unknown address", record.wrong, record.pause),
        )

    def _record(self, client: Hashable) -> _Record:
        known = self._records.get(client)
        if known is not None:
            return known
        if len(self._records) >= MOST:
            self._forget()
        return self._others if len(self._records) >= MOST else _Record()

    def _forget(self) -> None:
        since = self._clock() - MEMORY_SECONDS
        for client in [client for client, it in self._records.items() if it.last <= since]:
            del self._records[client]
