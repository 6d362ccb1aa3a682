"""Whoever guesses at the token waits longer and longer; memory is bounded whoever comes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from adapters.http.guesses import FREE, LONGEST_PAUSE, MEMORY_SECONDS, MOST, Guesses
from tests.unit.test_sessions import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guesses(clock: Clock) -> Guesses:
    return Guesses(clock)


def guessed(guesses: Guesses, host: str | None, times: int = 1) -> float:
    """The pause after so many more wrong ones."""
    for _ in range(times):
        guesses.note_wrong(host)
    return guesses.pause(host)


def test_a_person_may_mistype(guesses: Guesses) -> None:
    assert guesses.pause("10.0.0.1") == 0
    assert guessed(guesses, "10.0.0.1", FREE - 1) == 0


def test_each_further_guess_has_twice_the_pause(guesses: Guesses, clock: Clock) -> None:
    pauses = [guessed(guesses, "10.0.0.1", FREE)]
    while pauses[-1] < LONGEST_PAUSE:
        clock.now += pauses[-1]
        assert guesses.pause("10.0.0.1") == 0
        pauses.append(guessed(guesses, "10.0.0.1"))
    assert pauses == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE]


def test_a_day_of_guessing_is_few_guesses(guesses: Guesses, clock: Clock) -> None:
    ends, made = clock.now + 86_400, 0
    while clock.now < ends:
        clock.now += guessed(guesses, "10.0.0.1")
        made += 1
    assert 1000 < made < 86_400 / LONGEST_PAUSE + 20


def test_who_made_no_guess_for_a_while_begins_anew(guesses: Guesses, clock: Clock) -> None:
    assert guessed(guesses, "10.0.0.1", FREE + 3) > 0
    clock.now += MEMORY_SECONDS
    assert guessed(guesses, "10.0.0.1") == 0


def test_a_client_does_not_wait_for_another(guesses: Guesses) -> None:
    guessed(guesses, "10.0.0.1", FREE)
    assert guesses.pause("10.0.0.2") == guesses.pause("2001:db8::1") == guesses.pause(None) == 0


def test_the_addresses_of_one_subscriber_are_one_client(guesses: Guesses) -> None:
    for number in range(FREE):
        guesses.note_wrong(f"2001:db8:1:2::{number:x}")
    assert guesses.pause("2001:db8:1:2:ffff::1") > 0
    assert guesses.pause("2001:db8:1:3::1") == 0
    guessed(guesses, "::ffff:10.0.0.1", FREE)
    assert guesses.pause("10.0.0.1") > 0


def addresses(network: int) -> Iterator[str]:
    return (f"10.{network}.{a}.{b}" for a in range(256) for b in range(256))


def test_who_comes_from_everywhere_waits_too(guesses: Guesses) -> None:
    for host in itertools.islice(addresses(1), MOST + FREE):
        guesses.note_wrong(host)
    assert guesses.pause("10.2.0.1") > 0
    assert len(guesses._records) == MOST


def test_room_that_is_forgotten_is_given_again(guesses: Guesses, clock: Clock) -> None:
    for host in itertools.islice(addresses(1), MOST + FREE):
        guesses.note_wrong(host)
    clock.now += MEMORY_SECONDS
    assert guessed(guesses, "10.2.0.1", FREE) == 1
    assert guesses.pause("10.2.0.2") == 0


def test_a_guess_is_told_of_with_its_address(
    guesses: Guesses, caplog: pytest.LogCaptureFixture
) -> None:
    guessed(guesses, "10.0.0.1", FREE)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * FREE
    assert f"from 10.0.0.1, number {FREE};" in caplog.records[-1].getMessage()
