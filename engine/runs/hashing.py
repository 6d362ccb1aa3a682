"""How a model's identity is found: its file is hashed once, and known while it does not change."""

from __future__ import annotations

from anyio import to_thread

from engine.facts.files import FileFacts, UnusableFile
from engine.ports.compute import Compute, Hashed
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
