"""One value of an untrusted object, read as what a model has: texts, words, addresses, times.

Each reader takes any value and a list of complaints, and gives what can be used of it. What is
empty, of whatever type, is nothing and no complaint: sources write "" for lists and null for all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from adapters.sources import markup
from adapters.sources.wording import on_one_line, shown

MAX_TAGS = 1_000
"""Tags beyond this many are captions, not tags."""

MAX_LINE = 4_096
"""Characters of a name that are kept, as many as SwarmUI does."""

LAST_MS = 253_402_300_799_999
"""The end of the year 9999: later times are none."""

Reader: TypeAlias = Callable[[Any, list[str]], tuple[str, ...]]
"""Reads a value as texts; what was wrong with it is added to the complaints."""

_WEB = re.compile(r"https?://[^\s/]+\S*", re.IGNORECASE)


def text(value: Any, complaints: list[str]) -> tuple[str, ...]:
    """Plain text with its lines."""
    kept = _one(value, complaints)
    lines = kept.replace("\r\n", "\n").replace("\r", "\n").strip()
    return (lines,) if lines else ()


def line(value: Any, complaints: list[str]) -> tuple[str, ...]:
    """Text on one line."""
    kept = on_one_line(_one(value, complaints))
    if len(kept) > MAX_LINE:
        complaints.append(f"is cut after {MAX_LINE} characters")
        kept = kept[:MAX_LINE]
    return (kept,) if kept else ()


def html(value: Any, complaints: list[str]) -> tuple[str, ...]:
    """Text that may be HTML, as plain text."""
    written = _one(value, complaints)
    if len(written) > markup.MAX_CHARACTERS:
        complaints.append(f"is cut after {markup.MAX_CHARACTERS} characters")
    return text(markup.plain(written), [])


def words(value: Any, complaints: list[str]) -> tuple[str, ...]:
    """Trigger words: a list of words or of whole prompts, or one text."""
    listed = (word.strip().rstrip(",").rstrip() for word in _texts(value, complaints))
    return tuple(dict.fromkeys(filter(None, listed)))


def phrases(value: Any, complaints: list[str]) -> tuple[str, ...]:
    """Trigger words, parted by `;` where they are one text."""
    return words(value.split(";") if isinstance(value, str) else value, complaints)


def tags(value: Any, complaints: list[str]) -> tuple[str, ...]:
    """Tags: a list, or one text parted by commas."""
    listed = value.split(",") if isinstance(value, str) else _texts(value, complaints)
    kept = tuple(dict.fromkeys(filter(None, map(on_one_line, listed))))
    if len(kept) > MAX_TAGS:
        complaints.append(f"has {len(kept)} entries; the first {MAX_TAGS} are used")
    return kept[:MAX_TAGS]


def address(value: Any, _complaints: list[str]) -> tuple[str, ...]:
    """A web address; other text, such as a path, is none."""
    found = value.strip() if isinstance(value, str) else ""
    return (found,) if _WEB.fullmatch(found) else ()


def seconds(value: Any, complaints: list[str]) -> int:
    """Seconds since 1970 as milliseconds; 0 where there are none."""
    if _empty(value):
        return 0
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        complaints.append(f"is {shown(value)} where seconds since 1970 belong")
        return 0
    # By its decimal digits, as it was written: 1700000000.123 * 1000 is a little less as a float.
    return _sensible(int(Decimal(repr(value)) * 1000))


def iso_time(value: Any, complaints: list[str]) -> int:
    """A date and time with its zone, UTC where it has none, as milliseconds since 1970, or 0."""
    written = _one(value, complaints)
    if not written:
        return 0
    try:
        moment = datetime.fromisoformat(written)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        passed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        complaints.append(f"is {shown(written)} where a date and a time belong")
        return 0
    return _sensible((passed.days * 86_400 + passed.seconds) * 1000 + passed.microseconds // 1000)


def number(value: Any) -> int | None:
    """A whole number greater than 0, as a number or in digits; None where it is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        value = int(value)
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63
    return value if usable else None


def size(value: Any) -> float | None:
    """A size in bytes, None where it is none."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 < value < 2**63 else None


def base_name(path: Any) -> str:
    """The file name at the end of a path of whatever system, empty where there is none."""
    if not isinstance(path, str) or "\0" in path:
        return ""
    name = path.strip().rpartition("/")[2].rpartition("\\")[2]
    return "" if name in {".", ".."} else name


def _one(value: Any, complaints: list[str]) -> str:
    """A text or a number as text; anything else that is not empty is complained of."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not _empty(value):
        complaints.append(f"is {shown(value)} where a text belongs")
    return ""


def _texts(value: Any, complaints: list[str]) -> list[str]:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        if not _empty(value):
            complaints.append(f"is {shown(value)} where a list belongs")
        return []
    kept = [str(entry) for entry in value if _scalar(entry)]
    strange = [entry for entry in value if not _scalar(entry) and not _empty(entry)]
    if strange:
        complaints.append(f"lists {shown(strange[0])} where texts belong")
    return kept


def _scalar(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _empty(value: Any) -> bool:
    return value is None or value is False or (isinstance(value, str | list | dict) and not value)


def _sensible(milliseconds: int) -> int:
    return milliseconds if 0 < milliseconds <= LAST_MS else 0
