"""Which numbers tags get: a source's own where they are free, else new ones. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from engine.facts.records import MAX_SAFE_INTEGER
from engine.facts.source import SourceTag


class NumberedTags(msgspec.Struct, frozen=True):
    """Tags that are new: `kept` with a source's numbers, `moved` names that need new ones."""

    kept: list[SourceTag]
    moved: list[str]


def number_tags(known: Mapping[int, str], tags: Iterable[SourceTag]) -> NumberedTags:
    """Sort the tags whose names nobody knows; a tag keeps its number where no other tag has it."""
    names = set(known.values())
    new = [tag for tag in tags if tag.name not in names]
    kept = [tag for tag in new if 0 < tag.id < MAX_SAFE_INTEGER and tag.id not in known]
    names_kept = {tag.name for tag in kept}
    return NumberedTags(kept, [tag.name for tag in new if tag.name not in names_kept])
