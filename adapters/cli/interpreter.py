"""How Python's interpreter is set for a program whose threads compute while its event loop answers.

What is set holds for the whole process, so a program does it and a library does not.
"""

from __future__ import annotations

import gc
import sys
from functools import cache

SWITCH_SECONDS = 0.001
"""How long a thread may compute before another that waits goes on. Python's own 5 ms are waited for
once for each thread that computes, and the event loop is one of several."""


@cache
def attune() -> None:
    """Once in a process, when all that the program is made of has been imported.

    A full garbage collection stops every thread to look at all objects; what was imported stays
    until the end, and is left out of it.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()
