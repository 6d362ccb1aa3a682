"""Draws mutants of `engine/` and `adapters/`, and tells which of them no test notices.

    python -m tests.mutations --count 40 --seed 7
    python -m tests.mutations --count 20 --seed 7 --in adapters/sqlite engine/runs/worker.py

The same seed draws the same mutants of the same source; the pictures of the demo are left out,
unless asked for. Tests run in a copy of the project. Ends with 1 where a mutant survived.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mutations.mutants import Mutant, mutants
from tests.mutations.trials import Bench

PROJECT = Path(__file__).parents[2]
EVERYTHING = ["engine", "adapters"]
PICTURES = {"demo"}


def drawn(project: Path, within: Sequence[str], count: int, seed: int) -> list[Mutant]:
    """So many mutants of the modules below these folders, or of these modules."""
    named = [project / name for name in within]
    modules = sorted(
        path.relative_to(project)
        for name in named
        for path in ([name] if name.is_file() else name.rglob("*.py"))
        if within != EVERYTHING or path.parent.name not in PICTURES
    )
    every = [
        mutant
        for module in modules
        for mutant in mutants(module, (project / module).read_text(encoding="utf-8"))
    ]
    return random.Random(seed).sample(every, min(count, len(every)))


def tell(line: str) -> None:
    """A line, as soon as it is known."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """Try mutants out; 1 where one survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--count", type=int, default=40, help="how many mutants")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="which ones")
    parser.add_argument("--in", dest="within", nargs="+", default=EVERYTHING)
    parser.add_argument("--seconds", type=float, default=900, help="how long tests may take")
    parser.add_argument("--jobs", type=int, default=0, help="how many processes run tests")
    parser.add_argument("--from", dest="first", type=int, default=1, help="go on with this one")
    given = parser.parse_args(arguments)
    chosen = drawn(PROJECT, given.within, given.count, given.seed)
    tell(f"{len(chosen)} mutants, --seed {given.seed}")
    survived = 0
    with TemporaryDirectory(prefix="reshelve-mutations-") as folder:
        bench = Bench(PROJECT, Path(folder), given.seconds, given.jobs)
        for number, mutant in enumerate(chosen[given.first - 1 :], given.first):
            trial = bench.try_out(mutant)
            if "::" in trial.noticed and not bench.is_sound(trial.noticed):
                trial = trial._replace(noticed=f"{trial.noticed}, WHICH FAILS WITHOUT IT")
            survived += not trial.noticed
            tell(f"{number:>4}  {trial}")
    tried = len(chosen) - given.first + 1
    tell(f"{tried - survived} of {tried} were noticed")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
