"""How `meta_json` is read and written: what is known of it, and what others keep there. Pure.

Version 2 and other programs write the same text. A field of a wrong type does not lose the
others, and a key that is not ours stays, at any depth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from engine.facts.records import ActiveMeta, PendingMeta, Prompts

Meta = ActiveMeta | PendingMeta
M = TypeVar("M", ActiveMeta, PendingMeta)
S = TypeVar("S", bound=msgspec.Struct)

_text = msgspec.json.Encoder()


def read_meta(text: str, kind: type[M]) -> tuple[M, dict[str, Any]]:
    """The known fields of a `meta_json`, and the whole of it. Damaged JSON counts as empty."""
    try:
        found = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError:
        return kind(), {}
    try:
        return msgspec.convert(found, kind), found
    except msgspec.ValidationError:
        return _salvaged(found, kind), found


def meta_text(meta: Meta, found: Mapping[str, Any]) -> str:
    """A `meta_json` to be written; `found` is the whole of the one that it takes the place of."""
    if not found:
        return _text.encode(meta).decode()
    return _text.encode(_overlaid(found, msgspec.to_builtins(meta))).decode()


def _salvaged(found: dict[str, Any], kind: type[S]) -> S:
    """Field by field: one field of a wrong type does not lose the others."""
    fields: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        value = found.get(field.name)
        try:
            fields[field.name] = msgspec.convert(value, field.type)
        except msgspec.ValidationError:
            if isinstance(value, dict) and field.type is Prompts:
                fields[field.name] = _salvaged(value, Prompts)
    return kind(**fields)


def _overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """What is in `above`, and what only `below` has, at any depth."""
    joined = {**below, **above}
    for key, value in above.items():
        beneath = below.get(key)
        if isinstance(value, dict) and isinstance(beneath, dict):
            joined[key] = _overlaid(beneath, value)
    return joined
