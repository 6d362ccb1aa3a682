"""The mark of a process that waits: other processes cannot read it in a database that is locked.

Imports little: `last_status` needs it.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

MARK_NAME = ".reshelve-waiting"


class WaitMark:
    """A file beside the database, there while the library's owner waits for another program.

    Whether there is such an owner is for others to tell: one that was killed leaves the file.
    """

    def __init__(self, library: Path) -> None:
        self._path = library / MARK_NAME
        self._is_put = False

    def put(self) -> None:
        """The owner waits; what the disk refuses is told nobody."""
        if not self._is_put:
            self._is_put = True
            with suppress(OSError):
                self._path.touch()

    def take_away(self) -> None:
        """The owner does not wait any more."""
        if self._is_put:
            self._is_put = False
            self.clear()

    def clear(self) -> None:
        """Remove what is there, whoever has put it."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    @property
    def is_there(self) -> bool:
        """Whether the owner waits, if there is one."""
        try:
            return self._path.exists()
        except OSError:
            return False
