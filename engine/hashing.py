"""How a model's identity is found: its file is hashed once, and known while it does not change."""

from __future__ import annotations

from anyio import from_thread, to_thread

from engine.files import FileFacts, UnusableFile
from engine.workshop import Workshop

ATTEMPTS = 3
"""How often a file that changes while it is read is read again."""


class FileHash:
    """A hash, how the file looked, and whether it had to be read for it."""

    def __init__(self, sha256: str, facts: FileFacts, read: bool) -> None:
        self.sha256 = sha256
        self.facts = facts
        self.read = read


async def hash_file(shop: Workshop, path: str) -> FileHash:
    """The SHA-256 of a file that holds still. Raises `UnusableFile`."""
    facts = await to_thread.run_sync(shop.models.facts, path, limiter=shop.io)
    known = await shop.journal.cached_hash(path, facts)
    if known is not None:
        return FileHash(known, facts, read=False)
    for _ in range(ATTEMPTS):
        sha256, before = await _read(shop, path)
        after = await to_thread.run_sync(shop.models.facts, path, limiter=shop.io)
        if before == after:
            return FileHash(sha256, after, read=True)
    raise UnusableFile(
        "file_unstable",
        f"The file {path} keeps changing while it is read. Wait until whatever writes it has "
        "ended, then retry.",
    )


async def _read(shop: Workshop, path: str) -> tuple[str, FileFacts]:
    seen = 0

    def advance(amount: int) -> None:
        nonlocal seen
        seen += amount
        shop.meter.under_way += amount
        from_thread.check_cancelled()

    try:
        return await to_thread.run_sync(shop.models.sha256, path, advance, limiter=shop.cpu)
    finally:
        # From here on the journal's own count tells of them.
        shop.meter.under_way -= seen
