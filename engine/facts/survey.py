"""What a migration would find, as it is told."""

from __future__ import annotations

import msgspec

from engine.facts.recognition import Found
from engine.facts.source import Defect


class DatabaseSurvey(msgspec.Struct, frozen=True):
    """The source's rows. `readable` and `rows` are None where time or room did not suffice.

    `hashed`, `unhashed` and `images` (how many images the rows name) are of the rows seen so far
    unless `complete`.
    """

    path: str
    found: bool
    readable: bool | None
    rows: int | None = None
    hashed: int = 0
    unhashed: int = 0
    images: int = 0
    complete: bool = False
    error: Defect | None = None


class ImagesSurvey(msgspec.Struct, frozen=True):
    """The image folder; `missing` counts images that seen rows name and that are not there."""

    path: str
    found: bool
    readable: bool
    missing: int | None


class SpaceSurvey(msgspec.Struct, frozen=True):
    """The room on the library's disk, and an estimate of what a migration takes of it.

    That is a copy of the source while it is read, `JOURNAL_SHARE` of its size, `PREVIEW_SHARE`
    of the images of hashed rows, and the images of rows that will wait as they are.
    """

    needed_bytes: int
    free_bytes: int
    enough: bool


class Survey(msgspec.Struct, frozen=True):
    """What a migration would find, and whether it can be started.

    `found` has what was recognised at `location`: one source where it can be started, several
    where it has to be said first which is meant.
    """

    database: DatabaseSurvey
    images: ImagesSurvey
    space: SpaceSurvey
    can_start: bool
    location: str
    found: list[Found]
