"""Many callers at once: whatever they ask for and whenever they leave, it is as if they had come
one after the other."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from adapters.composition import Reshelve
from engine.facts.conflicts import ConflictStrategy
from engine.facts.promotion_report import PromotionReport
from engine.ports.queries import StatusOf
from engine.service import MigrationService
from tests.waiting_library import (
    Legacy,
    Row,
    active,
    expected_previews,
    migrate,
    originals,
    picture,
    preview_names,
    previews,
    query,
    sha_of,
    waiting,
)

pytestmark = pytest.mark.anyio

UNKNOWN = 5_000_000
STRATEGIES = [None, None, *ConflictStrategy]

PLACES = """
SELECT run_id, pending_id, outcome, code FROM migration_promotions ORDER BY run_id, place
"""
STRATEGY_OF = "SELECT id, strategy FROM migration_runs WHERE kind = 'promotion'"
COUNTED = """
SELECT name, n FROM migration_counts c JOIN migration_runs r ON r.id = c.run_id
WHERE r.kind = 'legacy' AND n <> 0
  AND name IN ('pending', 'imported', 'images_done', 'promoted', 'failed')
"""
GROUPED = "SELECT state, count(*) FROM migration_items GROUP BY state"
WORK_COUNTED = "SELECT run_id, n FROM migration_counts WHERE name = 'work' AND n <> 0"
WORK_LEFT = "SELECT count(*) FROM migration_items WHERE work IS NOT NULL AND state <> 'failed'"
UNENDED = "SELECT count(*) FROM migration_runs WHERE finished_at IS NULL"


class Size(msgspec.Struct, frozen=True):
    """How many models wait, how many callers come, and how many ids one asks for at most."""

    models: int
    callers: int
    ids: int


SMALL, FULL = Size(150, 24, 40), Size(1_000, 64, 200)


class Caller(msgspec.Struct):
    """What one asks for, after how many others were answered it leaves, and what it was told."""

    ids: list[int]
    strategy: ConflictStrategy | None
    leaves_after: int | None
    report: PromotionReport | None = None


class Crowd:
    """Models that wait, callers that come at once, and what became of both."""

    def __init__(self, folder: Path, size: Size, seed: int) -> None:
        self.chance = random.Random(seed)
        self.library = folder / "library"
        self.rows = {row.key: row for row in self._rows(size)}
        self.legacy = Legacy(folder / "legacy", self.rows.values())
        self.missing = set(self.chance.sample(sorted(self.rows), size.models // 50))
        for key in self.missing:
            self.legacy.path(self.rows[key]).unlink()
        self.callers = [self._caller(size) for _ in range(size.callers)]
        self.answered = 0
        self.leaving: list[tuple[int, anyio.CancelScope]] = []

    def _rows(self, size: Size) -> list[Row]:
        """Three models share a content now and then, and some have one or two images."""
        return [
            Row(
                key,
                f"content {self.chance.randrange(size.models * 2 // 3)}".encode(),
                name=f"model {key}",
                images=tuple(
                    (f"{key}-{seq}.png", picture(3 * key + seq))
                    for seq in range(self.chance.choice((0,) * 9 + (1, 2)))
                ),
                tags=tuple(self.chance.sample(("a", "b", "c", "d"), 2)),
            )
            for key in range(1, size.models + 1)
        ]

    def _caller(self, size: Size) -> Caller:
        ids = self.chance.sample(sorted(self.rows), self.chance.randint(1, size.ids))
        if self.chance.random() < 0.2:
            ids.append(UNKNOWN)
        leaves = self.chance.random() < 0.3
        return Caller(
            ids,
            self.chance.choice(STRATEGIES),
            self.chance.randrange(size.callers) if leaves else None,
        )

    async def call(self, service: MigrationService, caller: Caller) -> None:
        """Ask, and leave when it is time."""
        with anyio.CancelScope() as scope:
            if caller.leaves_after is not None:
                self.leaving.append((caller.leaves_after, scope))
            caller.report = await service.promote(caller.ids, caller.strategy)
        self.answered += 1
        for after, leaver in self.leaving:
            if after <= self.answered:
                leaver.cancel()

    async def come(self) -> None:
        """All at once; the service closes when the last promotion has ended."""
        async with Reshelve().service(self.library, 2) as service:
            await migrate(service, self.legacy)
            async with anyio.create_task_group() as tasks:
                for caller in self.callers:
                    tasks.start_soon(self.call, service, caller)
            # Who left goes on to be served; a last request comes after all of them.
            await service.promote([UNKNOWN], None)

    @property
    def reports(self) -> list[tuple[Caller, PromotionReport]]:
        """Those who stayed, and what they were told."""
        return [(c, c.report) for c in self.callers if c.report is not None]


class Sequence:
    """What must become of the requests when they are served one after the other."""

    def __init__(self, crowd: Crowd) -> None:
        self.waiting = set(crowd.rows)
        self.shelved: dict[str, list[Row]] = {}
        self.outcomes: list[tuple[str, str | None]] = []
        strategies = dict(query(crowd.library, STRATEGY_OF))
        for run_id, key, _, _ in query(crowd.library, PLACES):
            self.outcomes.append(self._promote(crowd, key, strategies[run_id]))

    def _promote(self, crowd: Crowd, key: int, strategy: str) -> tuple[str, str | None]:
        if key not in self.waiting:
            return "failed", "unknown_id"
        if key in crowd.missing:
            return "failed", "file_missing"
        row = crowd.rows[key]
        there = self.shelved.setdefault(sha_of(row.content), [])
        if there and strategy in {"", "ignore"}:
            return ("ignored" if strategy else "conflict"), None
        self.waiting.discard(key)
        if there and strategy == "delete":
            return "deleted", None
        there.append(row)
        return "success", None


def ids_in(report: PromotionReport) -> list[list[object]]:
    return [
        [*report.success],
        [conflict.pending.id for conflict in report.conflict],
        [*report.ignored],
        [*report.deleted],
        [refusal.id for refusal in report.failed],
    ]


# --- served once for all tests of a size and a backend


@pytest.fixture(
    scope="module", params=[SMALL, pytest.param(FULL, marks=pytest.mark.long)], ids=["few", "many"]
)
async def crowd(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, anyio_backend: str
) -> Crowd:
    crowd = Crowd(tmp_path_factory.mktemp("crowd"), request.param, seed=20_240_229)
    with anyio.fail_after(280):
        await crowd.come()
    return crowd


@pytest.fixture(scope="module")
def sequence(crowd: Crowd) -> Sequence:
    return Sequence(crowd)


async def test_some_stay_and_some_leave(crowd: Crowd) -> None:
    assert 0 < len(crowd.reports) < len(crowd.callers)


async def test_an_id_is_won_by_one_caller_at_most(crowd: Crowd) -> None:
    won = [key for _, report in crowd.reports for key in report.success]
    assert len(won) == len(set(won))


async def test_an_id_is_promoted_once(crowd: Crowd) -> None:
    won = [key for _, key, outcome, _ in query(crowd.library, PLACES) if outcome == "success"]
    assert len(won) == len(set(won))


async def test_every_id_of_a_caller_is_in_one_place(crowd: Crowd) -> None:
    told = [sorted(str(key) for place in ids_in(r) for key in place) for _, r in crowd.reports]
    assert told == [sorted(map(str, caller.ids)) for caller, _ in crowd.reports]


async def test_what_is_told_adds_up(crowd: Crowd) -> None:
    totals = [report.total for _, report in crowd.reports]
    assert totals == [len(caller.ids) for caller, _ in crowd.reports]


async def test_who_left_was_served_all_the_same(crowd: Crowd) -> None:
    (served,) = query(crowd.library, "SELECT count(DISTINCT run_id) FROM migration_promotions")
    assert served[0] == len(crowd.callers) + 1


async def test_outcomes_are_those_of_one_request_after_the_other(
    crowd: Crowd, sequence: Sequence
) -> None:
    found = [(outcome, code) for _, _, outcome, code in query(crowd.library, PLACES)]
    assert found == sequence.outcomes


async def test_what_was_not_won_or_deleted_still_waits(crowd: Crowd, sequence: Sequence) -> None:
    assert set(waiting(crowd.library)) == sequence.waiting


async def test_the_active_models_are_those_that_were_won(crowd: Crowd, sequence: Sequence) -> None:
    assert set(active(crowd.library)) == set(sequence.shelved)


async def test_images_are_counted_right(crowd: Crowd, sequence: Sequence) -> None:
    found = {sha: record["images_count"] for sha, record in active(crowd.library).items()}
    assert found == {
        sha: sum(len(row.images) for row in rows) for sha, rows in sequence.shelved.items()
    }


async def test_images_are_numbered_without_gaps(crowd: Crowd, sequence: Sequence) -> None:
    expected = {
        name
        for sha, rows in sequence.shelved.items()
        for name in preview_names(sha, sum(len(row.images) for row in rows))
    }
    assert previews(crowd.library) == expected == expected_previews(crowd.library)


async def test_tags_are_those_of_all_that_were_joined(crowd: Crowd, sequence: Sequence) -> None:
    found = {sha: record["tags"] for sha, record in active(crowd.library).items()}
    assert found == {
        sha: {tag for row in rows for tag in row.tags} for sha, rows in sequence.shelved.items()
    }


async def test_originals_are_kept_for_those_that_wait(crowd: Crowd, sequence: Sequence) -> None:
    kept = {name for key in sequence.waiting for name, _ in crowd.rows[key].images}
    assert originals(crowd.library) == kept


async def test_the_states_are_counted_as_they_are(crowd: Crowd) -> None:
    assert dict(query(crowd.library, COUNTED)) == dict(query(crowd.library, GROUPED))


async def test_no_work_is_left_and_none_is_counted(crowd: Crowd) -> None:
    left = query(crowd.library, WORK_LEFT)
    assert (left, query(crowd.library, WORK_COUNTED)) == ([(0,)], [])


async def test_every_run_has_ended(crowd: Crowd) -> None:
    assert query(crowd.library, UNENDED) == [(0,)]


async def test_the_status_of_every_run_adds_up(crowd: Crowd) -> None:
    async with Reshelve().reader(crowd.library) as reader:
        runs = query(crowd.library, "SELECT id FROM migration_runs")
        counts = [(await reader.ask(StatusOf(run_id))).counts for (run_id,) in runs]
    wrong: list[Any] = [
        c
        for c in counts
        if c.total != c.pending + c.imported + c.images_done + c.promoted + c.failed
        or min(c.pending, c.imported, c.images_done, c.promoted, c.failed) < 0
    ]
    assert wrong == []


async def test_verification_finds_only_the_files_that_are_missing(
    crowd: Crowd, sequence: Sequence
) -> None:
    async with Reshelve().verification(crowd.library, None, 2) as verification:
        found = sorted([(p.code, p.path) async for p in verification.faults()])
    assert found == sorted(
        ("file_missing", str(crowd.legacy.path(crowd.rows[key]))) for key in crowd.missing
    )
