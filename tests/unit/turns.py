"""Taking turns: how a test lets other tasks go on until they wait, without a clock."""

from __future__ import annotations

from anyio.lowlevel import checkpoint

TURNS = 60
"""More turns than any chain of tasks in these tests has links; there are no threads in them."""


async def others_wait() -> None:
    """Return when every other task waits for something. anyio's own way polls a clock."""
    for _ in range(TURNS):
        await checkpoint()
