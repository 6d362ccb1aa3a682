"""How Python's interpreter is set for a program: its threads, its memory, what it can import.

What is set holds for the whole process, so a program does it and a library does not.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

SWITCH_SECONDS = 0.001
"""How long a thread may compute before another that waits goes on. Python's own 5 ms are waited for
once for each thread that computes, and the event loop is one of several."""


@cache
def attune() -> None:
    """For threads that compute while an event loop answers: once in a process, when all that the
    program is made of has been imported.

    A full garbage collection stops every thread to look at all objects; what was imported stays
    until the end, and is left out of it.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()


@contextmanager
def without(optional: str) -> Iterator[None]:
    """Within, a module counts as not installed for whoever can do without it.

    `msgspec` takes `typing_extensions` where it is, and `typing` where it is not: the first brings
    `inspect`, `ast`, `dis` and `tokenize` with it, a fifth of what `reshelve status` takes.
    """
    if optional in sys.modules:
        yield
        return
    # What the import system documents for "not to be found": `ModuleNotFoundError` at once.
    sys.modules[optional] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[optional]
