"""What is wrong with a library: database and files compared, nothing changed.

Models and files are streamed; memory does not grow with the library. Somebody may write the
library meanwhile: what is found is looked at once more, and told where the record is still the
same.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import anyio
from anyio import CapacityLimiter, to_thread

from engine.facts.findings import (
    Fault,
    FaultKind,
    Finding,
    Sample,
    StoredModel,
    StoredPending,
)
from engine.facts.preview_names import PREVIEW_NAME
from engine.facts.repairs import Sweep
from engine.facts.work import BEFORE_FIRST
from engine.library.inspection import Inspection, Look
from engine.ports.files import ModelFiles
from engine.ports.journal import Reader
from engine.ports.previews import PreviewCodec
from engine.ports.queries import (
    FaultsOf,
    ImagesCounts,
    StoredModelAt,
    StoredModels,
    StoredPendingAt,
    StoredPendingModels,
    UnderWay,
    UnwantedOriginals,
)
from engine.ports.verification import StoredFiles

T = TypeVar("T")
M = TypeVar("M", StoredModel, StoredPending)

PAGE = 200
BATCH = 10
"""How many models a thread looks at in one go."""
NAMES = 5_000
"""How many names of originals are looked up at once: for each time, the queue is read whole."""
PATIENCE = 5
"""How often a model is looked at that changes all the time."""


class Verification:
    """One pass over a library; `models` and `images` count what was looked at."""

    def __init__(
        self,
        *,
        records: Reader,
        files: StoredFiles,
        models: ModelFiles,
        codec: PreviewCodec,
        rehash: Sample | None,
        workers: int,
    ) -> None:
        self._records = records
        self._files = files
        self._inspection = Inspection(files, models, codec, rehash)
        self._workers = workers
        self._cpu = CapacityLimiter(workers)
        self.models = 0
        self.images = 0

    async def faults(self) -> AsyncIterator[Fault]:
        """All that is wrong, record by record, then file by file."""
        async for finding in self.findings():
            yield finding.fault

    async def findings(self) -> AsyncIterator[Finding]:
        """All that is wrong, with what would mend it."""
        for part in (self._faults, self._active, self._pending, self._strays, self._originals):
            async for finding in part():
                yield finding
        for path in await self._thread(self._files.folders):
            yield Finding(Fault("folder_stray", path, "version 2 has no folder here"))
        for finding in await self.leftovers():
            yield finding

    async def leftovers(self) -> list[Finding]:
        """What an interrupted process left; nothing while somebody owns the library."""
        detail = "an interrupted process left it"
        return [
            Finding(Fault("temporary_left", path, detail), Sweep())
            for path in await self._thread(self._files.temporaries)
        ]

    async def hash_of(self, path: str) -> str:
        """The hash of a model file. Raises `UnusableFile`."""
        return await self._thread(self._inspection.hash_of, path)

    async def _faults(self) -> AsyncIterator[Finding]:
        for kind in FaultKind:
            after: int | None = BEFORE_FIRST
            while after is not None:
                page = await self._records.ask(FaultsOf(kind, after, PAGE))
                for finding in page.findings:
                    yield finding
                after = page.next

    async def _active(self) -> AsyncIterator[Finding]:
        after = BEFORE_FIRST
        while page := await self._records.ask(StoredModels(after, PAGE)):
            after = page[-1].number
            self.models += len(page)
            for model, look in zip(
                page, await self._looks(self._inspection.active, page), strict=True
            ):
                for finding in await self._still_active(model, look):
                    yield finding

    async def _still_active(self, model: StoredModel, look: Look) -> list[Finding]:
        """What is wrong with a model whose record did not change while it was looked at."""
        for _ in range(PATIENCE):
            if not look.findings:
                break
            if look.beyond:
                under_way = await self._records.ask(UnderWay([model.sha256]))
                look = _without_count(look) if under_way else look
            now = await self._records.ask(StoredModelAt(model.number))
            if now is None:
                return []
            if now == model:
                return look.findings
            model, look = now, await self._thread(self._inspection.active, now)
        return []

    async def _pending(self) -> AsyncIterator[Finding]:
        after = BEFORE_FIRST
        while page := await self._records.ask(StoredPendingModels(after, PAGE)):
            after = page[-1].id
            for model, look in zip(
                page, await self._looks(self._inspection.pending, page), strict=True
            ):
                for finding in await self._still_pending(model, look):
                    yield finding

    async def _still_pending(self, model: StoredPending, look: Look) -> list[Finding]:
        for _ in range(PATIENCE):
            if not look.findings:
                break
            now = await self._records.ask(StoredPendingAt(model.id))
            if now is None:
                return []
            if now == model:
                return look.findings
            model, look = now, await self._thread(self._inspection.pending, now)
        return []

    async def _looks(self, inspect: Callable[[M], Look], page: list[M]) -> list[Look]:
        """A look at each model, in their order, by as many threads as there are workers."""
        looks: list[Look] = [Look()] * len(page)
        starts = iter(range(0, len(page), BATCH))

        def look_at(start: int) -> None:
            for place, model in enumerate(page[start : start + BATCH], start):
                looks[place] = inspect(model)

        async def work() -> None:
            for start in starts:  # which all workers share
                await self._thread(look_at, start)

        async with anyio.create_task_group() as tasks:
            for _ in range(self._workers):
                tasks.start_soon(work)
        self.images += sum(look.images for look in looks)
        return looks

    async def _strays(self) -> AsyncIterator[Finding]:
        names = self._files.preview_names()
        while chunk := await self._thread(_take, names, PAGE):
            suspects = await self._uncounted(chunk)
            if not suspects:
                continue
            hashes = sorted({match["sha256"] for name in suspects if (match := _named(name))})
            under_way = await self._records.ask(UnderWay(hashes))
            # Read once more: what was written meanwhile is counted by now.
            suspects = await self._uncounted(list(suspects))
            for name, detail in suspects.items():
                match = _named(name)
                path = self._files.path_of(name)
                if match is not None and match["sha256"] in under_way:
                    continue
                if await self._thread(self._files.is_there, path):
                    yield Finding(Fault("image_stray", path, detail))

    async def _uncounted(self, names: Sequence[str]) -> dict[str, str]:
        """What no record speaks of, and why; sets that only their count lacks are none of it."""
        parsed = {name: _named(name) for name in names}
        hashes = {match["sha256"] for match in parsed.values() if match is not None}
        counts = await self._records.ask(ImagesCounts(sorted(hashes)))
        found = {}
        for name, match in parsed.items():
            if match is None:
                found[name] = "no preview of version 2 is called so"
            elif match["sha256"] not in counts:
                found[name] = "no active model has this hash"
            elif int(match["seq"]) >= (count := max(counts[match["sha256"]], 0)):
                follows = await self._thread(self._follows, match["sha256"], count, match["seq"])
                if not follows:
                    found[name] = f"its model has {count} preview sets"
        return found

    def _follows(self, sha256: str, count: int, seq: str) -> bool:
        """Whether every set from the count to this one is complete: then they are sets like all
        others, and the count is wrong."""
        return all(self._inspection.has_set(sha256, n) for n in range(count, int(seq) + 1))

    async def _originals(self) -> AsyncIterator[Finding]:
        names = self._files.original_names()
        while chunk := await self._thread(_take, names, NAMES):
            if unwanted := await self._records.ask(UnwantedOriginals(chunk)):
                for name in await self._records.ask(UnwantedOriginals(unwanted)):
                    path = self._files.path_of_original(name)
                    if await self._thread(self._files.is_there, path):
                        detail = "no pending model has it"
                        yield Finding(Fault("pending_image_stray", path, detail))

    async def _thread(self, function: Callable[..., T], *arguments: object) -> T:
        return await to_thread.run_sync(function, *arguments, limiter=self._cpu)


def _without_count(look: Look) -> Look:
    """What is wrong beside a count that something under way is about to change."""
    left = [f for f in look.findings if f.fault.code != "images_count_wrong"]
    return Look(left, look.images)


def _named(name: str) -> re.Match[str] | None:
    return PREVIEW_NAME.fullmatch(name)


def _take(names: Iterator[str], count: int) -> list[str]:
    return list(islice(names, count))
