"""Bodies on their way: bounded in bytes and in seconds."""

from __future__ import annotations

import anyio

from adapters.http.asgi import Fields, Message, Receive, Send
from adapters.http.refusal import Refusal, too_large, too_slow


class Arrival:
    """A body on its way: bounded in bytes, and in the seconds that are spent waiting for it."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive = receive
        self._most = most
        self._seconds = seconds
        self._bytes = 0
        self._waited = 0.0
        self.ended = False

    async def next(self) -> Message | Refusal:
        """The next message; once the body ended, only that the client left."""
        if self.ended:
            return await _departure(self._receive)
        since = anyio.current_time()
        message: Message | None = None
        with anyio.move_on_after(self._seconds - self._waited):
            message = await self._receive()
        if message is None:
            return too_slow(self._seconds)
        self._waited += anyio.current_time() - since
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._most:
            return too_large(self._most)
        self.ended = not message.get("more_body", False)
        return message

    async def discard(self, most: int, seconds: float) -> None:
        """Take what else the client sends, but at most so much and for so long; keep none of it."""
        with anyio.move_on_after(seconds):
            while not self.ended and most > 0:
                message = await self._receive()
                most -= len(message.get("body", b""))
                self.ended = not message.get("more_body", False)


class Lingering:
    """Sends an answer, and closes nothing while the client still sends.

    An answer that did not wait for the body goes out whole; then what else arrives is taken, up to
    `most` bytes and `seconds`, and only then does the server learn that the answer has ended,
    because that is when servers close. `closing` are fields that say so beforehand.
    """

    def __init__(
        self, send: Send, arrival: Arrival, most: int, seconds: float, closing: Fields
    ) -> None:
        self._send = send
        self._arrival = arrival
        self._most = most
        self._seconds = seconds
        self._closing = closing

    async def __call__(self, message: Message) -> None:
        """Send one message of the answer."""
        if self._arrival.ended:
            await self._send(message)
        elif message["type"] == "http.response.start":
            await self._send({**message, "headers": [*message["headers"], *self._closing]})
        elif message.get("more_body", False):
            await self._send(message)
        else:
            await self._send({**message, "more_body": True})
            await self._arrival.discard(self._most, self._seconds)
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


class Replay:
    """Receives a body that is known, once; then waits until the client leaves.

    What else the client sends never reaches the application, so neither does a body that was not
    declared: with a GET, or over HTTP/2 without a length and a type.
    """

    def __init__(self, receive: Receive, body: bytes) -> None:
        self._receive = receive
        self._body: bytes | None = body

    async def __call__(self) -> Message:
        """The body, then word that the client left."""
        if self._body is None:
            return await _departure(self._receive)
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def _departure(receive: Receive) -> Message:
    while (message := await receive())["type"] == "http.request":
        pass
    return message
