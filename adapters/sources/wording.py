"""Untrusted values as text that can be kept, and as words of a sentence."""

from __future__ import annotations

import re

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_UNKEEPABLE = re.compile("[\0\ud800-\udfff]")
_SHOWN = 60


def keepable(text: str) -> str:
    """`text` with each NUL and each half of a surrogate pair replaced: neither can be stored."""
    return _UNKEEPABLE.sub(REPLACEMENT, text)


def shown(value: object) -> str:
    """`value` for a sentence: short, on one line, and printable on any terminal."""
    if isinstance(value, str):
        return f"{value[:_SHOWN]!r}…" if len(value) > _SHOWN else repr(value)
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    written = keepable(repr(value))
    return f"{written[:_SHOWN]}…" if len(written) > _SHOWN else written


def on_one_line(text: str) -> str:
    """`text` without line breaks, tabs and runs of blanks."""
    return " ".join(text.split())
