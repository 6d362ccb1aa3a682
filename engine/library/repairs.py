"""Repairs of an owned library: asked for one at a time, and told of before they are done."""

from __future__ import annotations

import anyio

from engine.actors.writer import Commits
from engine.facts.repair_report import RepairMode, RepairReport
from engine.library.repair import Promote, Repair
from engine.ports.bundle import Ports
from engine.ports.mending import MendingFiles
from engine.runs.resources import WorkerResources


class Repairs:
    """Mends the library of a service, beside whatever else it does."""

    def __init__(
        self,
        ports: Ports,
        resources: WorkerResources,
        writer: Commits,
        promote: Promote,
    ) -> None:
        self._ports = ports
        self._resources = resources
        self._writer = writer
        self._promote = promote
        self._turn = anyio.Lock()

    async def run(self, mode: RepairMode) -> RepairReport:
        """As `carry_out`, or as `plan`."""
        return await (self.carry_out() if mode is RepairMode.MEND else self.plan())

    async def carry_out(self) -> RepairReport:
        """Mend what is certain; whoever leaves stops it between two steps."""
        async with self._turn:
            return await self._repair(self._ports.mending, self._writer, self._promote).run()

    async def plan(self) -> RepairReport:
        """What `carry_out` would do; changes nothing."""
        return await self._repair().run()

    def _repair(
        self,
        files: MendingFiles | None = None,
        writer: Commits | None = None,
        promote: Promote | None = None,
    ) -> Repair:
        """One that changes what it is given the means for."""
        ports = self._ports
        return Repair(
            reader=ports.store,
            stored=ports.stored,
            models=ports.models,
            sources=ports.sources,
            codec=ports.codec,
            workers=ports.compute.slots,
            locks=self._resources.locks,
            files=files,
            writer=writer,
            promote=promote,
        )
