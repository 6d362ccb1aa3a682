"""That the counts a run keeps are those of its items, whatever happens in whatever order."""

from __future__ import annotations

import tempfile
from pathlib import Path

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.facts.assessment import AssessedRow
from engine.facts.conflicts import ConflictStrategy
from engine.facts.source import Notice
from engine.facts.work import Run, Work, WorkItem
from engine.ports.changes import Release, RetryFailed
from engine.ports.queries import StatusOf
from tests.contract.bench import AT, Bench, finished, image, opened, parked
from tests.unit.rows import BROKEN, row, sha

COUNT_ITEMS = "SELECT state, count(*) FROM migration_items WHERE run_id = ? GROUP BY state"
COUNT_WORK = """
SELECT count(*) FROM migration_items WHERE run_id = ? AND work IS NOT NULL AND state <> 'failed'
"""
COUNT_IMAGES_LEFT = """
SELECT coalesce(sum(json_array_length(candidate, '$.images')), 0) FROM migration_items
WHERE run_id = ? AND work IS NOT NULL AND state <> 'failed'
"""
COUNT_WARNINGS = "SELECT count(*) FROM migration_warnings WHERE run_id = ?"

Step = tuple[str, int]

steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["record", "record", "take", "end", "end", "fail", "release", "retry", "crash", "run"]
        ),
        st.integers(0, 11),
    ),
    max_size=16,
)


class Story:
    """Things that happen to a library, chosen by number among those that can."""

    def __init__(self, bench: Bench, strategy: ConflictStrategy) -> None:
        self._bench = bench
        self._strategy = strategy
        self._key = 0
        self.run: Run

    async def begin(self) -> None:
        self.run = await self._bench.open_run(strategy=self._strategy)

    async def happen(self, step: Step) -> None:
        name, number = step
        if name == "record":
            await self._bench.record(self.run, *[self._row(number + n) for n in range(3)])
        elif name == "retry":
            await self._bench.store.apply([RetryFailed(self.run.id, AT)])
        elif name == "crash":
            await self._bench.crash()
        elif name == "run":
            await self._bench.end_run(self.run)
            await self.begin()
        elif items := await self._bench.work(self.run):
            await self._work(name, number, items[number % len(items)])

    async def _work(self, name: str, number: int, item: WorkItem) -> None:
        if name == "take":
            await self._bench.take(item)
        elif name == "release":
            await self._bench.store.apply([Release(item)])
        elif name == "fail":
            await self._bench.fail(item)
        elif item.sha256 and item.work is Work.PREVIEWS:
            previews = await self._bench.take(item)
            fresh = [image(f"{item.place}.png")] * (number % 2)
            change = finished(
                item,
                *fresh,
                previews=previews.images_count,
                refused=["gone.png"] * (number % 3),
                warnings=[Notice("image_missing", "gone.png")] * (number % 3),
            )
            await self._bench.store.apply([change])
        else:
            await self._bench.store.apply([parked(item, f"{item.place}.png")])

    def _row(self, number: int) -> AssessedRow:
        """Few hashes and few paths, so that rows meet."""
        self._key += 1
        return row(
            self._key,
            path=f"/models/{number % 5}",
            sha256="" if number % 3 == 0 else sha(number % 4),
            images=("a.png",) * (number % 2),
            defect=BROKEN if number == 11 else None,
        )


async def check(bench: Bench, run: Run) -> None:
    status = await bench.store.ask(StatusOf(run.id))
    counted = dict(bench.sql(COUNT_ITEMS, run.id))
    ((work,),) = bench.sql(COUNT_WORK, run.id)
    ((warnings,),) = bench.sql(COUNT_WARNINGS, run.id)
    counts = status.counts
    assert {
        "pending": counts.pending,
        "imported": counts.imported,
        "images_done": counts.images_done,
        "promoted": counts.promoted,
        "failed": counts.failed,
    } == {
        state: counted.get(state, 0)
        for state in ("pending", "imported", "images_done", "promoted", "failed")
    }
    assert (counts.total, status.work, status.warnings) == (
        sum(counted.values()),
        work,
        warnings,
    )
    ((left,),) = bench.sql(COUNT_IMAGES_LEFT, run.id)
    assert status.images.total == status.images.done + status.images.failed + left


@pytest.mark.parametrize("strategy", ["merge", "override", "ignore"])
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(story=steps)
def test_the_counts_of_a_run_are_those_of_its_items(strategy: str, story: list[Step]) -> None:
    async def tell() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with opened(Path(folder)) as bench:
                told = Story(bench, ConflictStrategy(strategy))
                await told.begin()
                for step in story:
                    await told.happen(step)
                await check(bench, told.run)

    anyio.run(tell)
