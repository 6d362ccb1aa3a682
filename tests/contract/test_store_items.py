"""What recording, working on and retrying items leaves in the journal and in the library."""

from __future__ import annotations

import json

import msgspec
import pytest

from engine.errors import StaleCursor
from engine.facts.assessment import AssessedRow
from engine.facts.conflicts import ConflictStrategy
from engine.facts.preview_sets import PlannedSet
from engine.facts.records import Tag
from engine.facts.source import Notice
from engine.facts.states import ModelState
from engine.facts.status import Counts, RunFailure, RunNotice
from engine.facts.work import ExistingPreviews, Work, candidate
from engine.ports.changes import ForgetPlans, PlanSets, RecordRows, RetryFailed, TakeInHand
from engine.ports.queries import (
    FailuresOf,
    KnownDigests,
    OpenPlans,
    OpenWork,
    PendingModels,
    RetryableItems,
    RunById,
    StatusOf,
    WarningsOf,
)
from tests.contract.bench import (
    AT,
    BROKE,
    Bench,
    finished,
    image,
    parked,
)
from tests.unit.rows import BROKEN, row, sha

pytestmark = pytest.mark.anyio

ACTIVE = row(1, sha256=sha(1), tags=("style",))
PREVIEWS = row(2, sha256=sha(2), images=("a.png", "b.png"), tags=("style",))
WAITING = row(3, tags=("style",))
ORIGINALS = row(4, images=("c.png",), tags=("style",))
FAILED = row(5, defect=BROKEN)
NOTE = Notice("rows_unreadable", "rows 6 to 9 lie on a damaged page")


def planned(model: int, seq: int) -> PlannedSet:
    """A set that is to be written: one of its tiers is as good as another."""
    return PlannedSet(sha(model), seq, (bytes([seq + 1]) * 16,) * 3)


@pytest.mark.parametrize(
    ("found", "state", "work"),
    [
        (ACTIVE, ModelState.PROMOTED, None),
        (PREVIEWS, ModelState.IMPORTED, "previews"),
        (WAITING, ModelState.PENDING, None),
        (ORIGINALS, ModelState.PENDING, "originals"),
        (FAILED, ModelState.FAILED, None),
    ],
    ids=["active", "previews", "waiting", "originals", "failed"],
)
async def test_a_row_is_recorded_in_the_state_of_its_lane(
    bench: Bench, found: AssessedRow, state: ModelState, work: str | None
) -> None:
    await bench.record(await bench.open_run(), found)
    assert bench.sql("SELECT state, work FROM migration_items") == [(state, work)]


async def test_recording_tells_how_many_items_have_work(bench: Bench) -> None:
    run = await bench.open_run()
    assert await bench.record(run, ACTIVE, PREVIEWS, WAITING, ORIGINALS, FAILED) == 2


async def test_recording_moves_the_cursor_to_the_last_row(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, ACTIVE, WAITING)
    found = await bench.store.ask(RunById(run.id))
    assert found is not None
    assert found.cursor == "3"


async def test_rows_that_do_not_follow_those_recorded_last_are_refused(bench: Bench) -> None:
    run = await bench.open_run()
    with pytest.raises(StaleCursor):
        await bench.store.apply([RecordRows(run.id, "2", "3", [WAITING], [], AT)])
    assert bench.states() == {}


async def test_recording_a_note_alone_moves_the_cursor(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, WAITING)
    await bench.record(run, notes=[NOTE])
    found = await bench.store.ask(RunById(run.id))
    assert found is not None
    assert found.cursor == "3 and on"


async def test_the_row_is_kept_as_it_was(bench: Bench) -> None:
    await bench.record(await bench.open_run(), ACTIVE)
    assert bench.sql("SELECT verbatim FROM migration_rows") == [(ACTIVE.model.verbatim.decode(),)]


