"""How a model's identity is found: its file is hashed once, and known while it does not change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from anyio import to_thread

from engine.facts.assessment import AssessedRow
from engine.facts.decisions import claim_wrong
from engine.facts.files import FileFacts, UnusableFile
from engine.ports.compute import Compute, Hashed
from engine.ports.files import ModelFiles
from engine.ports.queries import CachedHash, CachedHashes
from engine.runs.resources import WorkerResources

ATTEMPTS = 3
"""How often a file that changes while it is read is read again."""


SMALL_BYTES = 1 << 20
"""A file up to this size is hashed with others in one go of a thread."""


class FileHash(msgspec.Struct, frozen=True):
    """A hash, how the file looked, and whether it had to be read for it."""

    sha256: str
    facts: FileFacts
    read: bool


async def hash_file(resources: WorkerResources, compute: Compute, path: str) -> FileHash:
    """The SHA-256 of a file that holds still. Raises `UnusableFile`."""
    facts = await to_thread.run_sync(resources.models.facts, path, limiter=resources.io)
    known = await resources.journal.ask(CachedHash(path, facts))
    if known is not None:
        return FileHash(known, facts, read=False)
    for _ in range(ATTEMPTS):
        hashed = await _read(resources, compute, path)
        after = await to_thread.run_sync(resources.models.facts, path, limiter=resources.io)
        if hashed.facts == after:
            return FileHash(hashed.sha256, after, read=True)
    raise UnusableFile(
        "file_unstable",
        f"The file {path} keeps changing while it is read. Wait until whatever writes it has "
        "ended, then try again.",
    )


async def hash_small_files(
    resources: WorkerResources, compute: Compute, paths: Sequence[str]
) -> list[FileHash | UnusableFile | None]:
    """The hash of each file, or why it has none; None for one that is large, or changes just now,
    and is better hashed by itself."""
    known = await resources.journal.ask(CachedHashes(paths))
    looks = dict(zip(paths, await _look_at(resources, paths), strict=True))
    found: dict[str, FileHash | UnusableFile | None] = {}
    for path, facts in looks.items():
        if isinstance(facts, UnusableFile):
            found[path] = facts
        elif path in known and known[path][0] == facts:
            found[path] = FileHash(known[path][1], facts, read=False)
        elif facts.size > SMALL_BYTES:
            found[path] = None
    unread = [path for path in looks if path not in found]
    if unread:
        hashed = await compute.hash_all(unread)
        after = await _look_at(resources, unread)
        found |= map(_held_still, unread, hashed, after)
    return [found[path] for path in paths]


async def _look_at(
    resources: WorkerResources, paths: Sequence[str]
) -> list[FileFacts | UnusableFile]:
    return await to_thread.run_sync(_facts_of, resources.models, paths, limiter=resources.io)


def _facts_of(models: ModelFiles, paths: Sequence[str]) -> list[FileFacts | UnusableFile]:
    """In a thread."""
    found: list[FileFacts | UnusableFile] = []
    for path in paths:
        try:
            found.append(models.facts(path))
        except UnusableFile as reason:
            found.append(reason)
    return found


def _held_still(
    path: str, hashed: Hashed | UnusableFile, after: FileFacts | UnusableFile
) -> tuple[str, FileHash | UnusableFile | None]:
    """The hash of a file, where it looks afterwards as it did when it was read."""
    if isinstance(hashed, UnusableFile):
        return path, hashed
    if isinstance(after, UnusableFile):
        return path, after
    still = hashed.facts == after
    return path, FileHash(hashed.sha256, after, read=True) if still else None


def identified(
    rows: list[AssessedRow], known: Mapping[str, tuple[FileFacts, str]], models: ModelFiles
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


def _identified(row: AssessedRow, seen: FileFacts, sha256: str, models: ModelFiles) -> AssessedRow:
    try:
        if models.facts(row.model.path) != seen:
            return row
    except UnusableFile:
        return row
    wrong = claim_wrong(row.model.claimed_sha256, row.model.claimed_by, sha256)
    warnings = row.warnings if wrong is None else (*row.warnings, wrong)
    return msgspec.structs.replace(row, sha256=sha256, warnings=warnings)


async def _read(resources: WorkerResources, compute: Compute, path: str) -> Hashed:
    seen = 0

    def advance(amount: int) -> None:
        nonlocal seen
        seen += amount
        resources.meter.under_way += amount

    try:
        return await compute.hash(path, advance)
    finally:
        # From here on the journal's own count tells of them.
        resources.meter.under_way -= seen
