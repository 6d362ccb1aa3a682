"""JSON of other programs: what can be read is read, and what is wrong with it is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.sources import documents
from adapters.sources.documents import MAX_BYTES, MAX_NESTING, MAX_VALUES, read

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [found for pair in value.items() for part in pair for found in texts(part)]
    return [found for entry in value for found in texts(entry)] if isinstance(value, list) else []


def test_an_object_is_read_with_its_text() -> None:
    document = read(b'{"name": "caf\xc3\xa9"}')

    assert document.fields == {"name": "café"}
    assert document.text == '{"name": "café"}'
    assert document.flaws == ()


@pytest.mark.parametrize(
    ("data", "fields", "flaw"),
    [
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}, "byte-order mark"),
        ('\ufeff{"a": "é"}'.encode("utf-16-le"), {"a": "é"}, "UTF-16"),
        ('\ufeff{"a": "é"}'.encode("utf-16-be"), {"a": "é"}, "UTF-16"),
        (b'{"a": "\xff"}', {"a": REPLACEMENT}, "UTF-8"),
        (b'{"a": NaN, "b": 1}', {"a": None, "b": 1}, "NaN"),
        (b'{"a": [-Infinity, 1e999]}', {"a": [None, None]}, "NaN"),
        (rb'{"a": "\ud83d!"}', {"a": f"{REPLACEMENT}!"}, "surrogate"),
        (rb'{"a": "\udc00"}', {"a": REPLACEMENT}, "surrogate"),
        (rb'{"\ud83d": 1}', {REPLACEMENT: 1}, "surrogate"),
        (rb'{"a": "x\u0000y"}', {"a": f"x{REPLACEMENT}y"}, "NUL"),
    ],
)
def test_what_its_own_program_writes_or_an_editor_adds_is_read_and_told(
    data: bytes, fields: dict[str, Any], flaw: str
) -> None:
    document = read(data)

    assert document.fields == fields
    assert flaw in "; ".join(document.flaws)


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (rb'{"a": "\ud83d\ude00"}', {"a": "😀"}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'{"a": "\x01\t"}', {"a": "\x01\t"}),
        (b'{"a": ' + b"9" * 40 + b"}", {"a": int("9" * 40)}),
        (b"{}", {}),
    ],
)
def test_what_is_odd_but_right_is_no_flaw(data: bytes, fields: dict[str, Any]) -> None:
    document = read(data)

    assert document.fields == fields
    assert document.flaws == ()


@pytest.mark.parametrize(
    ("data", "flaw"),
    [
        (b"", "it is empty"),
        (b" \r\n", "it is empty"),
        (b"\0" * 4096, "it is empty"),
        (b'{"a": 1', "it is cut off or no JSON"),
        (b'{"a": "x', "it is cut off or no JSON"),
        (b"<html>", "it is cut off or no JSON"),
        (b"[]", "it holds a list of 0 where an object belongs"),
        (b'"text"', "it holds 'text' where an object belongs"),
        (b"null", "it holds null where an object belongs"),
        (b"\x80\x04}q\x00.", "it is cut off or no JSON"),
    ],
)
def test_what_cannot_be_read_is_told(data: bytes, flaw: str) -> None:
    document = read(data)

    assert document.fields is None
    assert any(found.startswith(flaw) for found in document.flaws)


def nested(depth: int) -> bytes:
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


def test_nesting_is_read_to_a_depth_and_no_further() -> None:
    assert read(nested(MAX_NESTING)).fields is not None
    assert "nested more than 100 deep" in read(nested(MAX_NESTING + 1)).flaws[0]


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"\\"":'])
def test_nesting_without_end_is_refused(opening: bytes) -> None:
    assert read(opening * 200_000).fields is None


def test_brackets_within_texts_are_no_nesting() -> None:
    assert read(json.dumps({"a": "[" * 1_000}).encode()).flaws == ()


def test_commas_within_texts_are_no_values() -> None:
    assert read(json.dumps({"a": "," * (MAX_VALUES + 1)}).encode()).flaws == ()


def test_a_million_values_are_too_many() -> None:
    data = b'{"a":[' + b"1," * MAX_VALUES + b"1]}"

    assert read(data).flaws == (f"it holds more than {MAX_VALUES} values",)


def test_a_file_beyond_the_bound_is_not_looked_at() -> None:
    document = read(b"{" + b" " * MAX_BYTES + b"}")

    assert document.fields is None
    assert document.text == ""
    assert "larger than" in document.flaws[0]


@given(st.binary() | JSON_VALUES.map(lambda value: json.dumps(value).encode("utf-8", "replace")))
@example(b'{"a":' + b"9" * 5_000 + b"}")
@example(b'{"a":0.' + b"9" * 5_000 + b"}")
def test_whatever_the_bytes_are_the_texts_can_be_kept(data: bytes) -> None:
    document = read(data)

    for text in [*texts(document.fields), *document.flaws, document.text]:
        text.encode()
    assert "\0" not in "".join(texts(document.fields))


@given(JSON_VALUES, st.booleans())
def test_what_pythons_json_writes_is_read(value: Any, escaped: bool) -> None:
    written = json.dumps({"value": value}, ensure_ascii=escaped)
    document = read(written.encode("utf-8", "surrogatepass"))

    assert document.fields is not None
    assert document.fields.keys() == {"value"}


@given(JSON_VALUES, st.integers(1, 200))
def test_a_file_that_is_cut_off_is_told(value: Any, cut: int) -> None:
    written = json.dumps({"value": value}).encode()

    document = read(written[: max(0, len(written) - cut)])

    assert document.fields is None
    assert document.flaws


def test_json_within_a_text_is_read_by_the_same_bounds() -> None:
    assert documents.read_value('["a", 1]') == ["a", 1]
    assert documents.read_value("[" * 1_000) is None
    assert documents.read_value("[1") is None
