"""What is wrong with a library: database and files compared, nothing changed.

Models and files are streamed; memory does not grow with the library.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from engine.facts.files import UnusableFile
from engine.facts.findings import Problem, Sample, StoredModel, StoredPending
from engine.facts.preview_names import PREVIEW_NAME, set_names
from engine.facts.previews import UnusableImage
from engine.facts.records import SHA256_HEX
from engine.ports.files import ModelFiles
from engine.ports.journal import Reader
from engine.ports.previews import PreviewCodec
from engine.ports.queries import ImagesCounts, StoredModels, StoredWaiting
from engine.ports.verification import StoredFiles

T = TypeVar("T")

PAGE = 200
BEFORE_FIRST = -(2**63)


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
        self._disk = models
        self._codec = codec
        self._rehash = rehash
        self._cpu = CapacityLimiter(workers)
        self.models = 0
        self.images = 0

    async def problems(self) -> AsyncIterator[Problem]:
        """All that is wrong, record by record, then file by file."""
        async for problem in self._active():
            yield problem
        async for problem in self._pending():
            yield problem
        async for problem in self._strays():
            yield problem
        for path in await self._thread(self._files.temporaries):
            yield Problem("temporary_left", path, "an interrupted process left it")

    async def _active(self) -> AsyncIterator[Problem]:
        after = BEFORE_FIRST
        while page := await self._records.ask(StoredModels(after, PAGE)):
            after = page[-1].number
            for model in page:
                self.models += 1
                for problem in await self._thread(self._check_model, model):
                    yield problem

    def _check_model(self, model: StoredModel) -> list[Problem]:
        """In a thread."""
        problems = [Problem("record_invalid", model.path, defect) for defect in model.defects]
        problems += self._check_file(model.path)
        complete, seq = 0, 0
        while seq < model.images_count:
            found = [self._check_preview(name) for name in set_names(model.sha256, seq)]
            bad = [problem for problem in found if problem is not None]
            problems += bad
            complete += not any(problem.code == "image_missing" for problem in bad)
            seq += 1
        while all(self._has_preview(name) for name in set_names(model.sha256, seq)):
            complete, seq = complete + 1, seq + 1
        if complete != model.images_count:
            detail = f"images_count is {model.images_count}, on disk are {complete} complete sets"
            problems.append(Problem("images_count_wrong", model.path, detail))
        if all(problem.code != "file_missing" for problem in problems):
            problems += self._check_hash(model)
        return problems

    def _check_file(self, path: str) -> list[Problem]:
        if self._disk.sizes([path])[0] is None:
            return [Problem("file_missing", path, "no such file")]
        return []

    def _has_preview(self, name: str) -> bool:
        try:
            return self._files.preview(name) is not None
        except UnusableImage:
            return False

    def _check_preview(self, name: str) -> Problem | None:
        path = self._files.path_of(name)
        try:
            data = self._files.preview(name)
            if data is None:
                return Problem("image_missing", path, "no such file")
            self.images += 1
            self._codec.check(data)
        except UnusableImage as reason:
            return Problem("image_unreadable", path, reason.detail)
        return None

    def _check_hash(self, model: StoredModel) -> list[Problem]:
        if not SHA256_HEX.fullmatch(model.sha256):
            return []
        if self._rehash is None or not self._rehash.holds(model.sha256):
            return []
        try:
            found, _ = self._disk.sha256(model.path, lambda _: None)
        except UnusableFile as reason:
            return [Problem(reason.code, model.path, reason.message)]
        if found == model.sha256:
            return []
        return [Problem("hash_mismatch", model.path, f"recorded {model.sha256}, found {found}")]

    async def _pending(self) -> AsyncIterator[Problem]:
        after = BEFORE_FIRST
        while page := await self._records.ask(StoredWaiting(after, PAGE)):
            after = page[-1].id
            for model in page:
                for problem in await self._thread(self._check_waiting, model):
                    yield problem

    def _check_waiting(self, model: StoredPending) -> list[Problem]:
        """In a thread."""
        problems = [Problem("record_invalid", model.path, defect) for defect in model.defects]
        problems += self._check_file(model.path)
        for name in model.images:
            if not self._files.has_original(name):
                detail = f"the original {name} of pending model {model.id} is not there"
                problems.append(Problem("image_missing", model.path, detail))
        return problems

    async def _strays(self) -> AsyncIterator[Problem]:
        names = self._files.preview_names()
        while chunk := await self._thread(_take, names):
            parsed = {name: PREVIEW_NAME.fullmatch(name) for name in chunk}
            hashes = {match["sha256"] for match in parsed.values() if match is not None}
            counts = await self._records.ask(ImagesCounts(sorted(hashes)))
            for name, match in parsed.items():
                if match is None:
                    detail = "no preview of version 2 is called so"
                elif match["sha256"] not in counts:
                    detail = "no active model has this hash"
                elif int(match["seq"]) >= counts[match["sha256"]]:
                    detail = f"its model has {counts[match['sha256']]} preview sets"
                else:
                    continue
                yield Problem("image_stray", self._files.path_of(name), detail)

    async def _thread(self, function: Callable[..., T], *arguments: object) -> T:
        return await to_thread.run_sync(function, *arguments, limiter=self._cpu)


def _take(names: Iterator[str]) -> list[str]:
    return list(islice(names, PAGE))
