"""Sessions of browsers: a random value stands for the token from the first page on, and ends.

A cookie goes to every port of its host, over plain HTTP and into backups of browsers. What it holds
here is of no use elsewhere, nor after its time, nor after the server's next start.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable

import msgspec

IDLE_SECONDS = 24 * 3600.0
"""A session that nobody used for so long has ended: a migration may run over night."""
LONGEST_SECONDS = 7 * 24 * 3600.0
"""… and one that is used ends after this."""
MOST = 256
"""So many sessions are kept; the one that was used last of all makes room."""


class _Times(msgspec.Struct):
    begun: float
    used: float


class Sessions:
    """The sessions of one server, in memory alone."""

    def __init__(self, cookie: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._cookie = cookie.encode()
        self._clock = clock
        self._times: dict[bytes, _Times] = {}

    @property
    def cookie(self) -> bytes:
        """The name of the cookie that holds a session's value."""
        return self._cookie

    def begin(self) -> bytes:
        """Begin a session; returns the cookie as a Set-Cookie field has it.

        Lax, so that a link to the page that somebody follows from elsewhere finds the session;
        the gate lets no other page ask for anything.
        """
        now = self._clock()
        for value in [value for value, times in self._times.items() if _is_over(times, now)]:
            del self._times[value]
        while len(self._times) >= MOST:
            del self._times[min(self._times, key=lambda value: self._times[value].used)]
        value = secrets.token_urlsafe(32).encode()
        self._times[value] = _Times(now, now)
        attributes = b"; Max-Age=%d; HttpOnly; SameSite=Lax; Path=/" % LONGEST_SECONDS
        return self._cookie + b"=" + value + attributes

    def knows(self, values: Iterable[bytes]) -> bool:
        """Whether one of the values is that of a session that goes on; it has been used then.

        Any of them will do: cookies are shared between ports, so a neighbour can add his own.
        """
        now = self._clock()
        for value in values:
            times = self._times.get(value)
            if times is None:
                continue
            if not _is_over(times, now):
                times.used = now
                return True
            del self._times[value]
        return False


def _is_over(times: _Times, now: float) -> bool:
    return now - times.used >= IDLE_SECONDS or now - times.begun >= LONGEST_SECONDS
