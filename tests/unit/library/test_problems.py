"""That problems are counted in slices, once, and again only where something has changed."""

from __future__ import annotations

import anyio
import pytest

from engine.facts.codes import ProblemKind
from engine.facts.problems import CodeCount, Problem, ProblemCounts
from engine.facts.status import Counts, RunKind, RunState, RunStatus, RunSummary
from engine.library.problems import EXAMPLES, SLICE, Problems
from tests.unit.library.answering import Answering

pytestmark = pytest.mark.anyio

FAILURE, WARNING = ProblemKind.FAILURE, ProblemKind.WARNING


class Written(Answering):
    """Failures and warnings of run 1, kept as (id, code); notes which slices were asked for."""

    def __init__(self) -> None:
        self.written: dict[ProblemKind, list[tuple[int, str]]] = {FAILURE: [], WARNING: []}
        self.asked: list[tuple[ProblemKind, int, int]] = []
        self.seconds = 0.0
        self.runs = 1
        self.state = RunState.RUNNING
        self.leaving: anyio.CancelScope | None = None

    def write(self, kind: ProblemKind, *problems: tuple[int, str]) -> None:
        self.written[kind] += problems

    async def status(self, run_id: int | None = None) -> RunStatus:
        if not self.runs:
            return RunStatus()
        run = RunSummary(run_id or self.runs, RunKind.LEGACY, self.state, False, 0, 0, None)
        failed, warnings = (len(self.written[kind]) for kind in (FAILURE, WARNING))
        return RunStatus(run, Counts(total=failed, failed=failed), warnings)

    async def problem_counts(self) -> ProblemCounts:
        return ProblemCounts(*(len(self.written[kind]) for kind in (FAILURE, WARNING)))

    async def last_problem(self, kind: ProblemKind) -> int:
        return max((number for number, _ in self.written[kind]), default=0)

    async def count_problems(
        self, run_id: int | None, kind: ProblemKind, after: int, until: int
    ) -> list[CodeCount]:
        self.asked.append((kind, after, until))
        if after and self.leaving is not None:
            self.leaving.cancel()
        await anyio.sleep(self.seconds)
        found: dict[str, list[int]] = {}
        for number, code in self.written[kind]:
            if after < number <= until:
                found.setdefault(code, []).append(number)
        return [
            CodeCount(code, len(ids), ids[0], ids[-1], kind is FAILURE)
            for code, ids in found.items()
        ]

    async def problems(
        self, run_id: int | None, kind: ProblemKind, code: str, after: int, until: int, limit: int
    ) -> list[Problem]:
        assert until - after <= SLICE
        return [
            Problem(number, number, None, None, "", "")
            for number, written in self.written[kind]
            if written == code and after < number <= until
        ][:limit]


@pytest.fixture
def written() -> Written:
    return Written()


async def told(problems: Problems) -> dict[str, int]:
    return {group.code: group.count for group in (await problems.summary(None)).groups}


async def test_failures_come_first_and_then_the_most_frequent(written: Written) -> None:
    written.write(WARNING, (1, "stale_hash"), (2, "image_missing"), (3, "image_missing"))
    written.write(FAILURE, (1, "file_missing"))
    groups = (await Problems(written).summary(None)).groups
    assert [(group.kind, group.code, group.count) for group in groups] == [
        (FAILURE, "file_missing", 1),
        (WARNING, "image_missing", 2),
        (WARNING, "stale_hash", 1),
    ]
    assert groups[0].title == "The model's file is not there."
    assert groups[0].advice.endswith("then retry.")


async def test_a_group_shows_its_first_few(written: Written) -> None:
    written.write(WARNING, *((number, "stale_hash") for number in range(1, 10)))
    (group,) = (await Problems(written).summary(None)).groups
    assert [example.id for example in group.examples] == list(range(1, EXAMPLES + 1))


async def test_no_slice_is_longer_than_the_others(written: Written) -> None:
    written.write(WARNING, (1, "stale_hash"), (2 * SLICE + 5, "image_missing"))
    assert await told(Problems(written)) == {"stale_hash": 1, "image_missing": 1}
    assert written.asked == [
        (WARNING, 0, SLICE),
        (WARNING, SLICE, 2 * SLICE),
        (WARNING, 2 * SLICE, 2 * SLICE + 5),
    ]


