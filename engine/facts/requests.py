"""What is asked of the service."""

from __future__ import annotations

import msgspec

from engine.facts.conflicts import ConflictStrategy
from engine.facts.source import SourceRef


class ImportRequest(msgspec.Struct, frozen=True):
    """A request for stage 1: which source, and what to do about two rows with one hash."""

    source: SourceRef
    strategy: ConflictStrategy = ConflictStrategy.MERGE
