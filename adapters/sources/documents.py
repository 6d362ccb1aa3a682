"""JSON that other programs wrote: any bytes in, an object and what is wrong with it out.

Python's json wrote most of it, so `NaN`, `1e999`, half surrogate pairs and NUL occur in files that
their own programs read; editors add byte-order marks. All of that is read, and told.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from typing import Any

import msgspec

from adapters.sources.wording import keepable, shown

MAX_BYTES = 16 * 1024 * 1024
"""A larger file is no sidecar. SwarmUI keeps pictures of up to 8 Mi characters in them."""

MAX_NESTING = 100
"""Deeper JSON is not read. A fixed depth: the interpreter's own limit depends on the caller."""

MAX_VALUES = 1_000_000
"""JSON of more values is not read: each of them becomes a Python object of 50 bytes and more."""

_BRACKET_OR_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_WIDE_MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_MARKED = "it begins with a byte-order mark, which its own program refuses"
_NOT_UTF8 = "it is no valid UTF-8; what is invalid was replaced"
_NOT_FINITE = "it holds NaN or a number beyond all bounds; read as nothing"
_REPLACED = "it holds a NUL or half a surrogate pair; replaced"


class Document(msgspec.Struct, frozen=True):
    """A file of JSON as it was read.

    `text` is all of it, for the journal; `fields` is None where it is no object that can be read.
    `flaws` are clauses, each without its capital and its full stop.
    """

    text: str = ""
    fields: dict[str, Any] | None = None
    flaws: tuple[str, ...] = ()


def decoded(data: bytes) -> tuple[str, tuple[str, ...]]:
    """The text of a file that should be UTF-8, without its byte-order mark, and its flaws."""
    for mark, encoding in _WIDE_MARKS:
        if data.startswith(mark):
            return data[2:].decode(encoding, "replace"), ("it is UTF-16, not UTF-8",)
    flaws: tuple[str, ...] = ()
    if data.startswith(codecs.BOM_UTF8):
        data, flaws = data[3:], (_MARKED,)
    try:
        return data.decode(), flaws
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace"), (*flaws, _NOT_UTF8)


def read(data: bytes, most_bytes: int = MAX_BYTES) -> Document:
    """What a file of JSON holds, whatever its bytes are; never raises."""
    if len(data) > most_bytes:
        return Document(flaws=(f"it is larger than {most_bytes} bytes and was not read",))
    text, flaws = decoded(data)
    if not text.strip("\0 \t\r\n"):
        return Document(text, None, (*flaws, "it is empty"))
    if reason := _unbounded(text):
        return Document(text, None, (*flaws, reason))
    value, found = _value(text)
    flaws += found
    if isinstance(value, dict):
        return Document(text, value, flaws)
    if not isinstance(value, _Malformed):
        flaws = (*flaws, f"it holds {shown(value)} where an object belongs")
    return Document(text, None, flaws)


def read_value(text: str) -> Any:
    """The value of JSON that is held in a text; None where it cannot be read."""
    if _unbounded(text):
        return None
    value, _ = _value(text)
    return None if isinstance(value, _Malformed) else value


class _Malformed:
    pass


def _value(text: str) -> tuple[Any, tuple[str, ...]]:
    if "\\u0000" not in text and not _SURROGATE.search(text):
        try:
            return msgspec.json.decode(text), ()
        except (msgspec.MsgspecError, RecursionError):
            pass
    return _Careful().value(text)


class _Careful:
    """Reads what Python's json reads and a strict decoder does not, and mends its texts."""

    def __init__(self) -> None:
        self._flaws: dict[str, None] = {}
        self._decoder = json.JSONDecoder(
            strict=False,
            parse_int=self._integer,
            parse_float=self._number,
            parse_constant=self._constant,
        )

    def value(self, text: str) -> tuple[Any, tuple[str, ...]]:
        try:
            value = self._decoder.decode(text)
        except ValueError as error:
            reason = str(error).partition(":")[0]
            return _Malformed(), (f"it is cut off or no JSON ({reason})",)
        return self._mended(value), tuple(self._flaws)

    def _mended(self, value: Any) -> Any:
        if isinstance(value, str):
            kept = keepable(value)
            if kept != value:
                self._flaws[_REPLACED] = None
            return kept
        if isinstance(value, list):
            return [self._mended(entry) for entry in value]
        if isinstance(value, dict):
            return {self._mended(key): self._mended(entry) for key, entry in value.items()}
        return value

    def _integer(self, digits: str) -> int | float | None:
        # Python itself refuses integers of more than 4,300 digits.
        return int(digits) if len(digits) <= 300 else self._number(digits)

    def _number(self, digits: str) -> float | None:
        number = float(digits)
        if math.isfinite(number):
            return number
        self._constant(digits)
        return None

    def _constant(self, _name: str) -> None:
        self._flaws[_NOT_FINITE] = None


def _unbounded(text: str) -> str:
    """Why a text is too much to be decoded; empty where it is not."""
    brackets = text.count("[") + text.count("{")
    if brackets + text.count(",") > MAX_VALUES and _values(text) > MAX_VALUES:
        return f"it holds more than {MAX_VALUES} values"
    if brackets > MAX_NESTING and _nesting(text) > MAX_NESTING:
        return f"it is nested more than {MAX_NESTING} deep"
    return ""


def _nesting(text: str) -> int:
    """How deep the brackets outside strings go."""
    depth = deepest = 0
    for token in _BRACKET_OR_STRING.finditer(text):
        first = text[token.start()]
        if first in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in "]}":
            depth -= 1
    return deepest


def _values(text: str) -> int:
    """How many values there are at least, strings left out."""
    outside = _STRING.sub("", text)
    return outside.count(",") + outside.count("[") + outside.count("{")


_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
