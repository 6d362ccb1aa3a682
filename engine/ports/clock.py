"""What time it is: a port, so that a test can hold the clock still."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time that is written into the journal."""

    def now(self) -> int:
        """Milliseconds since 1970."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> int:
        """Milliseconds since 1970."""
        return time.time_ns() // 1_000_000
