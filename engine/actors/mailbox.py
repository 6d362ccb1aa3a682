"""How actors are asked: a bounded queue of questions, each answered once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

M = TypeVar("M")


class Question(Generic[M]):
    """A message on its way to an actor, and the place for its answer."""

    def __init__(self, message: M) -> None:
        self.message = message
        self._answered = anyio.Event()
        self._answer: Any = None
        self._error: Exception | None = None

    def answer(self, value: Any) -> None:
        """Answer; the asker goes on."""
        self._answer = value
        self._answered.set()

    def refuse(self, error: Exception) -> None:
        """Answer with an error, which the asker raises."""
        self._error = error
        self._answered.set()

    async def reply(self) -> Any:
        """Wait for the answer."""
        await self._answered.wait()
        if self._error is not None:
            raise self._error
        return self._answer


def waiting(stream: MemoryObjectReceiveStream[M], limit: int) -> Iterator[M]:
    """What was sent and can be taken at once, at most `limit`."""
    for _ in range(limit):
        try:
            yield stream.receive_nowait()
        except (anyio.WouldBlock, anyio.EndOfStream):
            return


class Mailbox(Generic[M]):
    """The one way in to an actor; askers wait while `size` questions are queued."""

    def __init__(self, size: int) -> None:
        self._send: MemoryObjectSendStream[Question[M]]
        self._receive: MemoryObjectReceiveStream[Question[M]]
        self._send, self._receive = anyio.create_memory_object_stream(size)

    async def ask(self, message: M) -> Any:
        """Hand over a message and wait for its answer, or raise the actor's refusal."""
        question = Question(message)
        await self._send.send(question)
        return await question.reply()

    def __aiter__(self) -> Mailbox[M]:
        return self

    async def __anext__(self) -> Question[M]:
        try:
            return await self._receive.receive()
        except anyio.EndOfStream:
            self._receive.close()
            raise StopAsyncIteration from None

    def waiting(self, limit: int) -> list[Question[M]]:
        """Questions that are queued already, at most `limit`."""
        return list(waiting(self._receive, limit))

    def close(self) -> None:
        """Take no more questions; those queued are still delivered."""
        self._send.close()