async def test_a_recorded_row_is_known_by_key_and_digest(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, ACTIVE, WAITING, FAILED)
    assert await bench.store.ask(KnownDigests(run.id, ["1", "3", "99"])) == {
        ("1", ACTIVE.digest),
        ("3", WAITING.digest),
    }


async def test_a_row_of_another_source_is_not_known(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, ACTIVE)
    await bench.end_run(run)
    other = await bench.open_run("/another/legacy.db")
    assert await bench.store.ask(KnownDigests(other.id, ["1"])) == set()
    await bench.end_run(other)
    again = await bench.open_run()
    assert await bench.store.ask(KnownDigests(again.id, ["1"])) != set()


async def test_a_hashed_row_becomes_an_active_model(bench: Bench) -> None:
    await bench.record(await bench.open_run(), ACTIVE)
    assert bench.sql("SELECT sha256, path, name, type, size_bytes, created_at FROM models") == [
        (sha(1), "/models/1.safetensors", "model 1", "loras", 10, 1_001)
    ]


async def test_an_active_model_holds_no_nulls(bench: Bench) -> None:
    await bench.record(await bench.open_run(), ACTIVE)
    ((meta,),) = bench.sql("SELECT meta_json FROM models")
    assert json.loads(meta) == {
        "description": "",
        "community_links": "",
        "images_count": 0,
        "prompts": {"positive": "", "negative": ""},
    }


async def test_a_waiting_model_holds_no_nulls(bench: Bench) -> None:
    await bench.record(await bench.open_run(), WAITING)
    ((meta,),) = bench.sql("SELECT meta_json FROM pending_import")
    assert json.loads(meta) == {
        "description": "",
        "community_links": "",
        "images": [],
        "prompts": {"positive": "", "negative": ""},
    }


async def test_a_waiting_model_is_listed_with_its_tags(bench: Bench) -> None:
    await bench.record(await bench.open_run(), WAITING)
    (found,) = await bench.store.ask(PendingModels(0, 10))
    assert (found.id, found.path, found.tags) == (3, "/models/3.safetensors", (Tag(1, "style"),))


async def test_waiting_models_are_listed_page_by_page(bench: Bench) -> None:
    await bench.record(await bench.open_run(), *[row(key) for key in range(1, 8)])
    pages = [await bench.store.ask(PendingModels(after, 3)) for after in (0, 3, 6)]
    assert [[found.id for found in page] for page in pages] == [[1, 2, 3], [4, 5, 6], [7]]


async def test_a_row_that_is_no_model_fails_with_its_defect(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, FAILED)
    (failure,) = await bench.store.ask(FailuresOf(run.id, 0, 10))
    assert (failure.code, failure.message) == (BROKEN.code, BROKEN.message)


async def test_the_warnings_of_a_row_belong_to_its_item(bench: Bench) -> None:
    run = await bench.open_run()
    warned = msgspec.structs.replace(ACTIVE, warnings=(Notice("file_missing", "gone"),))
    await bench.record(run, WAITING, warned)
    (found,) = await bench.store.ask(WarningsOf(run.id, 0, 10))
    assert found[1] == RunNotice(2, "/models/1.safetensors", "file_missing", "gone")


async def test_a_note_belongs_to_the_run_as_a_whole(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, notes=[NOTE])
    (found,) = await bench.store.ask(WarningsOf(run.id, 0, 10))
    assert found[1] == RunNotice(None, "", NOTE.code, NOTE.detail)


async def test_rows_that_were_lost_mark_the_source_as_damaged(bench: Bench) -> None:
    await bench.record(await bench.open_run(), notes=[NOTE])
    assert (await bench.store.ask(StatusOf())).source_damaged


async def test_work_is_listed_in_order_after_an_item(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS, ORIGINALS)
    found = await bench.store.ask(OpenWork(run.id, 1, 10))
    assert [(item.place, item.work) for item in found] == [(2, Work.ORIGINALS)]


