"""What workers share: ports, the bound on what they may use of the disk, and who computes."""

from __future__ import annotations

import msgspec
from anyio import CapacityLimiter

from engine.actors.locks import HashLocks
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

    def computing(self, item_is_suspect: bool) -> Compute:
        """Who computes for an item."""
        return self.isolated if item_is_suspect else self.compute
