"""Many points of attack, shared out to a few fork servers, and the totals of what came of them."""

from __future__ import annotations

import os
import queue
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

from tests.faults.attempts import Attempt
from tests.faults.forkserver import ForkServer, fork_servers
from tests.faults.interposer import Fault, Tally, settings
from tests.faults.scenarios import Scenario, scenarios

SERVERS = 2
"""How many points are tried at once: two, as sweeps have two processors at the least."""

Point = Callable[[ForkServer, Path], Attempt]
"""One attack, with a server and a folder of its own."""


class Total(NamedTuple):
    """What came of a sweep: points tried, faults that struck, and each divergence."""

    name: str
    tried: int
    struck: int
    divergences: list[str]

    def __str__(self) -> str:
        return f"{self.name:<42}{self.tried:>7}{self.struck:>8}{len(self.divergences):>13}"


HEAD = f"{'sweep':<42}{'points':>7}{'struck':>8}{'divergences':>13}"


class Ground(NamedTuple):
    """Where attacks take place: scenarios, and servers that are free."""

    folder: Path
    servers: queue.SimpleQueue[ForkServer]
    scenarios: dict[str, Scenario]

    @contextmanager
    def server(self) -> Iterator[ForkServer]:
        """A server that nobody else has, for the length of a block."""
        server = self.servers.get()
        try:
            yield server
        finally:
            self.servers.put(server)


@contextmanager
def warm_ground(folder: Path) -> Iterator[Ground]:
    """A ground with its servers started and its scenarios known."""
    with fork_servers(folder, SERVERS) as servers:
        free: queue.SimpleQueue[ForkServer] = queue.SimpleQueue()
        for server in servers:
            free.put(server)
        yield Ground(folder, free, scenarios(servers[0], folder / "scenarios"))


def sweep(name: str, points: Iterable[Point], ground: Ground) -> Total:
    """Try all points, as many at once as there are servers, and tell the total."""

    def attack(number: int, point: Point) -> Attempt:
        folder = ground.folder / f"{name} {number}"
        folder.mkdir()
        with ground.server() as server:
            return point(server, folder)

    with ThreadPoolExecutor(SERVERS) as pool:
        attempts = list(pool.map(attack, *zip(*enumerate(points), strict=True)))
    diverged = [a for a in attempts if a.divergences]
    total = Total(
        name,
        len(attempts),
        sum(a.struck for a in attempts),
        [f"{a.point}: {'; '.join(a.divergences)}" for a in diverged],
    )
    tell(str(total))
    for divergence in total.divergences:
        tell(f"    {divergence}")
    return total


@contextmanager
def totalled() -> Iterator[list[Total]]:
    """A table of the sweeps of a block; their sum is its last line."""
    tell(HEAD)
    found: list[Total] = []
    yield found
    divergences = [divergence for total in found for divergence in total.divergences]
    tried, struck = sum(t.tried for t in found), sum(t.struck for t in found)
    tell(f"{Total('all', tried, struck, divergences)}\n")


def tell(line: str) -> None:
    """A line of the table, as soon as it is known."""
    sys.stdout.write(f"\n{line}")
    sys.stdout.flush()


def calls(ground: Ground, scenario: Scenario, kind: str, resumes_after: Fault | None) -> int:
    """How many calls of an operation, or of resuming it after a fault, can fail in a way."""
    folder = Path(mkdtemp(dir=ground.folder))
    stage, tally = scenario.prepare(folder / "stage"), Tally(folder / "tally")
    armed = settings(stage, Fault(kind, 0), tally)
    client = scenario.client and kind in ("kill", "tear")
    ask = scenario.ask_client if client or not scenario.command else scenario.ask
    with ground.server() as server:
        if resumes_after is None:
            ask(server, stage, armed)
        else:
            ask(server, stage, settings(stage, resumes_after))
            scenario.resume(server, stage, armed)
    return tally.calls


def spread(total: int, wanted: int) -> Sequence[int]:
    """So many numbers from 1 to `total`, evenly."""
    if wanted >= total:
        return range(1, total + 1)
    return sorted({1 + round(i * (total - 1) / max(wanted - 1, 1)) for i in range(wanted)})


def busy() -> float:
    """How many times slower than an idle machine this one is, as far as it tells."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
