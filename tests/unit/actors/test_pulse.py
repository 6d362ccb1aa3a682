"""The pulse: wakes all, queues nothing."""

from __future__ import annotations

import anyio
import pytest

from engine.actors.pulse import Pulse
from tests.unit.turns import others_wait

pytestmark = pytest.mark.anyio


async def test_whoever_has_seen_nothing_is_told_at_once() -> None:
    with anyio.fail_after(5):
        assert await Pulse().after(-1) == 0


async def test_a_beat_that_was_missed_is_told_at_once() -> None:
    pulse = Pulse()
    pulse.beat()
    with anyio.fail_after(5):
        assert await pulse.after(0) == 1


async def test_whoever_has_seen_every_beat_waits() -> None:
    pulse = Pulse()
    pulse.beat()
    with anyio.move_on_after(0) as scope:
        await pulse.after(1)
    assert scope.cancelled_caught


async def test_beats_that_nobody_waited_for_collapse_into_one() -> None:
    pulse = Pulse()
    for _ in range(1_000):
        pulse.beat()
    with anyio.fail_after(5):
        assert await pulse.after(0) == pulse.count == 1_000


async def test_a_beat_wakes_everyone_who_waits() -> None:
    pulse, woken = Pulse(), list[int]()

    async def wait() -> None:
        woken.append(await pulse.after(0))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(wait)
            await others_wait()
            pulse.beat()
    assert woken == [1, 1, 1]


async def test_a_beat_wakes_nobody_who_waits_for_a_later_one() -> None:
    pulse, woken = Pulse(), list[int]()

    async def wait() -> None:
        woken.append(await pulse.after(1))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            for _ in range(2):
                await others_wait()
                assert woken == []
                pulse.beat()
    assert woken == [2]
