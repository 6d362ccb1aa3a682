"""When the system has no more descriptors or memory to give, which is no fault of any file."""

from __future__ import annotations

import errno

from engine.errors import StorageFailed

EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def exhaustion(error: Exception, path: str) -> StorageFailed | None:
    """What to raise instead of blaming the file; None where the error is the file's own."""
    if isinstance(error, OSError) and error.errno in EXHAUSTED:
        return StorageFailed(path, error.strerror or str(error))
    return None
