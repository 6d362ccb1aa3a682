"""Which tags of a source keep their numbers."""

from __future__ import annotations

from engine.facts.records import MAX_SAFE_INTEGER
from engine.facts.source import SourceTag
from engine.facts.tag_numbers import NumberedTags, number_tags


def test_a_tag_keeps_its_number_where_no_other_has_it() -> None:
    free, taken = SourceTag(5, "free"), SourceTag(1, "taken")
    found = number_tags({1: "ours"}, [free, taken])
    assert found == NumberedTags([free], ["taken"])


def test_a_name_that_is_known_is_not_brought_in_again() -> None:
    assert number_tags({1: "ours"}, [SourceTag(9, "ours")]) == NumberedTags([], [])


def test_a_number_that_no_client_can_hold_is_given_anew() -> None:
    tags = [SourceTag(number, str(number)) for number in (0, -1, MAX_SAFE_INTEGER)]
    assert number_tags({}, tags) == NumberedTags([], ["0", "-1", str(MAX_SAFE_INTEGER)])
