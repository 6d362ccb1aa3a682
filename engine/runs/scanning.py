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
from engine.ports.changes import AddFound
from engine.ports.queries import KnownPaths
from engine.runs.resemblance import KnownFiles
from engine.runs.resources import WorkerResources

CHUNK_FILES = 2_000
"""How many found files are looked up and added in one transaction; looking for records of their
sizes is one way through all records."""


class Scan:
    """One walk over all roots."""

    def __init__(self, resources: WorkerResources, writer: Commits) -> None:
        self._resources = resources
        self._writer = writer
        self._known = KnownFiles(resources, writer)

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
            told = await self._known.tell(unknown)
            moved += [file for file in told if isinstance(file, MovedFile)]
            new = [file for file, known in zip(unknown, told, strict=True) if known is False]
            skipped += len(chunk) - len(unknown) + told.count(True)
            added = await self._writer.commit(AddFound(new))
            pending_ids += added
        return ScanReport(scanned, len(pending_ids), pending_ids, skipped, moved)

    async def _unknown(self, files: list[FoundFile]) -> list[FoundFile]:
        paths = [path for file in files for path in (file.path, file.real_path)]
        known = await self._resources.journal.ask(KnownPaths(paths))
        return [file for file in files if not {file.path, file.real_path} & known]


def _take(files: Iterator[FoundFile]) -> list[FoundFile]:
    try:
        return list(islice(files, CHUNK_FILES))
    except UnusableFile as reason:
        raise ScanFailed(reason.message) from reason
