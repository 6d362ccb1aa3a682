"""What is told of failures, warnings, transitions and known conflicts after the fact."""

from __future__ import annotations

import pytest

from adapters.sqlite.problems import COUNT, SELECT
from adapters.sqlite.takeover import SELECT_MOVED
from engine.facts.codes import ProblemKind
from engine.facts.problems import CodeCount, Problem, ProblemCounts
from engine.facts.promotion_report import Conflict, ExistingSide, PendingSide
from engine.facts.reports import LibraryCounts, Step, TypeCount
from engine.facts.source import Notice
from engine.facts.work import Run, Work
from engine.ports.changes import Decide, NoteHash, OpenPromotion, RetryFailed
from engine.ports.queries import (
    CountsOfLibrary,
    ItemHistory,
    KnownConflicts,
    LastProblem,
    ModelHistory,
    ProblemsByCode,
    ProblemsOf,
    ProblemTotals,
    PromotionRunOf,
)
from tests.contract.bench import AT, BROKE, Bench, finished
from tests.contract.test_store_promotions import FACTS, enlisted, hashed, pictured, promote, waiting
from tests.unit.rows import BROKEN, row, sha

pytestmark = pytest.mark.anyio

FAILURE, WARNING = ProblemKind.FAILURE, ProblemKind.WARNING
NOTE = Notice("rows_unreadable", "rows 6 to 9 lie on a damaged page")
ALL = 1_000


async def counts(bench: Bench, run: Run, kind: ProblemKind) -> list[CodeCount]:
    return await bench.store.ask(ProblemsByCode(run.id, kind, 0, ALL))


async def problems(
    bench: Bench, run: Run, kind: ProblemKind, code: str, after: int = 0, until: int = ALL
) -> list[Problem]:
    return await bench.store.ask(ProblemsOf(run.id, kind, code, after, until, ALL))


async def broken_run(bench: Bench) -> Run:
    """Row 1 can be no model, rows 2 and 3 broke with their previews, and 2 had a warning."""
    run = await bench.open_run()
    pictured = [row(key, sha256=sha(key), images=("a.png",)) for key in (2, 3, 4)]
    await bench.record(run, row(1, defect=BROKEN), *pictured, notes=[NOTE])
    second, third, fourth = await bench.work(run)
    for item in (second, third):
        await bench.take(item)
        await bench.fail(item)
    await bench.take(fourth)
    refused = Notice("image_missing", "a.png: no such file")
    await bench.store.apply([finished(fourth, refused=["a.png"], warnings=[refused])])
    return run


async def test_failures_are_counted_by_code(bench: Bench) -> None:
    run = await broken_run(bench)
    assert await counts(bench, run, FAILURE) == [
        CodeCount(BROKE.code, 2, 2, 3, retryable=True),
        CodeCount(BROKEN.code, 1, 1, 1, retryable=False),
    ]


async def test_warnings_are_counted_by_code(bench: Bench) -> None:
    run = await broken_run(bench)
    found = {count.code: count.count for count in await counts(bench, run, WARNING)}
    assert found == {"rows_unreadable": 1, "image_missing": 1}


async def test_a_slice_has_what_lies_behind_its_start_up_to_its_end(bench: Bench) -> None:
    run = await broken_run(bench)
    assert await bench.store.ask(ProblemsByCode(run.id, FAILURE, 2, 3)) == [
        CodeCount(BROKE.code, 1, 3, 3, retryable=True)
    ]
    assert [p.id for p in await problems(bench, run, FAILURE, BROKE.code, 2, 3)] == [3]
    assert [p.id for p in await problems(bench, run, FAILURE, BROKE.code, 1, 2)] == [2]
    assert await bench.store.ask(LastProblem(FAILURE)) == 4
    assert await bench.store.ask(LastProblem(WARNING)) == 2


async def test_a_problem_names_its_item_and_its_row(bench: Bench) -> None:
    run = await broken_run(bench)
    (failure,) = await problems(bench, run, FAILURE, BROKEN.code)
    assert failure == Problem(1, 1, "1", 1, "/models/1.safetensors", BROKEN.message)
    (warning,) = await problems(bench, run, WARNING, "image_missing")
    assert warning == Problem(
        2, 4, "4", 4, "/models/4.safetensors", "a.png: no such file", None, sha(4)
    )
    (note,) = await problems(bench, run, WARNING, "rows_unreadable")
    assert note == Problem(1, None, None, None, "", NOTE.detail)