async def test_work_brings_what_a_worker_needs_of_the_row(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS)
    item = await bench.only_work(run)
    assert item.candidate == candidate(PREVIEWS.model)


async def test_work_of_another_run_is_not_listed(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS)
    await bench.end_run(run)
    assert await bench.work(await bench.open_run("/another/legacy.db")) == []


async def test_taking_in_hand_counts_the_attempts(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS)
    await bench.take(await bench.only_work(run))
    assert (await bench.only_work(run)).attempts == 1


async def test_a_new_model_stands_on_nothing(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS)
    assert await bench.take(await bench.only_work(run)) == ExistingPreviews(0, frozenset())


async def test_a_finished_item_is_promoted_with_its_record(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS)
    item = await bench.only_work(run)
    await bench.take(item)
    await bench.store.apply([finished(item, image("a.png"), image("b.png"))])
    ((path, meta),) = bench.sql("SELECT path, meta_json FROM models")
    assert (bench.states(), path, json.loads(meta)["images_count"]) == (
        {2: "promoted"},
        "/models/2.safetensors",
        2,
    )


async def test_a_finished_item_has_its_tags(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS)
    await bench.store.apply([finished(await bench.only_work(run))])
    assert bench.sql("SELECT model_hash, tag_id FROM model_tags") == [(sha(2), 1)]


async def test_a_finished_item_has_passed_through_every_state(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS)
    await bench.store.apply([finished(await bench.only_work(run))])
    history = bench.sql("SELECT from_state, to_state FROM migration_history ORDER BY id")
    assert history == [
        (None, "pending"),
        ("pending", "imported"),
        ("imported", "images_done"),
        ("images_done", "promoted"),
    ]


async def test_a_finished_item_has_no_work_left(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS)
    await bench.store.apply([finished(await bench.only_work(run))])
    assert await bench.work(run) == []


async def test_the_second_of_a_hash_stands_on_the_sets_of_the_first(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS, row(7, sha256=sha(2), images=("z.png",)))
    first, second = await bench.work(run)
    await bench.store.apply([finished(first, image("a.png"), image("b.png"))])
    previews = await bench.take(second)
    assert previews == ExistingPreviews(2, frozenset({image("a.png"), image("b.png")}))


async def test_a_count_that_others_have_changed_meanwhile_is_put_right(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS, row(7, sha256=sha(2), images=("z.png",)))
    first, second = await bench.work(run)
    await bench.store.apply([finished(first, image("a.png"))])
    bench.sql("UPDATE models SET meta_json = json_remove(meta_json, '$.images_count')")
    await bench.store.apply([finished(second, image("z.png"), previews=1)])
    ((meta,),) = bench.sql("SELECT meta_json FROM models")
    assert json.loads(meta)["images_count"] == 2


async def test_what_was_planned_for_a_model_is_told_to_who_takes_it_in_hand(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS)
    item = await bench.only_work(run)
    await bench.store.apply([PlanSets([planned(2, 1), planned(2, 0), planned(3, 0)])])
    assert (await bench.take(item)).unfinished == (planned(2, 0), planned(2, 1))


async def test_what_was_planned_for_a_model_is_done_when_its_item_is(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS)
    await bench.store.apply([PlanSets([planned(2, 0), planned(3, 0)])])
    await bench.store.apply([finished(await bench.only_work(run), image("a.png"))])
    assert await bench.store.ask(OpenPlans()) == [planned(3, 0)]


async def test_a_plan_is_forgotten_by_itself(bench: Bench) -> None:
    await bench.store.apply([PlanSets([planned(2, 0), planned(2, 1)])])
    await bench.store.apply([ForgetPlans([planned(2, 1)])])
    assert await bench.store.ask(OpenPlans(sha(2))) == [planned(2, 0)]


