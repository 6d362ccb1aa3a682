"""How models are found: active ones page by page, and all that wait, with what is known of them."""

from __future__ import annotations

from collections.abc import Sequence

from anyio import CapacityLimiter, to_thread

from engine.facts.catalogue import PendingView, TagCount
from engine.facts.records import PendingModelRecord
from engine.facts.search import FilesThere, FoundModels, ModelPage, ModelSearch
from engine.facts.work import BEFORE_FIRST
from engine.ports.files import ModelFiles
from engine.ports.journal import Reader
from engine.ports.queries import (
    ModelsFound,
    ModelsOfHashes,
    PathsFound,
    PendingMarks,
    PendingModels,
    TagCounts,
)

PATHS_AT_ONCE = 10_000
"""How many files are looked at before the next paths are read: memory is bounded by it."""

PENDING_AT_ONCE = 500


class Finder:
    """Looks through a library; changes nothing."""

    def __init__(self, reader: Reader, models: ModelFiles, io: CapacityLimiter) -> None:
        self._reader = reader
        self._models = models
        self._io = io

    async def find(
        self, search: ModelSearch, files: FilesThere | None, offset: int, limit: int
    ) -> ModelPage:
        """A page of the active models that are wanted.

        Where `files` are asked for, each file of theirs is looked at, at every page.
        """
        if files is None:
            found = await self._reader.ask(ModelsFound(search, offset, limit))
        else:
            found = await self._find_by_files(search, files, offset, limit)
        after = offset + limit
        return ModelPage(found.models, found.total, after if after < found.total else None)

    async def _find_by_files(
        self, search: ModelSearch, files: FilesThere, offset: int, limit: int
    ) -> FoundModels:
        wanted: list[str] = []
        total, seen = 0, 0
        while paths := await self._reader.ask(PathsFound(search, seen, PATHS_AT_ONCE)):
            seen += len(paths)
            fitting = await self._fitting(paths, files)
            wanted += fitting[max(offset - total, 0) : max(offset + limit - total, 0)]
            total += len(fitting)
        return FoundModels(await self._reader.ask(ModelsOfHashes(wanted)), total)

    async def _fitting(self, paths: Sequence[tuple[str, str]], files: FilesThere) -> list[str]:
        sizes = await to_thread.run_sync(
            self._models.sizes, [path for _, path in paths], limiter=self._io
        )
        missing = files is FilesThere.MISSING
        return [
            sha256
            for (sha256, _), size in zip(paths, sizes, strict=True)
            if (size is None) is missing
        ]

    async def tags(self) -> list[TagCount]:
        """All tags by name, with how many models have each."""
        return await self._reader.ask(TagCounts())

    async def all_pending(self) -> list[PendingModelRecord]:
        """All models that wait for promotion, ascending by id."""
        models: list[PendingModelRecord] = []
        after = BEFORE_FIRST
        while page := await self._reader.ask(PendingModels(after, PENDING_AT_ONCE)):
            models += page
            after = page[-1].id
        return models

    async def pending(self) -> list[PendingView]:
        """All models that wait for promotion, ascending by id, with what is known of each."""
        failed, disputed = await self._reader.ask(PendingMarks())
        return [
            PendingView(record, failed.get(record.id), record.id in disputed)
            for record in await self.all_pending()
        ]
