"""How a model's identity is found: its file is hashed once, and known while it does not change."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from anyio import from_thread, to_thread

from engine.facts.assessment import AssessedRow
from engine.facts.decisions import claim_wrong
from engine.facts.files import FileFacts, UnusableFile
from engine.ports.files import ModelFiles
from engine.ports.queries import CachedHash
from engine.runs.resources import WorkerResources

ATTEMPTS = 3
"""How often a file that changes while it is read is read again."""


class FileHash:
    """A hash, how the file looked, and whether it had to be read for it."""

    def __init__(self, sha256: str, facts: FileFacts, read: bool) -> None:
        self.sha256 = sha256
        self.facts = facts
        self.read = read


async def hash_file(resources: WorkerResources, path: str) -> FileHash:
    """The SHA-256 of a file that holds still. Raises `UnusableFile`."""
    facts = await to_thread.run_sync(resources.models.facts, path, limiter=resources.io)
    known = await resources.journal.ask(CachedHash(path, facts))
    if known is not None:
        return FileHash(known, facts, read=False)
    for _ in range(ATTEMPTS):
        sha256, before = await _read(resources, path)
        after = await to_thread.run_sync(resources.models.facts, path, limiter=resources.io)
        if before == after:
            return FileHash(sha256, after, read=True)
    raise UnusableFile(
        "file_unstable",
        f"The file {path} keeps changing while it is read. Wait until whatever writes it has "
        "ended, then try again.",
    )


def identified(
    rows: list[AssessedRow], known: Mapping[str, tuple[str, FileFacts]], models: ModelFiles
) -> list[AssessedRow]:
    """Rows, those of files that look as they did when they were hashed with that hash.

    In a thread.
    """
    return [
        _identified(row, *known[row.model.path], models)
        if row.model.path in known and not row.sha256 and row.model.defect is None
        else row
        for row in rows
    ]


def _identified(row: AssessedRow, sha256: str, seen: FileFacts, models: ModelFiles) -> AssessedRow:
    try:
        if models.facts(row.model.path) != seen:
            return row
    except UnusableFile:
        return row
    wrong = claim_wrong(row.model.claimed_sha256, row.model.claimed_by, sha256)
    warnings = row.warnings if wrong is None else (*row.warnings, wrong)
    return msgspec.structs.replace(row, sha256=sha256, warnings=warnings)


async def _read(resources: WorkerResources, path: str) -> tuple[str, FileFacts]:
    seen = 0

    def advance(amount: int) -> None:
        nonlocal seen
        seen += amount
        resources.meter.under_way += amount
        from_thread.check_cancelled()

    try:
        return await to_thread.run_sync(
            resources.models.sha256, path, advance, limiter=resources.cpu
        )
    finally:
        # From here on the journal's own count tells of them.
        resources.meter.under_way -= seen
