"""How new files are found: model folders are walked, and what is not known by its path waits.

A file that moved is told apart from a new one: an active record's file is gone, and a file of
the same size and hash lies elsewhere. Nothing is ever deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from anyio import to_thread

from engine.actors.writer import Commits
from engine.errors import NoRoots, ScanFailed
from engine.facts.files import FoundFile, Root, UnusableFile
from engine.facts.scan_report import MovedFile, ScanReport
from engine.ports.changes import AddFound, RememberHash
from engine.ports.queries import KnownPaths, RecordsOfSize
from engine.runs.hashing import hash_file
from engine.runs.resources import WorkerResources

CHUNK_FILES = 500
"""How many found files are looked up and added in one transaction."""


class Scan:
    """One walk over all roots."""

    def __init__(self, resources: WorkerResources, writer: Commits) -> None:
        self._resources = resources
        self._writer = writer

    async def run(self, roots: Sequence[Root]) -> ScanReport:
        """Walk, and add what is new. Raises `NoRoots`, `ScanFailed`."""
        if not roots:
            raise NoRoots
        scanned, skipped = 0, 0
        pending_ids: list[int] = []
        moved: list[MovedFile] = []
        files = self._resources.models.walk(roots)
        while chunk := await to_thread.run_sync(_take, files, limiter=self._resources.io):
            scanned += len(chunk)
            unknown = await self._unknown(chunk)
            moves = [await self._moved(file) for file in unknown]
            moved += [move for move in moves if isinstance(move, MovedFile)]
            new = [file for file, move in zip(unknown, moves, strict=True) if move is False]
            skipped += len(chunk) - len(unknown) + sum(move is True for move in moves)
            added = await self._writer.commit(AddFound(new))
            pending_ids += added
        return ScanReport(scanned, len(pending_ids), pending_ids, skipped, moved)

    async def _unknown(self, files: list[FoundFile]) -> list[FoundFile]:
        paths = [path for file in files for path in (file.path, file.real_path)]
        known = await self._resources.journal.ask(KnownPaths(paths))
        return [file for file in files if not {file.path, file.real_path} & known]

    async def _moved(self, file: FoundFile) -> MovedFile | bool:
        """Whether an active record's file has come to lie here; True where a record's path leads
        to this very file by another route. Hashes only likely ones."""
        records = await self._resources.journal.ask(RecordsOfSize(file.size))
        if not records:
            return False
        models = self._resources.models
        same = await to_thread.run_sync(
            models.same_files, file.path, [path for _, path in records], limiter=self._resources.io
        )
        if any(same):
            return True
        gone = {
            sha256: path
            for (sha256, path), found in zip(records, same, strict=True)
            if found is None and sha256
        }
        if not gone:
            return False
        try:
            found = await hash_file(self._resources, self._resources.compute, file.path)
        except UnusableFile:
            return False
        if found.read:
            await self._writer.commit(RememberHash(file.path, found.sha256, found.facts))
        if found.sha256 not in gone:
            return False
        return MovedFile(found.sha256, gone[found.sha256], file.path)


def _take(files: Iterator[FoundFile]) -> list[FoundFile]:
    try:
        return list(islice(files, CHUNK_FILES))
    except UnusableFile as reason:
        raise ScanFailed(reason.message) from reason
