"""What workers share: ports, the bound on what they may use of the disk, and who computes."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from anyio import CapacityLimiter

from engine.actors.locks import HashLocks
from engine.facts.work import WorkItem
from engine.ports.clock import Clock
from engine.ports.compute import Compute, Encoder
from engine.ports.files import LibraryFiles, ModelFiles
from engine.ports.journal import Reader


class HashMeter:
    """Bytes hashed in files that are not finished; whoever hashes adds, the status reads."""

    def __init__(self) -> None:
        self.under_way = 0


class WorkerResources(msgspec.Struct, frozen=True):
    """What all workers of a service share.

    `isolated` computes for items that were in hand in a crash: what takes it down takes nothing
    else with it.
    """

    journal: Reader
    compute: Compute
    isolated: Compute
    encoder: Encoder
    models: ModelFiles
    library: LibraryFiles
    io: CapacityLimiter
    clock: Clock
    meter: HashMeter
    locks: HashLocks

    def computing(self, items: Iterable[WorkItem]) -> Compute:
        """Who computes for these items together."""
        return self.isolated if any(item.suspect for item in items) else self.compute
