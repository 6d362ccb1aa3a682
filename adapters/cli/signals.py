"""What signals do to a command that owns a library."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import anyio
from anyio.abc import TaskStatus


class Stop:
    """Which signal has asked the command to stop, if any."""

    def __init__(self) -> None:
        self.signal: int | None = None


async def heed_signals(
    stop: Stop, leave: Callable[[], Coroutine[Any, Any, None]], *, task_status: TaskStatus[None]
) -> None:
    """The first signal is noted and calls `leave`; the second ends the process at once, even while
    `leave` waits: a kill loses nothing."""
    with suppress(NotImplementedError):  # Windows with asyncio: Ctrl-C ends the program
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async with anyio.create_task_group() as tasks:
                async for number in signals:
                    if stop.signal is not None:
                        os._exit(128 + number)
                    stop.signal = int(number)
                    tasks.start_soon(leave)
        return
    task_status.started()
