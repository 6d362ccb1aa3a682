"""Who reads models, tags and images for the catalogue: its ports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.facts.catalogue import ModelSummary
from engine.facts.records import ModelRecord, PendingModelRecord, Tag
from engine.ports.removal import RemovalFiles, RemovalReader


class CatalogueReader(RemovalReader, Protocol):
    """Reads models, tags and pending models."""

    async def summaries(self, type_name: str, known_types: Sequence[str]) -> list[ModelSummary]:
        """Active models of a type; `Others` for those of no known type."""
        ...

    async def types(self) -> list[str]:
        """The types that active models have."""
        ...

    async def model(self, sha256: str) -> ModelRecord | None:
        """An active model."""
        ...

    async def tags(self) -> list[Tag]:
        """All tags by name."""
        ...

    async def pending(self, after: int, limit: int) -> list[PendingModelRecord]:
        """Models that wait for promotion, ascending by id."""
        ...


class CatalogueFiles(RemovalFiles, Protocol):
    """Reads and moves the library's images. Methods block; call them in a thread."""

    def preview_file(self, sha256: str, seq: int, tier: str) -> tuple[bytes, str, str] | None:
        """A preview file's content, media type and version, None where there is none."""
        ...

    def original_file(self, name: str) -> tuple[bytes, str, str] | None:
        """A pending original's content, media type and version, None where there is none."""
        ...
