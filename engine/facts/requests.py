"""What is asked of the service."""

from __future__ import annotations

import msgspec

from engine.facts.conflicts import ConflictStrategy
from engine.facts.source import SourceRef


class ImportRequest(msgspec.Struct, frozen=True):
    """A request for stage 1: which source, and what to do about two rows with one hash.

    A source without a kind is looked at to learn it. `within` are folders, free of links, that all
    its folders must lie in, for whoever may not name others; None allows any.
    """

    source: SourceRef
    strategy: ConflictStrategy = ConflictStrategy.MERGE
    within: tuple[str, ...] | None = None
