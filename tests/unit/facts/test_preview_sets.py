"""Which numbers are found to be free, held against all that lies on disk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.facts.preview_sets import PROBES, SetsOnDisk, sets_on_disk, told_of_sets

disks = st.dictionaries(st.integers(0, 12), st.integers(1, 3))
"""How many tiers lie under some of the numbers."""


def look(count: int, disk: dict[int, int]) -> SetsOnDisk:
    return sets_on_disk(count, lambda seq: disk.get(seq, 0), lambda: disk)


@given(count=st.integers(-3, 80), disk=disks)
def test_a_free_number_has_no_file(count: int, disk: dict[int, int]) -> None:
    assert look(count, disk).free not in disk


@given(count=st.integers(-3, 80), disk=disks)
def test_no_set_below_the_count_lies_at_a_free_number_or_after(
    count: int, disk: dict[int, int]
) -> None:
    assert [seq for seq in disk if look(count, disk).free <= seq < count] == []


@given(count=st.integers(-3, 80), disk=disks)
def test_the_last_counted_set_is_complete_and_those_after_it_are_not(
    count: int, disk: dict[int, int]
) -> None:
    found = look(count, disk)
    complete = [seq for seq, tiers in disk.items() if tiers == 3 and seq < found.free]
    assert found.count == max(complete, default=-1) + 1


@given(count=st.integers(-3, 80), length=st.integers(0, 12))
def test_sets_without_a_gap_are_all_found(count: int, length: int) -> None:
    disk = dict.fromkeys(range(length), 3)
    assert look(count, disk) == SetsOnDisk(length, length, ())


def test_a_count_near_the_truth_reads_no_names() -> None:
    def names() -> list[int]:
        raise AssertionError("all names were read")

    disk = dict.fromkeys(range(100), 3)
    for count in (99, 100, 100 + PROBES - 1):
        assert sets_on_disk(count, lambda seq: disk.get(seq, 0), names).count == 100


@pytest.mark.parametrize(
    ("count", "found", "codes"),
    [
        (2, SetsOnDisk(2, 2, ()), []),
        (1, SetsOnDisk(3, 3, ()), ["previews_adopted"]),
        (3, SetsOnDisk(2, 2, ()), ["previews_gone"]),
        (1, SetsOnDisk(1, 3, (1, 2)), ["preview_incomplete", "preview_incomplete"]),
    ],
)
def test_what_others_have_changed_is_told(count: int, found: SetsOnDisk, codes: list[str]) -> None:
    assert [notice.code for notice in told_of_sets(count, found)] == codes
