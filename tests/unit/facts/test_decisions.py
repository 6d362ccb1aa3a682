"""What is decided about an item on its way, without a database."""

from __future__ import annotations

import pytest

from engine.facts import decisions
from engine.facts.conflicts import ConflictStrategy
from engine.facts.decisions import Course, Decision, Enlistment, Whereabouts, whereabouts
from engine.facts.files import FoundFile
from engine.facts.lifecycle import LEGAL, steps_from
from engine.facts.preview_sets import PlannedSet
from engine.facts.promotion_report import Outcome
from engine.facts.records import ActiveMeta, ModelRecord, PendingMeta, PendingModelRecord
from engine.facts.source import Defect, Notice
from engine.facts.states import ModelState
from engine.facts.work import Candidate, Work, candidate
from tests.unit.rows import model, sha

ACTIVE = ModelRecord(sha(1), "/old", name="old", meta_json=ActiveMeta("noted", "", 2))


def nobody_at(path: str) -> list[str]:
    return []


JOINING = [ConflictStrategy.MERGE, ConflictStrategy.OVERRIDE]


def kept(key: int, *, path: str = "", images: tuple[str, ...] = ()) -> Candidate:
    """What is kept of a row for its work."""
    return candidate(model(key, path=path, images=images))


@pytest.mark.parametrize("strategy", [None, *ConflictStrategy])
def test_a_content_that_is_nowhere_active_goes_on(strategy: ConflictStrategy | None) -> None:
    assert decisions.decide(strategy, None) == Decision(Course.GO_ON)


@pytest.mark.parametrize(
    ("strategy", "decision"),
    [
        (None, Decision(Course.STAY, Outcome.CONFLICT)),
        (ConflictStrategy.IGNORE, Decision(Course.STAY, Outcome.IGNORED)),
        (ConflictStrategy.DELETE, Decision(Course.LEAVE, Outcome.DELETED)),
        (ConflictStrategy.MERGE, Decision(Course.GO_ON)),
        (ConflictStrategy.OVERRIDE, Decision(Course.GO_ON)),
    ],
)
def test_a_conflict_takes_the_course_of_its_strategy(
    strategy: ConflictStrategy | None, decision: Decision
) -> None:
    assert decisions.decide(strategy, ACTIVE) == decision


UNFINISHED = PlannedSet(sha(1), 0, (b"0" * 16,) * 3)


@pytest.mark.parametrize(
    ("images", "unfinished", "alone"),
    [((), (), True), (("a.png",), (), False), ((), (UNFINISHED,), False)],
)
def test_a_record_is_enough_where_no_previews_are_or_were_to_be_made(
    images: tuple[str, ...], unfinished: tuple[PlannedSet, ...], alone: bool
) -> None:
    assert decisions.needs_no_files(kept(1, images=images), unfinished) is alone


def test_a_model_of_new_content_becomes_active_with_its_previews() -> None:
    found = decisions.activate(kept(1), sha(1), None, None, ConflictStrategy.MERGE, 3, nobody_at)
    assert (found.record.path, found.record.meta_json.images_count) == (
        "/models/1.safetensors",
        3,
    )
    assert found.notices == ()


@pytest.mark.parametrize("strategy", JOINING)
@pytest.mark.parametrize(("told", "counted"), [(5, 5), (1, 1), (None, 2)])
def test_previews_are_counted_anew_where_some_were_added(
    strategy: ConflictStrategy, told: int | None, counted: int
) -> None:
    found = decisions.activate(kept(1), sha(1), ACTIVE, None, strategy, told, nobody_at)
    assert found.record.meta_json.images_count == counted
    assert found.notices == (Notice("duplicate_hash", "same content as /old"),)


def test_the_strategy_tells_whose_values_stay() -> None:
    stayed, replaced = (
        decisions.activate(kept(1), sha(1), ACTIVE, None, strategy, None, nobody_at).record.name
        for strategy in JOINING
    )
    assert (stayed, replaced) == ("old", "model 1")


