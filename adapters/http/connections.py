"""Connections of HTTP/1.1: how long a client may take over each step, and how many it may hold.

uvicorn counts seconds between two requests only, and begins anew with every byte that arrives. A
connection here has a fixed time for each request head, whether nothing arrives of it or a byte now
and then, and for taking what it was sent; bodies have theirs in `adapters.http.bodies`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, cast

import h11
import msgspec
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

from adapters.http.clients import subscriber
from adapters.http.refusal import BUSY, CRUMBS, MALFORMED, Refusal, too_slow_head

try:
    from resource import RLIMIT_NOFILE, getrlimit
except ImportError:  # on Windows, where descriptors are not so few
    DESCRIPTORS = 2048
else:
    DESCRIPTORS = getrlimit(RLIMIT_NOFILE)[0]

HEAD_BYTES = 65_536
"""How long the head of a request may be, and the line of a chunk."""

REFUSED = 64
"""How many connections that are told to come back may still be open; more are cut off."""


class Limits(msgspec.Struct, frozen=True):
    """What one server and one client may have."""

    head_seconds: float = 15
    """From the beginning of a connection, or the end of an answer, to the end of the next head."""
    write_seconds: float = 60
    """How long a client may take nothing of what it is sent."""
    farewell_seconds: float = 2
    """How long a connection that was given up may still send, so that it can read why."""
    connections: int = max(64, min(1024, DESCRIPTORS // 2))
    """Of all clients; the other half of the descriptors is for files."""
    share: int = max(32, min(512, DESCRIPTORS // 4))
    """Of one client address."""


LIMITS = Limits()


class Chunks:
    """The chunks of one body: taking one costs as much as taking thousands of bytes."""

    FREE = 1000
    """So many may be of any size; a program that writes a document piece by piece makes some."""
    BYTES = 128
    """How large the others must be on average."""

    def __init__(self) -> None:
        self._left = self.FREE * self.BYTES

    @property
    def crumbled(self) -> bool:
        """Whether there were too many small ones."""
        return self._left < 0

    def take(self, event: h11.Data) -> None:
        """Note a part of the body."""
        self._left += len(event.data) - (self.BYTES if event.chunk_end else 0)


class _Connection(h11.Connection):
    """As h11's, but a body in crumbs is no HTTP here."""

    chunks = Chunks()

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """The next event. Raises `h11.RemoteProtocolError`."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            self.chunks = Chunks()
        elif isinstance(event, h11.Data):
            self.chunks.take(event)
            if self.chunks.crumbled:
                raise h11.RemoteProtocolError(CRUMBS.error)
        return event


class PatientProtocol(H11Protocol):
    """HTTP/1.1 with limits: whoever is refused for them reads so in JSON.

    Who comes when a client's share is used up takes the place of the connection that has waited
    longest for a request, or for the rest of one: such connections are cheap to open, and must not
    keep those out that ask for something. Answers under way are not ended for others.
    """

    limits = LIMITS

    def __init__(self, config: Config, *arguments: Any, **options: Any) -> None:
        super().__init__(config, *arguments, **options)
        self.conn: _Connection = _Connection(
            h11.SERVER, config.h11_max_incomplete_event_size or HEAD_BYTES
        )

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._given_up = False
        self._owner = subscriber(self.client[0] if self.client else None)
        self._wait_for_head()
        if not self._finds_place():
            self._give_up(BUSY)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        for timer in self._timers.values():
            timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what arrived, unless nobody listens any more."""
        if not self._given_up:
            super().data_received(data)

    def handle_events(self) -> None:
        """A head that is whole is waited for no longer."""
        super().handle_events()
        if self._is_asked:
            self._stop("head")

    def on_response_complete(self) -> None:
        """Wait for the next request from now on, which may have arrived already."""
        self._wait_for_head()
        super().on_response_complete()
        if self.transport.is_closing():
            self._start("write", self.limits.write_seconds, self.transport.abort)

    def pause_writing(self) -> None:
        """The client does not take what it is sent."""
        super().pause_writing()
        self._start("write", self.limits.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It goes on taking."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._stop("write")

    def send_400_response(self, msg: str) -> None:
        """What arrived is no HTTP: `msg` is uvicorn's sentence for its log."""
        self._give_up(CRUMBS if self.conn.chunks.crumbled else MALFORMED)

    def shutdown(self) -> None:
        """The server stops."""
        if self._given_up:
            self.transport.abort()
        else:
            super().shutdown()

    @property
    def _is_asked(self) -> bool:
        """Whether a request is being taken or answered."""
        # uvicorn has no cycle before the first request, though its types do not say so.
        return bool(self.cycle) and not self.cycle.response_complete

    @property
    def _is_waiting(self) -> bool:
        """Whether it waits for the client: for a request, or for the rest of one."""
        return not self._is_asked or (self.cycle.more_body and not self.cycle.response_started)

    def _wait_for_head(self) -> None:
        self._since = self.loop.time()
        self._start("head", self.limits.head_seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        if not self.transport.is_closing():
            begun, _ = self.conn.trailing_data
            self._give_up(too_slow_head(self.limits.head_seconds) if begun else None)

    def _finds_place(self) -> bool:
        """Whether there is room for this connection, by its share and by all there are."""
        others = [each for each in _patient(self.connections) if each is not self]
        places = [each for each in others if not each._given_up]
        own = [each for each in places if each._owner == self._owner]
        if len(own) >= self.limits.share:
            crowd = own
        elif len(places) >= self.limits.connections:
            crowd = places
        else:
            return True
        waiting = [each for each in crowd if each._is_waiting]
        if not waiting:
            return False
        min(waiting, key=lambda each: (each._is_asked, each._since))._give_up(None)
        return True

    def _give_up(self, refusal: Refusal | None) -> None:
        """Say why, listen a little so that it is not lost on its way, and close.

        A connection closed while its client sends takes what was said with it.
        """
        self._given_up = True
        self._unset_keepalive_if_required()
        self._stop("head")
        started = self._is_asked and self.cycle.response_started
        if self._is_asked:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        crowd = sum(each._given_up for each in _patient(self.connections))
        if started or refusal is None or crowd > REFUSED or not self.transport.can_write_eof():
            self.transport.abort()
            return
        self.transport.write(_spoken(refusal))
        self.transport.write_eof()
        self.flow.resume_reading()
        self._start("write", self.limits.farewell_seconds, self.transport.abort)

    def _start(self, name: str, seconds: float, then: Callable[[], None]) -> None:
        self._stop(name)
        self._timers[name] = self.loop.call_later(seconds, then)

    def _stop(self, name: str) -> None:
        if timer := self._timers.pop(name, None):
            timer.cancel()


def _patient(connections: Iterable[object]) -> list[PatientProtocol]:
    return cast(list[PatientProtocol], list(connections))


def _spoken(refusal: Refusal) -> bytes:
    """A whole answer, where there is no request to answer by way of the application."""
    phrase = HTTPStatus(refusal.status).phrase.encode()
    fields = [*refusal.headers, (b"x-content-type-options", b"nosniff"), (b"connection", b"close")]
    head = [b"HTTP/1.1 %d %s" % (refusal.status, phrase), *(b"%s: %s" % field for field in fields)]
    return b"\r\n".join([*head, b"", refusal.body])
