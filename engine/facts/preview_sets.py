"""Which numbers a model's preview sets have, and whose they are: looked up on disk, since other
programs write the same folder and leave the count in the record as it was. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from engine.facts.previews import TIERS
from engine.facts.source import Notice

PROBES = 32
"""How many numbers are tried one by one for the last set, before all names are read."""


class SetsOnDisk(msgspec.Struct, frozen=True):
    """What lies on disk near the count of a record.

    `count` is the number after the last complete set, and `free` the one after the last of which
    any file is there; `incomplete` are numbers met on the way that lack a tier.
    """

    count: int
    free: int
    incomplete: tuple[int, ...]


class PlannedSet(msgspec.Struct, frozen=True):
    """A set that is about to be written, noted before it is: `digests` of its tiers, in order.

    By them what an interruption leaves is told from what others have put under its number.
    """

    sha256: str
    seq: int
    digests: tuple[bytes, ...]


def sets_on_disk(
    count: int, tiers_at: Callable[[int], int], numbers: Callable[[], Iterable[int]]
) -> SetsOnDisk:
    """Look for the end of a model's sets, from the count in its record, which may be any integer.

    `tiers_at` tells how many tiers of a number are there; `numbers` tells all that have any, and
    is asked only where the count is far beyond what is on disk.
    """
    counted = max(count, 0)
    seen: dict[int, int] = {}

    def tiers(seq: int) -> int:
        if seq not in seen:
            seen[seq] = tiers_at(seq)
        return seen[seq]

    def last(below: int, least: int) -> int:
        """The greatest number below that has at least so many tiers; -1 where none has."""
        probed = range(below - 1, max(below - 1 - PROBES, -1), -1)
        for seq in probed:
            if tiers(seq) >= least:
                return seq
        if len(probed) == below:
            return -1
        return max((seq for seq in numbers() if seq < below and tiers(seq) >= least), default=-1)

    free = counted
    while tiers(free):
        free += 1
    if free == counted:
        free = last(counted, 1) + 1
    complete = last(free, len(TIERS)) + 1
    incomplete = (seq for seq, found in seen.items() if 0 < found < len(TIERS))
    return SetsOnDisk(complete, free, tuple(sorted(incomplete)))


def told_of_sets(count: int, found: SetsOnDisk) -> list[Notice]:
    """What a person should know where the disk has other sets than the record counts."""
    notices = []
    if found.count != count:
        code = "previews_adopted" if found.count > count else "previews_gone"
        detail = f"images_count was {count}; by the sets on disk it is {found.count}"
        notices.append(Notice(code, detail))
    notices += [
        Notice("preview_incomplete", f"a tier of preview set {seq} is not there")
        for seq in found.incomplete
    ]
    return notices
