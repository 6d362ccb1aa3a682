"""Sources as tests name them."""

from __future__ import annotations

from pathlib import Path

from adapters.files.images import DiskImages
from adapters.sources.hikaze1.reader import Hikaze1
from engine.facts.conflicts import ConflictStrategy
from engine.facts.requests import ImportRequest
from engine.facts.source import SourceOptions, SourceRef
from engine.ports.source import SourceKind

KINDS: dict[str, SourceKind] = {"hikaze1": Hikaze1(DiskImages())}


def hikaze1(database: Path | str, images: Path | str = "") -> SourceRef:
    """A library of Hikaze Model Manager 1."""
    return SourceRef("hikaze1", str(database), SourceOptions(images=str(images)))


def request(
    database: Path | str,
    images: Path | str = "",
    strategy: ConflictStrategy = ConflictStrategy.MERGE,
) -> ImportRequest:
    """Stage 1 of a library of Hikaze Model Manager 1."""
    return ImportRequest(hikaze1(database, images), strategy)
