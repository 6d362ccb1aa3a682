"""That no transition happens but a legal one, decided on the state that is there."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import anyio
import pytest

from engine.errors import StaleTransition
from engine.facts.lifecycle import LEGAL, WAYS
from engine.facts.states import ModelState
from engine.ports.changes import Change, Fail, FinishIntake, TakeInHand
from engine.ports.queries import RunById, StatusOf
from tests.contract.bench import AT, BROKE, Bench, finished, image, opened, parked, query
from tests.unit.rows import row, sha

PREVIEWS = row(2, sha256=sha(2), images=("a.png",))
ORIGINALS = row(4, images=("c.png",))
INSERT = """
INSERT INTO migration_items (id, run_id, path, state, failed_in, error_code, updated_at)
VALUES (1, 1, '/m', ?, ?, ?, 1)
"""
MOVE = """
UPDATE migration_items SET state = ?, failed_in = ?, error_code = ?, updated_at = ? WHERE id = 1
"""
WAY = {
    ModelState.PENDING: [],
    ModelState.IMPORTED: [ModelState.IMPORTED],
    ModelState.IMAGES_DONE: [ModelState.IMPORTED, ModelState.IMAGES_DONE],
    ModelState.PROMOTED: [ModelState.IMPORTED, ModelState.IMAGES_DONE, ModelState.PROMOTED],
}
RETRYABLE = [ModelState.PENDING, ModelState.IMPORTED, ModelState.IMAGES_DONE]


@pytest.fixture
def guarded(library: Path) -> Path:
    """A library with one run and one item, which is pending."""

    async def make() -> None:
        async with opened(library) as bench:
            await bench.open_run()

    anyio.run(make)
    query(library, INSERT, "pending", None, None)
    return library


def move(library: Path, target: ModelState, failed_in: ModelState | None = None) -> None:
    """One transition, made by any SQLite client."""
    code = None if failed_in is None else BROKE.code
    query(library, MOVE, target.value, failed_in and failed_in.value, code, 2)


def bring(library: Path, state: ModelState, failed_in: ModelState) -> None:
    """Bring the item into a state by legal transitions."""
    for target in WAY[failed_in if state is ModelState.FAILED else state]:
        move(library, target)
    if state is ModelState.FAILED:
        move(library, state, failed_in)


def tried(library: Path, source: ModelState, target: ModelState) -> bool:
    """Whether the database accepts a transition, all else being as it should."""
    bring(library, source, target if target in RETRYABLE else ModelState.PENDING)
    try:
        move(library, target, source if target is ModelState.FAILED else None)
    except sqlite3.IntegrityError:
        return False
    return True


@pytest.mark.parametrize(("source", "target"), list(product(ModelState, ModelState)))
def test_the_database_accepts_exactly_the_legal_transitions(
    guarded: Path, source: ModelState, target: ModelState
) -> None:
    assert tried(guarded, source, target) == ((source, target) in LEGAL)


@pytest.mark.parametrize(("source", "target"), sorted(LEGAL))
def test_the_database_writes_the_history_of_a_legal_transition(
    guarded: Path, source: ModelState, target: ModelState
) -> None:
    tried(guarded, source, target)
    last = query(
        guarded,
        "SELECT item_id, from_state, to_state, at FROM migration_history ORDER BY id DESC LIMIT 1",
    )
    assert last == [(1, source, target, 2)]


@pytest.mark.parametrize(("source", "target"), sorted(set(product(ModelState, ModelState)) - LEGAL))
def test_a_transition_that_was_refused_is_not_history(
    guarded: Path, source: ModelState, target: ModelState
) -> None:
    tried(guarded, source, target)
    last = query(guarded, "SELECT to_state FROM migration_history ORDER BY id DESC LIMIT 1")
    assert last == [(source,)]


@pytest.mark.parametrize(
    ("failed_in", "target"),
    [pair for pair in product(RETRYABLE, RETRYABLE) if pair[0] is not pair[1]],
)
def test_a_failed_item_returns_to_no_other_state_than_it_failed_in(
    guarded: Path, failed_in: ModelState, target: ModelState
) -> None:
    bring(guarded, ModelState.FAILED, failed_in)
    with pytest.raises(sqlite3.IntegrityError):
        move(guarded, target)


@pytest.mark.parametrize(
    ("source", "claimed"),
    [pair for pair in product(RETRYABLE, ModelState) if pair[0] is not pair[1]],
)
def test_an_item_cannot_claim_to_have_failed_elsewhere(
    guarded: Path, source: ModelState, claimed: ModelState
) -> None:
    bring(guarded, source, source)
    with pytest.raises(sqlite3.IntegrityError):
        move(guarded, ModelState.FAILED, claimed)


def test_an_item_cannot_fail_without_a_reason(guarded: Path) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        query(guarded, MOVE, "failed", "pending", None, 2)


def test_an_item_that_did_not_fail_has_no_reason(guarded: Path) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        query(guarded, MOVE, "imported", None, "broke", 2)


def test_there_is_no_sixth_state(guarded: Path) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        query(guarded, MOVE, "done", None, None, 2)


@pytest.mark.parametrize("state", ModelState)
def test_an_item_that_is_born_further_on_has_taken_every_legal_step(
    guarded: Path, state: ModelState
) -> None:
    for table in ("items", "history"):
        query(guarded, f"DELETE FROM migration_{table}")
    failed = state is ModelState.FAILED
    query(guarded, INSERT, state.value, "pending" * failed or None, "broke" * failed or None)
    found = query(guarded, "SELECT from_state, to_state, at FROM migration_history ORDER BY id")
    steps = list(pairwise((None, *WAYS[state])))
    assert found == [(source, target, 1) for source, target in steps]
    assert LEGAL.issuperset(steps[1:])


@pytest.mark.parametrize("state", [ModelState.IMPORTED, ModelState.IMAGES_DONE])
def test_an_item_that_fails_at_birth_was_pending(guarded: Path, state: ModelState) -> None:
    query(guarded, "DELETE FROM migration_items")
    with pytest.raises(sqlite3.IntegrityError):
        query(guarded, INSERT, "failed", state.value, "broke")


STALE = [
    "taken after its end",
    "finished twice",
    "finished after it failed",
    "parked twice",
    "failed after its end",
    "failed twice",
]


async def stale(bench: Bench, kind: str) -> Change[Any]:
    """A change that was decided on a state that is gone, with that state gone."""
    run = await bench.open_run()
    await bench.record(run, PREVIEWS if kind != "parked twice" else ORIGINALS)
    item = await bench.only_work(run)
    if kind == "parked twice":
        await bench.store.apply([parked(item, "c.png")])
        return parked(item, "c.png")
    if kind.endswith(("failed", "failed twice")):
        await bench.fail(item)
        return finished(item) if kind.startswith("finished") else Fail(item, BROKE, AT)
    await bench.store.apply([finished(item)])
    if kind == "taken after its end":
        return TakeInHand(item, AT)
    return finished(item) if kind == "finished twice" else Fail(item, BROKE, AT)


@pytest.mark.anyio
@pytest.mark.parametrize("kind", STALE)
async def test_a_stale_transition_is_told(bench: Bench, kind: str) -> None:
    change = await stale(bench, kind)
    with pytest.raises(StaleTransition):
        await bench.store.apply([change])


@pytest.mark.anyio
@pytest.mark.parametrize("kind", STALE)
async def test_a_stale_transition_changes_no_count(bench: Bench, kind: str) -> None:
    change = await stale(bench, kind)
    before = await bench.store.ask(StatusOf())
    with suppress(StaleTransition, sqlite3.IntegrityError):
        await bench.store.apply([change])
    assert await bench.store.ask(StatusOf()) == before


@pytest.mark.anyio
@pytest.mark.parametrize("first", [True, False])
async def test_a_stale_transition_undoes_the_whole_batch(bench: Bench, first: bool) -> None:
    change = await stale(bench, "finished twice")
    run = await bench.open_run()
    others = [FinishIntake(run.id, AT)]
    before = await bench.store.ask(StatusOf()), await bench.store.ask(RunById(run.id))
    with pytest.raises(StaleTransition):
        await bench.store.apply([change, *others] if first else [*others, change])
    assert (await bench.store.ask(StatusOf()), await bench.store.ask(RunById(run.id))) == before


@pytest.mark.anyio
async def test_a_stale_transition_undoes_the_record_it_came_with(bench: Bench) -> None:
    change = await stale(bench, "finished twice")
    bench.sql("UPDATE models SET name = 'edited meanwhile', type = ''")
    with pytest.raises(StaleTransition):
        await bench.store.apply([change])
    assert bench.sql("SELECT name, type FROM models") == [("edited meanwhile", "")]


@pytest.mark.anyio
async def test_a_stale_transition_tells_the_item_and_both_states(bench: Bench) -> None:
    change = await stale(bench, "finished twice")
    with pytest.raises(StaleTransition) as stopped:
        await bench.store.apply([change])
    error = stopped.value
    assert (error.item_id, error.expected, error.target) == (1, "imported", "promoted")


@pytest.mark.anyio
async def test_the_store_goes_on_after_a_batch_was_undone(bench: Bench) -> None:
    change = await stale(bench, "finished twice")
    with pytest.raises(StaleTransition):
        await bench.store.apply([change])
    run = await bench.open_run()
    await bench.record(run, row(8, sha256=sha(8), images=("x.png",)))
    assert await bench.store.apply([finished(await bench.only_work(run), image("x.png"))]) == [True]