async def test_a_parked_item_waits_with_its_originals(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, ORIGINALS)
    await bench.store.apply([parked(await bench.only_work(run), "c.png")])
    (found,) = await bench.store.ask(PendingModels(0, 10))
    assert (found.id, found.meta_json.images, found.tags) == (4, ("c.png",), (Tag(1, "style"),))


async def test_a_parked_item_stays_pending_and_has_no_work(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, ORIGINALS)
    await bench.store.apply([parked(await bench.only_work(run), "c.png")])
    assert bench.sql("SELECT state, work FROM migration_items") == [("pending", None)]


async def test_a_parked_item_joins_what_waits_at_its_path(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, WAITING, row(9, path=WAITING.model.path, images=("n.png",)))
    await bench.store.apply([parked(await bench.only_work(run), "n.png")])
    (found,) = await bench.store.ask(PendingModels(0, 10))
    assert (found.id, found.name, found.meta_json.images) == (3, "model 3", ("n.png",))


async def test_images_are_counted_where_they_end(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS, ORIGINALS)
    previews, originals = await bench.work(run)
    warning = Notice("image_missing", "b.png: no such file")
    await bench.store.apply(
        [
            finished(previews, image("a.png"), refused=["b.png"], warnings=[warning]),
            parked(originals, "c.png"),
        ]
    )
    status = await bench.store.ask(StatusOf())
    assert (status.images.done, status.images.failed, status.warnings) == (2, 1, 1)


async def test_a_failed_item_tells_why(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS)
    await bench.fail(await bench.only_work(run))
    assert await bench.store.ask(FailuresOf(run.id, 0, 10)) == [
        RunFailure(1, "/models/2.safetensors", BROKE.code, BROKE.message)
    ]


async def test_a_failed_item_is_handed_to_no_worker(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS)
    await bench.fail(await bench.only_work(run))
    assert await bench.work(run) == []


@pytest.mark.parametrize(
    ("found", "state"), [(PREVIEWS, ModelState.IMPORTED), (ORIGINALS, ModelState.PENDING)]
)
async def test_a_retried_item_returns_to_the_state_it_failed_in(
    bench: Bench, found: AssessedRow, state: ModelState
) -> None:
    run = await bench.open_run()
    await bench.record(run, found)
    await bench.fail(await bench.only_work(run))
    assert await bench.store.apply([RetryFailed(run.id, AT)]) == [1]
    assert (await bench.only_work(run)).state is state


async def test_an_item_that_can_never_work_is_not_retried(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, FAILED)
    assert await bench.store.ask(RetryableItems(run.id)) == 0
    assert await bench.store.apply([RetryFailed(run.id, AT)]) == [0]


async def test_failed_items_that_have_work_can_be_retried(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS, ORIGINALS, FAILED)
    await bench.fail((await bench.work(run))[0])
    assert await bench.store.ask(RetryableItems(run.id)) == 1


async def test_the_status_counts_every_row_in_one_state(bench: Bench) -> None:
    await bench.record(await bench.open_run(), ACTIVE, PREVIEWS, WAITING, ORIGINALS, FAILED)
    status = await bench.store.ask(StatusOf())
    assert (status.counts, status.work) == (
        Counts(total=5, pending=2, imported=1, promoted=1, failed=1),
        2,
    )


async def test_an_ignored_conflict_waits_beside_the_active_model(bench: Bench) -> None:
    run = await bench.open_run(strategy=ConflictStrategy.IGNORE)
    await bench.record(run, ACTIVE, row(9, sha256=sha(1)))
    (found,) = await bench.store.ask(PendingModels(0, 10))
    assert (found.id, found.sha256) == (9, sha(1))


async def test_taking_in_hand_is_committed_with_other_changes(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, PREVIEWS, ORIGINALS)
    first, second = await bench.work(run)
    outcomes = await bench.store.apply([TakeInHand(first, AT), TakeInHand(second, AT)])
    assert outcomes == [ExistingPreviews(0, frozenset())] * 2
