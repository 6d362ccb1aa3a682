"""The way in to an actor: bounded, answered once each, closed without losing anything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import anyio
import pytest
from anyio.abc import TaskGroup

from engine.actors.mailbox import Mailbox
from tests.unit.turns import others_wait

pytestmark = pytest.mark.anyio

SIZE = 2


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox[str]]:
    box: Mailbox[str] = Mailbox(SIZE)
    yield box
    box.close()
    with suppress(anyio.ClosedResourceError):
        async for _ in box:
            pass


async def echo(mailbox: Mailbox[str]) -> None:
    """An actor that answers with what it was told, and refuses what it does not like."""
    async for question in mailbox:
        if question.message == "bad":
            question.refuse(ValueError(question.message))
        else:
            question.answer(question.message.upper())


async def queue(tasks: TaskGroup, mailbox: Mailbox[str], messages: str) -> None:
    """Ask each letter in a task of its own, in order."""
    for message in messages:
        tasks.start_soon(mailbox.ask, message)
        await others_wait()


class Askers:
    """Tasks that ask, and what they were answered."""

    def __init__(self, mailbox: Mailbox[str]) -> None:
        self._mailbox = mailbox
        self.answers: dict[str, str] = {}

    async def ask(self, message: str) -> None:
        self.answers[message] = await self._mailbox.ask(message)


async def test_every_asker_gets_the_answer_to_its_own_question(mailbox: Mailbox[str]) -> None:
    askers = Askers(mailbox)
    async with anyio.create_task_group() as actor:
        actor.start_soon(echo, mailbox)
        async with anyio.create_task_group() as tasks:
            for message in "abcdefgh":
                tasks.start_soon(askers.ask, message)
        mailbox.close()
    assert askers.answers == {message: message.upper() for message in "abcdefgh"}


async def test_a_refusal_is_raised_where_it_was_asked(mailbox: Mailbox[str]) -> None:
    async with anyio.create_task_group() as actor:
        actor.start_soon(echo, mailbox)
        with pytest.raises(ValueError, match="bad"):
            await mailbox.ask("bad")
        mailbox.close()


async def test_a_refusal_does_not_end_the_actor(mailbox: Mailbox[str]) -> None:
    async with anyio.create_task_group() as actor:
        actor.start_soon(echo, mailbox)
        with pytest.raises(ValueError, match="bad"):
            await mailbox.ask("bad")
        assert await mailbox.ask("good") == "GOOD"
        mailbox.close()


async def test_no_more_questions_are_queued_than_the_mailbox_holds(mailbox: Mailbox[str]) -> None:
    async with anyio.create_task_group() as tasks:
        await queue(tasks, mailbox, "abcd")
        queued = mailbox.waiting(10)
        # Each one taken lets one more in: two were queued, and two waited outside.
        assert [question.message for question in queued] == ["a", "b", "c", "d"]
        tasks.cancel_scope.cancel()


async def test_an_asker_waits_outside_a_full_mailbox(mailbox: Mailbox[str]) -> None:
    async with anyio.create_task_group() as tasks:
        await queue(tasks, mailbox, "ab")
        with anyio.move_on_after(0):
            await mailbox.ask("outside")
        assert [question.message for question in mailbox.waiting(10)] == ["a", "b"]
        tasks.cancel_scope.cancel()


async def test_what_waits_is_taken_up_to_a_limit(mailbox: Mailbox[str]) -> None:
    async with anyio.create_task_group() as tasks:
        await queue(tasks, mailbox, "ab")
        assert [question.message for question in mailbox.waiting(1)] == ["a"]
        tasks.cancel_scope.cancel()


async def test_nothing_waits_in_an_empty_mailbox(mailbox: Mailbox[str]) -> None:
    assert mailbox.waiting(10) == []


async def test_what_was_queued_before_closing_is_still_answered(mailbox: Mailbox[str]) -> None:
    askers = Askers(mailbox)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for message in "ab":
                tasks.start_soon(askers.ask, message)
            await others_wait()
            mailbox.close()
            await echo(mailbox)
    assert askers.answers == {"a": "A", "b": "B"}


async def test_a_closed_mailbox_takes_no_question(mailbox: Mailbox[str]) -> None:
    mailbox.close()
    with pytest.raises(anyio.ClosedResourceError):
        await mailbox.ask("late")


async def test_the_actor_ends_when_its_mailbox_is_closed_and_empty(mailbox: Mailbox[str]) -> None:
    mailbox.close()
    with anyio.fail_after(5):
        await echo(mailbox)
