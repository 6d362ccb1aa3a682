"""What a scan tells: every file it looked at, in one place."""

from __future__ import annotations

import msgspec


class MovedFile(msgspec.Struct, frozen=True):
    """An active model whose file is gone from `path` and was found at `found`."""

    sha256: str
    path: str
    found: str


class ScanReport(msgspec.Struct, frozen=True):
    """What a scan found: every scanned file was added, skipped as known, or has moved."""

    scanned: int
    added: int
    pending_ids: list[int]
    skipped: int
    moved: list[MovedFile]
