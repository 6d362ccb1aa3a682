"""That what is written under a name is found by it."""

from __future__ import annotations

from engine.facts.preview_names import PREVIEW_NAME, preview_name, set_names
from engine.facts.previews import TIERS
from tests.unit.rows import sha


def test_a_name_tells_its_model_and_its_set() -> None:
    for name in set_names(sha(1), 12):
        parsed = PREVIEW_NAME.fullmatch(name)
        assert parsed is not None
        assert (parsed["sha256"], parsed["seq"]) == (sha(1), "12")


def test_a_set_has_a_file_of_each_tier_in_their_order() -> None:
    assert set_names("a", 0) == tuple(preview_name("a", 0, tier.name) for tier in TIERS)
    assert set_names("a", 0) == ("a_0_high.webp", "a_0_medium.webp", "a_0_low.webp")
