"""That `meta_json` keeps what others wrote there, and what is damaged spoils only itself."""

from __future__ import annotations

import json

import pytest

from engine.facts.meta_text import meta_text, read_meta
from engine.facts.records import ActiveMeta, PendingMeta, Prompts


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"text"'])
def test_what_is_no_object_counts_as_empty(text: str) -> None:
    assert read_meta(text, ActiveMeta) == (ActiveMeta(), {})


def test_a_field_of_a_wrong_type_does_not_lose_the_others() -> None:
    text = '{"description": 5, "images_count": 2, "prompts": {"positive": [], "negative": "no"}}'
    meta, _ = read_meta(text, ActiveMeta)
    assert meta == ActiveMeta("", "", 2, Prompts("", "no"))


def test_a_key_that_is_not_ours_stays_at_any_depth() -> None:
    text = '{"theirs": 1, "prompts": {"positive": "old", "theirs": [2]}}'
    meta, found = read_meta(text, PendingMeta)
    changed = PendingMeta(images=("a.png",), prompts=Prompts("new", meta.prompts.negative))
    written = json.loads(meta_text(changed, found))
    assert written["theirs"] == 1
    assert written["prompts"] == {"positive": "new", "negative": "", "theirs": [2]}
    assert written["images"] == ["a.png"]


def test_a_new_text_has_every_field() -> None:
    assert json.loads(meta_text(ActiveMeta("note"), {})) == {
        "description": "note",
        "community_links": "",
        "images_count": 0,
        "prompts": {"positive": "", "negative": ""},
    }
