"""HTML as plain text: readable, nothing lost that can be read, and no text mistaken for HTML."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources.markup import MAX_CHARACTERS, first_link, plain


@pytest.mark.parametrize(
    "text",
    [
        "a < b and b > c",
        "<lora:meadow:0.8> works best at <1.0",
        "Fish & chips &amp; more",
        "use <b> here",
        "<your prompt>, masterpiece",
        "",
        "two\nlines\n\n\n\nand more",
    ],
)
def test_text_without_real_tags_stays(text: str) -> None:
    assert plain(text) == text


def test_text_without_tags_is_stripped() -> None:
    assert plain(" \n a line \n") == "a line"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<p>One</p>\n\n<p>Two</p>\n", "One\n\nTwo"),
        ("<p>One</p><p>&nbsp;</p><p><br></p><p>Two</p>", "One\n\nTwo"),
        ("<h2>Title</h2>words<hr>more", "Title\n\nwords\n\n---\n\nmore"),
        ("one<br>two<br/>three<br /><br>four", "one\ntwo\nthree\n\nfour"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<p>some  <b>bold</b>\nand <i>fine</i>words</p>", "some bold and finewords"),
        ("<P CLASS='x'>upper</P>", "upper"),
        ("<p>left open", "left open"),
        ("words</p> after <b>bold</b>", "words\n\nafter bold"),
    ],
)
def test_blocks_become_paragraphs_and_lines(html: str, text: str) -> None:
    assert plain(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<a href="https://e.org/a">the page</a>', "the page (https://e.org/a)"),
        ("<a href=https://e.org/a>the page</a>", "the page (https://e.org/a)"),
        ("<a class=\"x\" href='https://e.org/?a=1&amp;b=2'>p</a>", "p (https://e.org/?a=1&b=2)"),
        ('<a href="https://e.org/">https://e.org</a>', "https://e.org"),
        ('<a href="https://www.e.org">e.org</a>', "e.org"),
        ('<a href="mailto:kim@e.org">kim@e.org</a>', "kim@e.org"),
        ('<a href="javascript:alert(1)">press</a>', "press"),
        ('<a href="#top">up</a>', "up"),
        ("<a>nowhere</a>", "nowhere"),
        ('<p><a href="https://e.org/a">left open</p>', "left open (https://e.org/a)"),
        ('<a href="https://e.org/a"></a>', "https://e.org/a"),
        ('see <a href="https://e.org/a">this</a>, please', "see this (https://e.org/a), please"),
    ],
)
def test_links_are_followed_by_their_address(html: str, text: str) -> None:
    assert plain(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<img src="https://e.org/a.png" alt="a tower">', "a tower (https://e.org/a.png)"),
        ('<img src="https://e.org/a.png">', "https://e.org/a.png"),
        ('<p>x</p><img src="data:image/png;base64,AAAA">', "x"),
        ('<p>x</p><img src="file:///etc/passwd" alt="a">', "x\n\na"),
        ('<iframe src="https://e.org/v"></iframe>', "https://e.org/v"),
    ],
)
def test_pictures_are_named_by_their_words_and_their_address(html: str, text: str) -> None:
    assert plain(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        ("<ul><li><p>one</p></li><li><p>two</p></li></ul>", "- one\n- two"),
        ("<ol><li>one<li>two</ol>", "1. one\n2. two"),
        ("<p>List:</p><ul><li>one</li></ul><p>End</p>", "List:\n\n- one\n\nEnd"),
        (
            "<ul><li>one<ol><li>deep</li><li>down</li></ol></li><li>two</li></ul>",
            "- one\n  1. deep\n  2. down\n- two",
        ),
        ("<ul><li><p>one</p><p>more</p></li></ul>", "- one\n  more"),
    ],
)
def test_lists_are_readable(html: str, text: str) -> None:
    assert plain(html) == text


def test_tables_have_a_line_for_each_row() -> None:
    html = (
        "<p>Sizes</p><table><thead><tr><th>Sampler</th><th>Steps</th></tr></thead>"
        "<tbody><tr><td><p>Euler</p></td><td>20</td></tr></tbody></table><p>End</p>"
    )

    assert plain(html) == "Sizes\n\nSampler | Steps\nEuler | 20\n\nEnd"


def test_verbatim_text_keeps_its_lines() -> None:
    assert plain("<p>x</p><pre>a\n   b\n</pre><p>y</p>") == "x\n\na\n   b\n\ny"


def test_text_with_a_few_tags_in_it_keeps_its_lines() -> None:
    text = 'From <a href="https://e.org/1">https://e.org/1</a>\nfirst <b>line</b>\n\n\n\nsecond'

    assert plain(text) == "From https://e.org/1\nfirst line\n\nsecond"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>caf&eacute; &#128512; &#x1F600; &lt;lora:x:1&gt;</p>", "café 😀 😀 <lora:x:1>"),
        ("<p>&amp;lt; &bogus; &</p>", "&lt; &bogus; &"),
        ("<p>&#xD800; &#0; &#9999999;</p>", "\ufffd \ufffd \ufffd"),
    ],
)
def test_entities_are_read_once(html: str, text: str) -> None:
    assert plain(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<!DOCTYPE html><!-- <b>note</b> --><p>x</p>", "x"),
        ("<p>x</p><script>alert('<p>y</p>')</script><p>z</p>", "x\n\nz"),
        ("<style>p { color: red }</style><p>x</p>", "x"),
        ("<p>x</p><script>never closed", "x\n\nnever closed"),
        ("<p>x</p><!-- never closed", "x\n\n<!-- never closed"),
        ('<p title="a > b">x</p>', "x"),
        ("<custom-element>x</custom-element> <p>y</p>", "<custom-element>x</custom-element>\n\ny"),
    ],
)
def test_what_is_not_to_be_read_is_left_out(html: str, text: str) -> None:
    assert plain(html) == text


@pytest.mark.parametrize(
    ("html", "address"),
    [
        ('From <a href="https://e.org/m/1" target="_blank">e.org</a><p>x</p>', "https://e.org/m/1"),
        ('<p>x</p><a href="https://e.org">y</a>', ""),
        ('From <a href="javascript:x">y</a>', ""),
        ("no link", ""),
    ],
)
def test_the_first_link_is_found_where_it_is_the_first_tag(html: str, address: str) -> None:
    assert first_link(html) == address


def test_text_beyond_the_bound_is_left_out() -> None:
    assert len(plain("x" * (MAX_CHARACTERS + 1))) == MAX_CHARACTERS


HOSTILE = [
    '<a "',
    "<!--",
    "<",
    "<script>",
    "<p ",
    "&#9",
    "<ul>",
    "&amp",
    "<a href=x>",
    "<a href='",
    "<b>x",
    "<td>",
    "<li>",
    " ",
    "<p>\n",
    "<pre>\n",
    "</p>",
    "<a a=",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_the_time_it_takes_grows_with_the_length_alone(piece: str) -> None:
    def seconds(characters: int) -> float:
        text = f"<p>{piece * (characters // len(piece))}</b>"
        started = time.process_time()
        plain(text)
        return time.process_time() - started

    # Quadratic, the longer text would take 256 times as long.
    short = min(seconds(20_000) for _ in range(3))
    assert seconds(320_000) < 100 * short + 0.5


@given(st.lists(st.sampled_from([*HOSTILE, "</ul>", "</td>", "</pre>", "</a>", "text", "<br>"])))
def test_any_order_of_tags_is_set(pieces: list[str]) -> None:
    text = plain("<p>" + "".join(pieces))

    assert text == text.strip()
    assert "\n\n\n" not in text
