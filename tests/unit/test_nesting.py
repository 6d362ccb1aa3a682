"""How deep JSON is nested, against a reference, wherever it is cut into pieces."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from adapters.http.nesting import Nesting


def depth_of(value: object) -> int:
    """The reference: how deep a decoded value is nested."""
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


def nested_deeper(text: bytes, most: int, size: int) -> bool:
    """Whether it is nested deeper, learned from pieces of this size."""
    nesting = Nesting(most)
    pieces = (text[start : start + size] for start in range(0, len(text), size))
    return any(nesting.feed(piece) for piece in pieces)


SIZES = st.integers(1, 9) | st.just(10_000)
STRINGS = st.text(alphabet='[]{}"\\/\n,:aé𝄞') | st.text()
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | STRINGS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(STRINGS, inner, max_size=4),
    max_leaves=30,
)


@given(
    value=VALUES,
    wrapped=st.integers(0, 40),
    ascii_only=st.booleans(),
    spaced=st.booleans(),
    size=SIZES,
)
@example(value={'"]}\\': ["[", "\\", '\\"{']}, wrapped=3, ascii_only=False, spaced=False, size=1)
def test_depth_agrees_with_a_recursive_reference(
    value: Any, wrapped: int, ascii_only: bool, spaced: bool, size: int
) -> None:
    for _ in range(wrapped):
        value = [value]
    text = json.dumps(value, ensure_ascii=ascii_only, indent=1 if spaced else None)
    data = text.encode("utf-8", "surrogatepass")
    depth = depth_of(value)
    for bound in {0, 1, max(0, depth - 1), depth, depth + 1, 64}:
        assert nested_deeper(data, bound, size) == (depth > bound)


@given(
    text=st.text(alphabet='[]{}"\\a').map(str.encode) | st.binary(),
    bound=st.integers(0, 5),
    size=SIZES,
)
def test_a_decoder_never_meets_what_is_nested_deeper(text: bytes, bound: int, size: int) -> None:
    """Whatever comes after, the part before the first mistake is what a decoder descends into."""
    level, in_string, escaped, deepest = 0, False, False, 0
    for byte in text:
        if escaped:
            escaped = False
        elif in_string:
            escaped, in_string = byte == ord("\\"), byte != ord('"')
        elif byte == ord("\\"):
            break  # the first mistake
        elif byte == ord('"'):
            in_string = True
        elif byte in b"[{":
            level += 1
            deepest = max(deepest, level)
        elif byte in b"]}":
            level -= 1
    if deepest > bound:
        assert nested_deeper(text, bound, size)