async def test_what_was_tried_again_is_no_failure_any_more(bench: Bench) -> None:
    run = await broken_run(bench)
    await bench.store.apply([RetryFailed(run.id, AT, (2,))])
    found = {count.code: count.count for count in await counts(bench, run, FAILURE)}
    assert found == {BROKE.code: 1, BROKEN.code: 1}


async def test_a_failure_of_a_promotion_belongs_to_both_runs_and_is_retried_by_one(
    bench: Bench,
) -> None:
    first = await pictured(bench, 2)
    second = await promote(bench, [2])
    (item,) = await enlisted(bench, second, Work.HASH)
    await bench.fail(item)
    (of_first,), (of_second,) = [await counts(bench, run, FAILURE) for run in (first, second)]
    assert (of_first.count, of_first.retryable) == (1, False)
    assert (of_second.count, of_second.retryable) == (1, True)


async def test_the_problems_of_another_run_are_not_told(bench: Bench) -> None:
    await bench.end_run(await broken_run(bench))
    other = await bench.open_run(location="/another.sqlite3")
    assert await counts(bench, other, FAILURE) == []
    assert await counts(bench, other, WARNING) == []


async def test_a_count_of_failures_looks_at_failed_items_alone(bench: Bench) -> None:
    for statement, values in ((COUNT[FAILURE][0], 3), (SELECT[FAILURE][0], 5)):
        plan = bench.sql(f"EXPLAIN QUERY PLAN {statement}", *[1] * values)
        steps = " ".join(str(step[3]) for step in plan)
        assert "migration_items_failed (run_id=? AND id>? AND id<?)" in steps
        assert "migration_items_promotion (promotion_id=? AND id>? AND id<?)" in steps
        assert "SCAN migration_items" not in steps


async def test_a_slice_of_warnings_is_found_by_its_ids(bench: Bench) -> None:
    for statement, values in ((COUNT[WARNING][0], 3), (SELECT[WARNING][0], 5)):
        plan = bench.sql(f"EXPLAIN QUERY PLAN {statement}", *[1] * values)
        assert "USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in plan[0][3]


async def test_the_problems_of_all_runs_are_told_together(bench: Bench) -> None:
    await bench.end_run(await broken_run(bench))
    other = await bench.open_run(location="/another.sqlite3")
    await bench.record(other, row(7, sha256=sha(7), images=("a.png",)), row(8, defect=BROKEN))
    await bench.fail(await bench.only_work(other))
    found = await bench.store.ask(ProblemsByCode(None, FAILURE, 0, ALL))
    assert [(count.code, count.count) for count in found] == [(BROKE.code, 3), (BROKEN.code, 2)]
    found = await bench.store.ask(ProblemsByCode(None, WARNING, 0, ALL))
    assert [(count.code, count.count) for count in found] == [
        ("image_missing", 1),
        ("rows_unreadable", 1),
    ]
    rows = await bench.store.ask(ProblemsOf(None, FAILURE, BROKE.code, 0, ALL, ALL))
    assert [problem.source_id for problem in rows] == [2, 3, 7]
    assert await bench.store.ask(ProblemTotals()) == ProblemCounts(failed=5, warnings=2)


async def test_only_failures_of_the_last_run_can_be_retried(bench: Bench) -> None:
    await bench.end_run(await broken_run(bench))
    other = await bench.open_run(location="/another.sqlite3")
    assert not any(
        c.retryable for c in await bench.store.ask(ProblemsByCode(None, FAILURE, 0, ALL))
    )
    await bench.record(other, row(7, sha256=sha(7), images=("a.png",)))
    await bench.fail(await bench.only_work(other))
    (found, _) = await bench.store.ask(ProblemsByCode(None, FAILURE, 0, ALL))
    assert (found.code, found.count, found.retryable) == (BROKE.code, 3, True)


async def test_a_problem_leads_to_the_model_that_waits(bench: Bench) -> None:
    await waiting(bench, 3)
    run = await promote(bench, [3])
    await bench.fail((await enlisted(bench, run, Work.HASH))[0])
    (failure,) = await problems(bench, run, FAILURE, BROKE.code)
    assert (failure.pending_id, failure.sha256) == (3, "")


