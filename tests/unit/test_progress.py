"""The time left: from what was seen, and no sooner."""

from __future__ import annotations

from engine.progress import TimeLeft
from engine.status import Counts, RunStatus


def status(settled: int, expected: int = 10, total: int = 10) -> RunStatus:
    return RunStatus(work=total - settled, expected=expected, counts=Counts(total=total))


def estimates(*looks: tuple[float, RunStatus]) -> list[float | None]:
    """What is estimated at each (second, status)."""
    seconds = iter([second for second, _ in looks])
    left = TimeLeft(lambda: next(seconds))
    return [left.estimate(found) for _, found in looks]


def test_the_first_look_gives_no_estimate() -> None:
    assert estimates((100.0, status(4))) == [None]


def test_no_estimate_is_given_before_anything_was_settled() -> None:
    assert estimates((0.0, status(4)), (5.0, status(4)))[-1] is None


def test_no_estimate_is_given_before_time_has_passed() -> None:
    assert estimates((5.0, status(4)), (5.0, status(6)))[-1] is None


def test_the_time_left_follows_the_pace() -> None:
    assert estimates((100.0, status(0)), (102.0, status(4)))[-1] == 3.0


def test_what_an_earlier_process_settled_is_no_pace_of_this_one() -> None:
    assert estimates((0.0, status(6)), (10.0, status(8)))[-1] == 10.0


def test_rows_that_are_not_read_yet_are_left() -> None:
    assert estimates((0.0, status(0, total=4)), (2.0, status(4, total=4)))[-1] == 3.0


def test_nothing_is_left_when_all_is_settled() -> None:
    assert estimates((0.0, status(0)), (5.0, status(10)))[-1] == 0.0


def test_items_beyond_what_the_source_promised_are_counted() -> None:
    found = status(8, expected=5, total=12)
    assert estimates((0.0, status(4)), (4.0, found))[-1] == 4.0


def test_no_estimate_is_given_after_settled_items_were_retried() -> None:
    assert estimates((0.0, status(8)), (5.0, status(6)))[-1] is None


def test_an_estimate_is_rounded_to_a_tenth_of_a_second() -> None:
    assert estimates((0.0, status(0)), (1.0, status(3)))[-1] == 2.3
