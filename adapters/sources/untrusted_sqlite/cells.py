"""What a cell of an untrusted database can be, and how one is shown to a person."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import msgspec

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_SURROGATE = re.compile("[\ud800-\udfff]")
_SHOWN = 60


class BrokenText(bytes):
    """TEXT that is no valid UTF-8; a plain `bytes` is a BLOB."""


class LostCell(msgspec.Struct, frozen=True):
    """A cell of a readable row that is itself unreadable: on a damaged page, or too large."""

    reason: str


Cell: TypeAlias = str | int | float | bytes | LostCell | None

Row: TypeAlias = tuple[Any, ...]
"""An integer key, then cells: a shape that Python's tuple types cannot say at no cost."""


def text(raw: bytes) -> str | BrokenText:
    """Decode a TEXT cell; sqlite3's own decoding would lose the row for one bad byte."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return BrokenText(raw)


def encodable(value: str) -> str:
    """`value` with every lone surrogate replaced, so that it can be stored as UTF-8."""
    return _SURROGATE.sub(REPLACEMENT, value)


def without_nul(value: str) -> str:
    """`value` with every NUL replaced: databases and file systems end a text there."""
    return value.replace("\0", REPLACEMENT)


def shown(value: object) -> str:
    """`value` for a sentence: short, on one line, and printable on any terminal."""
    if isinstance(value, LostCell):
        return f"a cell that is {value.reason}"
    if isinstance(value, str | bytes):
        cut = bytes(value[:_SHOWN]) if isinstance(value, bytes) else value[:_SHOWN]
        return f"{cut!r}…" if len(value) > _SHOWN else repr(cut)
    written = encodable(repr(value))
    return f"{written[:_SHOWN]}…" if len(written) > _SHOWN else written