def test_a_model_waits_with_the_images_that_were_kept() -> None:
    record, _ = decisions.stay_pending(
        kept(1, images=("a.png", "b.png")), 7, "", ("a.png",), None, ConflictStrategy.MERGE
    )
    assert (record.id, record.meta_json.images) == (7, ("a.png",))


def test_two_models_that_wait_at_one_path_are_joined_under_the_number_of_the_first() -> None:
    there = PendingModelRecord(3, "/p", name="first", meta_json=PendingMeta(images=("b.png",)))
    record, _ = decisions.stay_pending(
        kept(1, path="/p"), 7, "", ("a.png",), there, ConflictStrategy.MERGE
    )
    assert (record.id, record.name) == (3, "first")
    assert record.meta_json.images == ("b.png", "a.png")


@pytest.mark.parametrize("work", [Work.PREVIEWS, Work.ORIGINALS])
@pytest.mark.parametrize(
    ("state", "failed_in"),
    [(ModelState.PENDING, None), (ModelState.FAILED, ModelState.PENDING)],
)
def test_a_model_is_not_taken_from_a_migration_that_works_on_it(
    work: Work, state: ModelState, failed_in: ModelState | None
) -> None:
    taken = decisions.enlist(state, failed_in, work)
    assert isinstance(taken, Defect)
    assert taken.code == "busy"


@pytest.mark.parametrize(
    ("state", "failed_in", "work", "taken"),
    [
        (ModelState.PENDING, None, None, Enlistment(ModelState.PENDING)),
        (ModelState.PENDING, None, Work.HASH, Enlistment(ModelState.PENDING, takes_over=True)),
        (
            ModelState.IMPORTED,
            None,
            Work.PROMOTION,
            Enlistment(ModelState.IMPORTED, takes_over=True),
        ),
        (
            ModelState.FAILED,
            ModelState.IMPORTED,
            Work.PROMOTION,
            Enlistment(ModelState.IMPORTED, retries=True),
        ),
    ],
)
def test_a_model_is_taken_in_the_state_that_it_goes_on_in(
    state: ModelState, failed_in: ModelState | None, work: Work | None, taken: Enlistment
) -> None:
    assert decisions.enlist(state, failed_in, work) == taken


def test_an_id_that_nobody_has_is_named() -> None:
    assert "17" in decisions.not_pending(17).message


@pytest.mark.parametrize("path", ["/models/a b.safetensors", r"C:\models\a b.safetensors"])
def test_a_found_file_waits_under_its_name(path: str) -> None:
    record = decisions.found_record(FoundFile(path, path, "loras", 5, 1_000), 9)
    assert (record.id, record.path, record.name, record.type, record.size_bytes) == (
        9,
        path,
        "a b.safetensors",
        "loras",
        5,
    )


@pytest.mark.parametrize("state", [ModelState.PENDING, ModelState.IMPORTED, ModelState.IMAGES_DONE])
def test_every_step_to_promoted_is_legal_and_the_last_one_ends_there(state: ModelState) -> None:
    steps = steps_from(state)
    assert (steps[0][0], steps[-1][1]) == (state, ModelState.PROMOTED)
    assert set(steps) <= LEGAL


@pytest.mark.parametrize(
    ("waits_as", "active_as", "held", "where"),
    [
        (7, None, False, Whereabouts.PENDING),
        (7, "a", True, Whereabouts.PENDING),
        (None, "a", False, Whereabouts.ACTIVE),
        (None, None, False, Whereabouts.NOWHERE),
        (None, "a", True, Whereabouts.UNDECIDED),
        (None, None, True, Whereabouts.UNDECIDED),
    ],
)
def test_a_model_that_left_its_place_is_found_where_it_is(
    waits_as: int | None, active_as: str | None, held: bool, where: Whereabouts
) -> None:
    assert whereabouts(waits_as, active_as, held=held) is where
