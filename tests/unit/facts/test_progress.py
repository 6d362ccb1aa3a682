"""The time left: from what was seen, and no sooner."""

from __future__ import annotations

import msgspec

from engine.facts.progress import TimeLeft, share, with_bytes_under_way
from engine.facts.status import (
    ByteCounts,
    Counts,
    ImageCounts,
    RunKind,
    RunState,
    RunStatus,
    RunSummary,
    whole,
)


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


def test_another_run_has_a_pace_of_its_own() -> None:
    def of(run_id: int, done: int) -> RunStatus:
        summary = RunSummary(run_id, RunKind.LEGACY, RunState.RUNNING, False, 0, 0, None)
        return msgspec.structs.replace(status(done), run=summary)

    looks = ((0.0, of(1, 0)), (1.0, of(1, 5)), (2.0, of(2, 0)), (4.0, of(2, 5)))
    assert estimates(*looks) == [None, 1.0, None, 2.0]


def test_bytes_of_files_that_are_not_read_to_their_end_count() -> None:
    found = run(counts=Counts(total=1), work=1, bytes_hashed=ByteCounts(10**9, 4 * 10**9))
    told = with_bytes_under_way(found, 10**9)
    assert (told.bytes_hashed.done, told.share) == (2 * 10**9, share(told))
    assert told.share > share(found)
    assert with_bytes_under_way(found, 10**10).bytes_hashed.done == 4 * 10**9


def run(**facts: object) -> RunStatus:
    """A run that has read its rows."""
    return msgspec.structs.replace(RunStatus(source_read=True), **facts)


def test_nothing_is_done_before_there_is_a_run() -> None:
    assert share(RunStatus()) == 0.0


def test_all_is_done_when_no_work_is_left() -> None:
    assert share(run(counts=Counts(total=3))) == 1.0


def test_all_is_done_where_fewer_rows_were_recorded_than_the_source_has() -> None:
    # A second run of a source records what is new or has changed.
    assert share(run(counts=Counts(total=3), expected=1000)) == 1.0
    assert whole(run(counts=Counts(total=3), expected=1000)) == 3


def test_not_all_is_done_while_rows_may_still_come() -> None:
    assert share(RunStatus(counts=Counts(total=10), expected=10)) == 0.999


def test_items_count_for_little_beside_their_pictures_and_their_bytes() -> None:
    items = run(counts=Counts(total=10), work=1)
    assert share(items) == 0.9
    pictured = msgspec.structs.replace(items, images=ImageCounts(done=10, total=100))
    assert 0.1 < share(pictured) < 0.11
    hashed = msgspec.structs.replace(items, bytes_hashed=ByteCounts(done=0, total=10**12))
    assert share(hashed) < 0.001


def test_rows_that_are_not_read_yet_are_taken_to_have_as_many_pictures() -> None:
    half = run(
        source_read=False,
        counts=Counts(total=50),
        expected=100,
        work=0,
        images=ImageCounts(done=20, total=20),
    )
    assert share(half) == 0.5


def test_the_time_left_is_that_of_bytes_where_these_take_it() -> None:
    def at(done: int) -> RunStatus:
        return run(
            counts=Counts(total=1), work=1, bytes_hashed=ByteCounts(done=done, total=4 * 10**12)
        )

    assert estimates((0.0, at(0)), (10.0, at(10**12)))[-1] == 30.0
