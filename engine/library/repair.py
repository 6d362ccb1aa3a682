"""How a library is mended: what verification names is mended where that is certain, and the rest is
told with what a person can do about it.

Each fault is a step of its own: files are made durable first, then the database tells of them.
A kill at any moment leaves a library that the next repair finishes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from anyio import CapacityLimiter

from engine.actors.locks import HashLocks
from engine.actors.writer import Commits
from engine.facts.files import UnusableFile
from engine.facts.findings import Fault, Finding
from engine.facts.preview_names import set_names
from engine.facts.repair_report import ADVICE, LeftOver, Repaired, RepairReport
from engine.facts.repairs import (
    DropLink,
    FillRecord,
    JoinActive,
    MendPreviews,
    Recount,
    Remedy,
    RestoreJournal,
    SetMeta,
    Sweep,
)
from engine.library.preview_mending import GOOD, MendedSets, PreviewMending, SetState
from engine.library.verification import Verification
from engine.ports.changes import Mend
from engine.ports.files import ModelFiles
from engine.ports.journal import Reader
from engine.ports.mending import MendingFiles
from engine.ports.previews import PreviewCodec
from engine.ports.queries import ActivePaths, StoredPendingAt
from engine.ports.source import SourceKind
from engine.ports.verification import StoredFiles

DEEDS: dict[type[Any], str] = {
    DropLink: "the link is removed",
    FillRecord: "what is missing is empty now",
    Recount: "it is counted anew",
    RestoreJournal: "it is made anew",
    SetMeta: "it is set right",
    Sweep: "it is removed",
}
"""What is done about a fault, by the remedy that needs nothing else."""

Promote = Callable[[int], Awaitable[bool]]
"""Has a waiting model become one with the active one; tells whether it did."""


def swept(left: list[Finding]) -> list[Repaired]:
    """What an interrupted process had left, and is gone since somebody owns the library."""
    return [_repaired(found.fault, DEEDS[Sweep]) for found in left]


def _repaired(fault: Fault, deed: str) -> Repaired:
    return Repaired(fault.code, fault.path, f"{fault.detail}: {deed}")


class Repair:
    """One pass over a library. Without a writer it only tells what it would do."""

    def __init__(
        self,
        *,
        reader: Reader,
        stored: StoredFiles,
        models: ModelFiles,
        sources: Mapping[str, SourceKind],
        codec: PreviewCodec,
        workers: int,
        locks: HashLocks,
        files: MendingFiles | None = None,
        writer: Commits | None = None,
        promote: Promote | None = None,
    ) -> None:
        self._verification = Verification(
            records=reader, files=stored, models=models, codec=codec, rehash=None, workers=workers
        )
        self._previews = PreviewMending(
            reader=reader,
            stored=stored,
            sources=sources,
            codec=codec,
            limiter=CapacityLimiter(1),
            files=files,
            writer=writer,
        )
        self._reader = reader
        self._stored = stored
        self._locks = locks
        self._writer = writer
        self._promote = promote

    async def run(self) -> RepairReport:
        """Mend, and tell of everything that was found."""
        report = RepairReport([], [])
        async for remedy, faults in self._groups():
            deeds = await self._deeds(remedy, faults)
            for fault, deed in zip(faults, deeds, strict=True):
                if deed is None:
                    advice = ADVICE[fault.code]
                    report.left.append(LeftOver(fault.code, fault.path, fault.detail, advice))
                else:
                    report.repaired.append(_repaired(fault, deed))
        return report

    async def _groups(self) -> AsyncIterator[tuple[Remedy | None, list[Fault]]]:
        """Problems that follow each other and have one remedy in common."""
        group: list[Finding] = []
        async for finding in self._verification.findings():
            if group and finding.remedy != group[0].remedy:
                yield group[0].remedy, [found.fault for found in group]
                group = []
            group.append(finding)
            if finding.remedy is None:
                yield None, [finding.fault]
                group = []
        if group:
            yield group[0].remedy, [found.fault for found in group]

    async def _deeds(self, remedy: Remedy | None, faults: list[Fault]) -> list[str | None]:
        """What was done about each fault, None where nothing was."""
        if isinstance(remedy, MendPreviews):
            async with self._locks.hold(remedy.sha256):
                mended = await self._previews.mend(remedy.sha256)
            return [self._deed_of(fault, remedy.sha256, mended) for fault in faults]
        if isinstance(remedy, JoinActive):
            return [await self._join(remedy.pending_id)] * len(faults)
        deed = DEEDS.get(type(remedy))
        if deed is not None and not isinstance(remedy, Sweep) and self._writer is not None:
            assert remedy is not None
            await self._writer.commit(Mend(remedy))
        return [deed] * len(faults)

    def _deed_of(self, fault: Fault, sha256: str, mended: MendedSets) -> str | None:
        if fault.code == "images_count_wrong":
            return None if mended.count is None else f"it counts {mended.count} now"
        for seq, state in mended.states.items():
            if fault.path in {self._stored.path_of(name) for name in set_names(sha256, seq)}:
                if state in GOOD:
                    return "it is made again"
                if state is SetState.LOST and mended.count is not None:
                    return "it is not counted any more"
        return None

    async def _join(self, pending_id: int) -> str | None:
        """A model that waits and the active one of its path become one, where the file is that of
        the active one."""
        pending = await self._reader.ask(StoredPendingAt(pending_id))
        if pending is None:
            return None
        hashes = await self._reader.ask(ActivePaths(pending.path))
        try:
            found = await self._verification.hash_of(pending.path)
        except UnusableFile:
            return None
        if hashes != [found]:
            return None
        if self._promote is not None and not await self._promote(pending_id):
            return None
        return "both are one now, and what the active one lacked is filled in"
