"""Sessions of browsers end by themselves, and are bounded in number."""

from __future__ import annotations

import pytest

from adapters.http.sessions import IDLE_SECONDS, LONGEST_SECONDS, MOST, Sessions


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions("shelf_8189", clock)


def begun(sessions: Sessions) -> bytes:
    name, _, value = sessions.begin().partition(b";")[0].partition(b"=")
    assert name == b"shelf_8189"
    return value


def test_a_session_that_was_begun_is_known_and_no_other(sessions: Sessions) -> None:
    value = begun(sessions)
    assert sessions.knows([value])
    assert sessions.knows([b"planted", value])
    for others in ([], [b""], [value[:-1]], [value + b"x"], [value.lower() + value]):
        assert not sessions.knows(others)


def test_each_session_has_a_value_of_its_own(sessions: Sessions) -> None:
    assert len({begun(sessions) for _ in range(100)}) == 100


def test_a_session_that_nobody_uses_ends(sessions: Sessions, clock: Clock) -> None:
    value = begun(sessions)
    clock.now += IDLE_SECONDS
    assert not sessions.knows([value])


def test_a_session_that_is_used_goes_on_and_ends_all_the_same(
    sessions: Sessions, clock: Clock
) -> None:
    value, ends = begun(sessions), clock.now + LONGEST_SECONDS
    while clock.now + IDLE_SECONDS / 2 < ends:
        assert sessions.knows([value])
        clock.now += IDLE_SECONDS / 2
    clock.now = ends
    assert not sessions.knows([value])


def test_a_session_that_has_ended_does_not_come_back(sessions: Sessions, clock: Clock) -> None:
    value = begun(sessions)
    clock.now += IDLE_SECONDS
    assert not sessions.knows([value])
    clock.now -= IDLE_SECONDS
    assert not sessions.knows([value])


def test_of_too_many_sessions_the_one_used_longest_ago_makes_room(
    sessions: Sessions, clock: Clock
) -> None:
    first, second = begun(sessions), begun(sessions)
    clock.now += 1
    assert sessions.knows([first])
    others = [begun(sessions) for _ in range(MOST - 1)]
    assert [sessions.knows([value]) for value in (first, second)] == [True, False]
    assert all(sessions.knows([value]) for value in others)
