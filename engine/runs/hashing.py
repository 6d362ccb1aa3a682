"""How a model's identity is found: its file is hashed once, and known while it does not change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from anyio import from_thread, to_thread

from engine.facts.files import FileFacts, UnusableFile
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


async def hash_small_files(
    resources: WorkerResources, paths: Sequence[str]
) -> list[FileHash | UnusableFile | None]:
    """The hash of each file, or why it has none; None for one that is large, or changes just now,
    and is better hashed by itself."""
    known = await resources.journal.ask(CachedHashes(paths))
    return await to_thread.run_sync(
        _hash_small_files, resources.models, paths, known, limiter=resources.cpu
    )


def _hash_small_files(
    models: ModelFiles, paths: Sequence[str], known: Mapping[str, tuple[FileFacts, str]]
) -> list[FileHash | UnusableFile | None]:
    """In a thread."""
    found: list[FileHash | UnusableFile | None] = []
    for path in paths:
        from_thread.check_cancelled()
        try:
            found.append(_hash_small_file(models, path, known.get(path)))
        except UnusableFile as reason:
            found.append(reason)
    return found


def _hash_small_file(
    models: ModelFiles, path: str, known: tuple[FileFacts, str] | None
) -> FileHash | None:
    facts = models.facts(path)
    if known is not None and known[0] == facts:
        return FileHash(known[1], facts, read=False)
    if facts.size > SMALL_BYTES:
        return None
    sha256, before = models.sha256(path, _unmeasured)
    after = models.facts(path)
    return FileHash(sha256, after, read=True) if before == after else None


def _unmeasured(_: int) -> None:
    """The progress within a small file matters to nobody."""


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
