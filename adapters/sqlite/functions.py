"""What SQL asks of the engine's rules while it looks through models: functions of a connection.

Their texts come as blobs, since a text that is no UTF-8 could not be handed over.
"""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from typing import Any

import msgspec

from engine.facts.search import called, holds, rank

WORDS_KEPT = 8

PART_OF_A_HASH = 8
"""Signs of a word that may be meant for a hash: most numbers of two digits are in every one."""


def add_functions(connection: sqlite3.Connection) -> None:
    """Make the functions known to a connection."""
    connection.create_function("shelf_rank", 2, _rank, deterministic=True)
    connection.create_function("holds_words", 6, _holds, deterministic=True)


def _rank(name: bytes | None, path: bytes | None) -> bytes:
    return rank(called(_text(name), _text(path))).encode("utf-8", "surrogatepass")


def _holds(words: str, name: bytes, path: bytes, tags: bytes, meta: bytes, sha256: bytes) -> bool:
    wanted = _words(words)
    known = [_text(name), _text(path), _text(tags)]
    if any(len(word) >= PART_OF_A_HASH for word in wanted):
        known.append(_text(sha256))
    return holds(wanted, *known) or holds(wanted, *known, *_notes(meta))


@lru_cache(maxsize=WORDS_KEPT)
def _words(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])


def _text(data: bytes | None) -> str:
    return "" if data is None else data.decode("utf-8", "replace")


def _notes(meta: bytes | None) -> list[str]:
    """The texts of a `meta_json`, whatever is in it."""
    try:
        found: Any = msgspec.json.decode(meta or b"{}")
    except msgspec.MsgspecError:
        return []
    notes = found if isinstance(found, dict) else {}
    prompts = notes.get("prompts")
    if isinstance(prompts, dict):
        notes = {**notes, **prompts}
    fields = ("description", "community_links", "positive", "negative")
    return [notes[name] for name in fields if isinstance(notes.get(name), str)]
