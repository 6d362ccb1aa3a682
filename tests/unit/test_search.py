"""How text is compared with what is looked for, and how names are ordered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.facts.search import MOST_WORDS, called, holds, rank, words_of


@pytest.mark.parametrize(
    ("looked_for", "text"),
    [
        ("aurora", "AURORA Meridian"),
        ("cafe", "Café"),
        ("CAFÉ", "cafe\u0301"),
        ("strasse", "Straße"),
        ("киноплёнка", "КИНОПЛЕНКА 35"),
        ("模型", "新しい模型"),
        ("xl v2", "v2 of the XL"),
        ("", "anything"),
        ("ａｂｃ", "abc"),
    ],
)
def test_text_is_found(looked_for: str, text: str) -> None:
    assert holds(words_of(looked_for), text)


@pytest.mark.parametrize(
    ("looked_for", "text"),
    [("aurora", "auror"), ("a b", "a"), ("xl", "x l"), ("%", "a"), ("_", "a")],
)
def test_text_is_not_found(looked_for: str, text: str) -> None:
    assert not holds(words_of(looked_for), text)


def test_a_word_is_not_found_across_two_texts() -> None:
    assert not holds(words_of("ab"), "a", "b")


@given(st.text(), st.text(), st.text())
def test_whatever_a_text_holds_is_found_in_it(before: str, middle: str, after: str) -> None:
    words = middle.split()
    if words:
        # A mark that follows joins the sign before it: the word stands alone.
        assert holds(words_of(words[0]), f"{before} {words[0]} {after}")


def test_a_search_has_so_many_words_at_most() -> None:
    assert len(words_of(" ".join(str(number) for number in range(100)))) == MOST_WORDS


def test_names_are_in_the_order_of_a_shelf() -> None:
    names = ["model 10", "Model 2", "élan", "zebra", "model 1", "apple"]
    assert sorted(names, key=rank) == [
        *("apple", "élan", "model 1", "Model 2", "model 10", "zebra")
    ]


@pytest.mark.parametrize("path", ["/a/b/c.safetensors", "C:\\a\\c.safetensors", "c.safetensors"])
def test_a_model_without_a_name_is_called_as_its_file(path: str) -> None:
    assert called("", path) == "c.safetensors"
    assert called("name", path) == "name"
