"""How a found file is told apart from those that records lead to, by another route or no more."""

from __future__ import annotations

from collections.abc import Sequence

from anyio import to_thread

from engine.actors.writer import Commits
from engine.facts.files import FileIdentity, FoundFile, UnusableFile
from engine.facts.scan_report import MovedFile
from engine.ports.changes import RememberHash
from engine.ports.queries import RecordsOfSizes
from engine.runs.hashing import FileHash, hash_file, hash_small_files
from engine.runs.resources import WorkerResources

TOGETHER = 128
"""How many small files are hashed before their hashes are remembered."""

Resemblance = MovedFile | bool
"""What a found file is: one that moved; True where a record leads to it; False where it is new."""


class KnownFiles:
    """Where records lead, as it was when the first file of their size was met.

    Each record is looked at once, however many files there are of its size.
    """

    def __init__(self, resources: WorkerResources, writer: Commits) -> None:
        self._resources = resources
        self._writer = writer
        self._sizes: set[int] = set()
        self._there: set[FileIdentity] = set()
        self._gone: dict[int, dict[str, str]] = {}

    async def tell(self, files: Sequence[FoundFile]) -> list[Resemblance]:
        """What each of the files is. Hashes only those of the size of one that is gone."""
        await self._learn({file.size for file in files} - self._sizes)
        found = await self._identities([file.path for file in files])
        known = [identity in self._there for identity in found]
        likely = [
            file
            for file, is_known in zip(files, known, strict=True)
            if not is_known and file.size in self._gone
        ]
        moved = await self._moved(likely)
        return [
            is_known or moved.get(file.path, False)
            for file, is_known in zip(files, known, strict=True)
        ]

    async def _learn(self, sizes: set[int]) -> None:
        if not sizes:
            return
        records = await self._resources.journal.ask(RecordsOfSizes(sorted(sizes)))
        found = await self._identities([path for _, _, path in records])
        for (size, sha256, path), identity in zip(records, found, strict=True):
            if identity is not None:
                self._there.add(identity)
            elif sha256:
                self._gone.setdefault(size, {})[sha256] = path
        self._sizes |= sizes

    async def _identities(self, paths: list[str]) -> list[FileIdentity | None]:
        return await to_thread.run_sync(
            self._resources.models.identities, paths, limiter=self._resources.io
        )

    async def _moved(self, files: list[FoundFile]) -> dict[str, MovedFile]:
        """Those that have the content of a record whose file is gone, by path."""
        moved = {}
        for start in range(0, len(files), TOGETHER):
            group = files[start : start + TOGETHER]
            for file, sha256 in zip(group, await self._hashes(group), strict=True):
                if sha256 in self._gone[file.size]:
                    before = self._gone[file.size][sha256]
                    moved[file.path] = MovedFile(sha256, before, file.path)
        return moved

    async def _hashes(self, files: list[FoundFile]) -> list[str]:
        """The hash of each file, empty where it cannot be read; none is read a second time."""
        paths = [file.path for file in files]
        hashed = await hash_small_files(self._resources, self._resources.compute, paths)
        await self._remember(files, hashed)
        return [
            await self._hash(file) if outcome is None else _sha256(outcome)
            for file, outcome in zip(files, hashed, strict=True)
        ]

    async def _hash(self, file: FoundFile) -> str:
        try:
            found = await hash_file(self._resources, self._resources.compute, file.path)
        except UnusableFile:
            return ""
        await self._remember([file], [found])
        return found.sha256

    async def _remember(
        self, files: Sequence[FoundFile], hashed: Sequence[FileHash | UnusableFile | None]
    ) -> None:
        read = [
            RememberHash(file.path, found.sha256, found.facts)
            for file, found in zip(files, hashed, strict=True)
            if isinstance(found, FileHash) and found.read
        ]
        if read:
            await self._writer.commit_all(read)


def _sha256(outcome: FileHash | UnusableFile) -> str:
    return outcome.sha256 if isinstance(outcome, FileHash) else ""
