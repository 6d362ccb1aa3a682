"""What is asked of the service."""

from __future__ import annotations

import msgspec

from engine.facts.conflicts import ConflictStrategy


class LegacyImport(msgspec.Struct, frozen=True):
    """A request for stage 1: absolute paths, and what to do about two rows with one hash."""

    location: str
    images_folder: str
    strategy: ConflictStrategy = ConflictStrategy.MERGE