async def test_a_warning_is_counted_once(written: Written) -> None:
    problems = Problems(written)
    written.write(WARNING, (1, "stale_hash"))
    await told(problems)
    written.write(WARNING, (2, "stale_hash"))
    written.asked.clear()
    assert await told(problems) == {"stale_hash": 2}
    assert written.asked == [(WARNING, 1, 2)]


async def test_a_count_goes_on_where_it_was_cancelled(written: Written) -> None:
    problems = Problems(written)
    written.write(WARNING, (1, "stale_hash"), (SLICE + 1, "stale_hash"))
    with anyio.CancelScope() as written.leaving:
        await told(problems)
    assert await told(problems) == {"stale_hash": 2}
    slices = [(WARNING, 0, SLICE), *[(WARNING, SLICE, SLICE + 1)] * 2]
    assert written.asked == slices


async def test_what_has_not_changed_is_not_counted_again(written: Written) -> None:
    problems = Problems(written)
    written.write(FAILURE, (1, "file_missing"))
    await told(problems)
    written.asked.clear()
    assert await told(problems) == {"file_missing": 1}
    assert written.asked == []


async def test_failures_are_counted_anew_where_they_have_changed(written: Written) -> None:
    problems = Problems(written)
    written.write(FAILURE, (1, "file_missing"), (2, "file_missing"))
    await told(problems)
    written.written[FAILURE].pop()
    assert await told(problems) == {"file_missing": 1}


async def test_a_count_that_takes_long_is_renewed_seldom_until_the_run_has_ended(
    written: Written,
) -> None:
    problems = Problems(written)
    written.seconds = 0.2
    written.write(WARNING, (1, "stale_hash"))
    await told(problems)
    written.write(WARNING, (2, "stale_hash"))
    assert await told(problems) == {"stale_hash": 1}
    written.state = RunState.COMPLETED
    assert await told(problems) == {"stale_hash": 2}


async def test_questions_at_the_same_time_share_a_count(written: Written) -> None:
    problems = Problems(written)
    written.write(WARNING, (1, "stale_hash"))
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(told, problems)
    assert written.asked == [(WARNING, 0, 1)]


async def test_only_failures_of_the_last_run_can_be_tried_again(written: Written) -> None:
    problems = Problems(written)
    written.write(FAILURE, (1, "file_missing"))
    assert [group.retryable for group in (await problems.summary(1)).groups] == [True]
    written.runs = 2
    assert [group.retryable for group in (await problems.summary(1)).groups] == [False]


async def test_a_page_goes_on_where_the_one_before_ended(written: Written) -> None:
    problems = Problems(written)
    places = (1, 2, SLICE + 1, 2 * SLICE + 7, 2 * SLICE + 8)
    written.write(WARNING, *((number, "stale_hash") for number in places), (3, "image_missing"))
    first = await problems.page(None, WARNING, "stale_hash", 0, 3)
    second = await problems.page(None, WARNING, "stale_hash", first.next or 0, 3)
    assert [problem.id for problem in (*first.items, *second.items)] == list(places)
    assert second.next is None


async def test_without_a_run_there_is_no_problem(written: Written) -> None:
    written.runs = 0
    problems = Problems(written)
    assert (await problems.summary(None)).run_id is None
    assert (await problems.page(None, FAILURE, "file_missing", 0, 10)).items == []


async def test_the_problems_of_all_runs_are_counted_and_told_page_by_page(written: Written) -> None:
    problems = Problems(written)
    written.runs = 3
    written.write(FAILURE, (1, "file_missing"))
    written.write(WARNING, (1, "stale_hash"), (2, "stale_hash"))
    summary = await problems.summary_of_all()
    assert summary.run_id is None
    assert {group.code: group.count for group in summary.groups} == {
        "file_missing": 1,
        "stale_hash": 2,
    }
    page = await problems.page_of_all(WARNING, "stale_hash", 1, 10)
    assert [problem.id for problem in page.items] == [2]


async def test_without_a_run_no_run_has_a_problem(written: Written) -> None:
    written.runs = 0
    assert (await Problems(written).summary_of_all()).groups == []
