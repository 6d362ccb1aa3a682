"""The legacy `extra_json` column: its text in, a model's metadata and what was wrong with it out.

The legacy application wrote it with Python's json, so `NaN` and unpaired surrogate escapes occur.
Nearly every row is decoded in one go into a typed struct; only what does not fit takes the
careful path.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from adapters.sources.untrusted_sqlite.cells import encodable, shown, without_nul
from engine.facts.records import Prompts
from engine.facts.source import ImageRef, Notice

MAX_NESTING = 100
"""Deeper JSON is not read. A fixed depth: the interpreter's own limit depends on the caller."""

MAX_CAREFUL_CHARACTERS = 4 * 1024 * 1024
"""Longer text is not taken down the careful path, where each value becomes a Python object."""

MAX_IMAGES = 10_000
"""Entries of a row's `images` beyond this many are named together, in one warning."""

_BRACKET_OR_STRING = re.compile(r'"(?:[^"\\]+|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_ADDRESS = re.compile(r"(?:https?:)?//", re.IGNORECASE)
_MEDIA = "/media/"
_NUL = "\\u0000"
_UNUSABLE_NAMES = frozenset({"", ".", ".."})


class Metadata(msgspec.Struct, frozen=True):
    """What a model's `extra_json` says of it; `images` are called by base names, none twice."""

    description: str = ""
    community_links: str = ""
    prompts: Prompts = Prompts()
    images: tuple[ImageRef, ...] = ()


NO_METADATA = Metadata()


class _Extra(msgspec.Struct, gc=False):
    """The shape that nearly every `extra_json` has."""

    description: str | None = None
    community_links: str | None = None
    prompts: Prompts | None = None
    images: list[str] | None = None


_EXTRA = msgspec.json.Decoder(_Extra)
_NO_PROMPTS = Prompts()


def read(text: str, warnings: list[Notice]) -> Metadata:
    """Read the text of an `extra_json` cell; what cannot be used is added to `warnings`."""
    if text.count("[") + text.count("{") > MAX_NESTING and _nesting(text) > MAX_NESTING:
        return _unreadable(f"it is nested more than {MAX_NESTING} deep", warnings)
    if _NUL in text:
        return _read_carefully(text, warnings)
    try:
        extra = _EXTRA.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return _read_carefully(text, warnings)
    images = extra.images
    return Metadata(
        extra.description or "",
        extra.community_links or "",
        extra.prompts or _NO_PROMPTS,
        _base_names(images, warnings) if images else (),
    )


def base_name(entry: str) -> str | None:
    """The file name that an entry of `images` leads to; None when it leads to none.

    Only where an entry is an address is a `?` the start of a query: elsewhere it is a letter of
    the name.
    """
    if entry.startswith(_MEDIA):
        entry = entry.partition("?")[0]
    elif _ADDRESS.match(entry):
        entry = entry.partition("?")[0].partition("#")[0]
    elif entry.startswith("data:"):
        return None
    name = entry.rpartition("/")[2].rpartition("\\")[2]
    return None if name in _UNUSABLE_NAMES or "\0" in name else name


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


def _integer(digits: str) -> int | float:
    """An integer of any length; Python itself refuses those of more than 4,300 digits."""
    return int(digits) if len(digits) <= 1000 else float(digits)


_LENIENT = json.JSONDecoder(strict=False, parse_int=_integer)


def _read_carefully(text: str, warnings: list[Notice]) -> Metadata:
    if not text.strip():
        return NO_METADATA
    if len(text) > MAX_CAREFUL_CHARACTERS:
        reason = "it is malformed, of another shape or holds a NUL, and is too long to mend"
        return _unreadable(reason, warnings)
    try:
        value = _LENIENT.decode(text.removeprefix("\ufeff"))
    except ValueError:
        return _unreadable(f"it is not JSON: {shown(text)}", warnings)
    if value is None:
        return NO_METADATA
    if not isinstance(value, dict):
        return _unreadable(f"it is no JSON object but {shown(value)}", warnings)
    return Metadata(
        _text(value, "description", "description", warnings),
        _text(value, "community_links", "community_links", warnings),
        _prompts(value.get("prompts"), warnings),
        _images(value.get("images"), warnings),
    )


def _unreadable(reason: str, warnings: list[Notice]) -> Metadata:
    warnings.append(Notice("metadata_unreadable", f"extra_json: {reason}."))
    return NO_METADATA


def _text(values: dict[str, Any], key: str, field: str, warnings: list[Notice]) -> str:
    value = values.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        detail = f"{field}: expected text, got {shown(value)}; kept as its JSON text."
        warnings.append(Notice("field_invalid", detail))
        value = json.dumps(value, ensure_ascii=False)
    kept = without_nul(encodable(value))
    if kept != value:
        detail = f"{field}: holds a NUL or half a surrogate pair; replaced by U+FFFD."
        warnings.append(Notice("invalid_text", detail))
    return kept


def _prompts(value: Any, warnings: list[Notice]) -> Prompts:
    if value is None:
        return _NO_PROMPTS
    if not isinstance(value, dict):
        detail = f"prompts: expected an object, got {shown(value)}; read as none."
        warnings.append(Notice("field_invalid", detail))
        return _NO_PROMPTS
    return Prompts(
        _text(value, "positive", "prompts.positive", warnings),
        _text(value, "negative", "prompts.negative", warnings),
    )


def _images(value: Any, warnings: list[Notice]) -> tuple[ImageRef, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        detail = f"images: expected a list, got {shown(value)}; read as none."
        warnings.append(Notice("image_invalid", detail))
        return ()
    entries = [encodable(entry) if isinstance(entry, str) else entry for entry in value]
    return _base_names(entries, warnings)


def _base_names(entries: list[Any], warnings: list[Notice]) -> tuple[ImageRef, ...]:
    names: dict[str, ImageRef] = {}
    for entry in entries[:MAX_IMAGES]:
        name = base_name(entry) if isinstance(entry, str) else None
        if name is None:
            detail = f"images: {shown(entry)} names no file."
            warnings.append(Notice("image_invalid", detail))
        elif name in names:
            detail = f"images: {shown(name)} is listed more than once; kept once."
            warnings.append(Notice("image_duplicate", detail))
        else:
            names[name] = ImageRef(name)
    if len(entries) > MAX_IMAGES:
        detail = f"images: {len(entries) - MAX_IMAGES} entries after the first {MAX_IMAGES}."
        warnings.append(Notice("image_invalid", detail))
    return tuple(names.values())
