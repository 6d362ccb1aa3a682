"""How originals that have become previews leave the disk."""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread

from engine.actors.writer import Commits
from engine.ports.changes import ForgetUnusedOriginals
from engine.ports.files import LibraryFiles
from engine.ports.journal import Reader
from engine.ports.queries import UnusedOriginals


async def remove_unused_originals(
    reader: Reader, writer: Commits, library: LibraryFiles, io: CapacityLimiter
) -> None:
    """A later step than the commit that made them needless: a crash between repeats it."""
    if names := await reader.ask(UnusedOriginals()):
        await to_thread.run_sync(library.remove_originals, names, limiter=io)
        await writer.commit(ForgetUnusedOriginals(names))