async def test_failures_of_all_runs_are_found_by_their_index(bench: Bench) -> None:
    for statement, values in ((COUNT[FAILURE][1], 3), (SELECT[FAILURE][1], 5)):
        plan = bench.sql(f"EXPLAIN QUERY PLAN {statement}", *[None] * values)
        steps = " ".join(str(step[3]) for step in plan)
        assert "migration_items_failed (run_id=? AND id>? AND id<?)" in steps
        assert "SCAN i" not in steps


async def test_what_others_took_is_looked_for_among_pending_items_alone(bench: Bench) -> None:
    plan = bench.sql(f"EXPLAIN QUERY PLAN {SELECT_MOVED}")
    steps = " ".join(str(step[3]) for step in plan)
    assert "migration_items_pending (pending_id>?)" in steps
    assert "SCAN i" not in steps


# Histories


async def test_an_item_has_a_history(bench: Bench) -> None:
    run = await broken_run(bench)
    steps = await bench.store.ask(ItemHistory(2))
    assert [(step.from_state, step.to_state) for step in steps] == [
        (None, "pending"),
        ("pending", "imported"),
        ("imported", "failed"),
    ]
    assert steps[0] == Step(run.id, 2, "2", 2, "/models/2.safetensors", None, "pending", AT)
    assert await bench.store.ask(ItemHistory(99)) == []


async def test_a_model_has_the_history_of_every_item_that_became_it(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, row(1, sha256=sha("same")), row(2, sha256=sha("same")), row(3))
    steps = await bench.store.ask(ModelHistory(sha("same")))
    assert {step.item_id for step in steps} == {1, 2}
    assert [step.to_state for step in steps if step.item_id == 2][-1] == "promoted"
    assert await bench.store.ask(ModelHistory(sha("unknown"))) == []


async def test_a_step_belongs_to_the_run_that_made_it(bench: Bench) -> None:
    first = await pictured(bench, 2)
    change = OpenPromotion([2], None, {2: 10}, AT + 5)
    (second,) = await bench.store.apply([change])
    assert isinstance(second, Run)
    (item,) = await enlisted(bench, second, Work.HASH)
    await bench.store.apply([NoteHash(item, sha("new"), FACTS, True, AT + 6)])
    (item,) = await enlisted(bench, second, Work.PROMOTION)
    await bench.store.apply([Decide(item, AT + 7)])
    steps = await bench.store.ask(ItemHistory(item.id))
    assert [(step.run_id, step.to_state) for step in steps] == [
        (first.id, "pending"),
        (second.id, "imported"),
    ]


# Promotions and conflicts


async def test_the_last_promotion_is_found(bench: Bench) -> None:
    first = await pictured(bench, 2)
    assert await bench.store.ask(PromotionRunOf(None)) is None
    assert await bench.store.ask(PromotionRunOf(first.id)) is None
    second = await promote(bench, [2])
    assert await bench.store.ask(PromotionRunOf(None)) == second.id
    assert await bench.store.ask(PromotionRunOf(second.id)) == second.id
    assert await bench.store.ask(PromotionRunOf(99)) is None


async def test_a_conflict_is_known_once_the_file_was_hashed(bench: Bench) -> None:
    await waiting(bench, 2, 3)
    assert await bench.store.ask(KnownConflicts(0, ALL)) == []
    await hashed(bench, await promote(bench, [2, 3]), "taken")
    conflict = Conflict(
        PendingSide(2, "/models/2.safetensors"),
        ExistingSide(sha("taken"), "/models/1.safetensors"),
    )
    assert await bench.store.ask(KnownConflicts(0, ALL)) == [conflict]
    assert await bench.store.ask(KnownConflicts(2, ALL)) == []


async def test_a_library_is_counted_by_type(bench: Bench) -> None:
    assert await bench.store.ask(CountsOfLibrary()) == LibraryCounts(0, 0, [])
    await waiting(bench, 2, 3)
    assert await bench.store.ask(CountsOfLibrary()) == LibraryCounts(1, 2, [TypeCount("loras", 1)])


async def test_conflicts_and_problems_of_a_library_are_counted(bench: Bench) -> None:
    await waiting(bench, 2, 3)
    run = await promote(bench, [2, 3])
    await hashed(bench, run, "taken")
    await bench.fail((await enlisted(bench, run, Work.HASH))[0])
    found = await bench.store.ask(CountsOfLibrary())
    assert (found.pending, found.conflicts, found.failed, found.warnings) == (2, 1, 1, 0)
