"""How rows are settled one after the other, whatever chunks they come in."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.facts.assessment import AssessedRow, Lane
from engine.facts.conflicts import ConflictStrategy
from engine.facts.records import ActiveMeta, ModelRecord, PendingModelRecord
from engine.facts.settlement import Known, SettledRow, Settlement
from tests.unit.rows import BROKEN, row, sha

STRATEGIES = list(ConflictStrategy)


def nothing_known() -> Known:
    return Known(models={}, on_the_way=set(), pending={}, taken=set(), largest=0)


def something_known() -> Known:
    """A library with a model, one on its way, and two that wait."""
    return Known(
        models={sha(0): ModelRecord(sha(0), "/old", name="old", meta_json=ActiveMeta("", "", 2))},
        on_the_way={sha(1)},
        pending={"/p0": PendingModelRecord(3, "/p0"), "/p1": PendingModelRecord(8, "/p1")},
        taken={3, 5, 8},
        largest=8,
    )


class Outcome:
    """Everything that settling rows has decided."""

    def __init__(self) -> None:
        self.settled: list[SettledRow] = []
        self.models: dict[str, ModelRecord] = {}
        self.pending: dict[str, PendingModelRecord] = {}

    def facts(self) -> tuple[object, ...]:
        return self.settled, self.models, self.pending


def settle(
    strategy: ConflictStrategy, known: Known, chunks: Sequence[list[AssessedRow]]
) -> Outcome:
    outcome = Outcome()
    for chunk in chunks:
        settlement = Settlement(strategy, known)
        outcome.settled += [settlement.settle(found) for found in chunk]
        outcome.models |= settlement.models
        outcome.pending |= settlement.pending
    return outcome


@st.composite
def sequences(draw: st.DrawFn) -> list[AssessedRow]:
    """Rows that meet each other and the library often: few hashes, few paths, odd numbers."""
    keys = draw(st.lists(st.integers(-3, 12), unique=True, max_size=10).map(sorted))
    return [
        row(
            key,
            path=draw(st.sampled_from(["", "/p0", "/p1", "/p2"])),
            name=draw(st.sampled_from(["", "named"])),
            sha256=draw(st.sampled_from(["", sha(0), sha(1), sha(2), sha(3)])),
            images=draw(st.sampled_from([(), ("a.png",)])),
            defect=draw(st.sampled_from([None, None, None, BROKEN])),
        )
        for key in keys
    ]


def cut(rows: list[AssessedRow], places: list[int]) -> list[list[AssessedRow]]:
    edges = [0, *sorted(place % (len(rows) + 1) for place in places), len(rows)]
    return [rows[first:last] for first, last in pairwise(edges)]


@given(sequences(), st.lists(st.integers(0, 20), max_size=6), st.sampled_from(STRATEGIES))
def test_settlement_does_not_depend_on_how_rows_are_cut_into_chunks(
    rows: list[AssessedRow], places: list[int], strategy: ConflictStrategy
) -> None:
    whole = settle(strategy, something_known(), [rows])
    pieces = settle(strategy, something_known(), cut(rows, places))
    assert pieces.facts() == whole.facts()


@given(sequences(), st.sampled_from(STRATEGIES))
def test_no_number_is_given_to_two_paths(
    rows: list[AssessedRow], strategy: ConflictStrategy
) -> None:
    paths: dict[int, str] = {}
    for settled in settle(strategy, something_known(), [rows]).settled:
        if settled.pending_id is not None:
            path = settled.row.model.path
            assert paths.setdefault(settled.pending_id, path) == path


@given(sequences(), st.sampled_from(STRATEGIES))
def test_no_number_of_the_library_is_given_to_another_path(
    rows: list[AssessedRow], strategy: ConflictStrategy
) -> None:
    known = something_known()
    theirs = {record.id: record.path for record in known.pending.values()} | {5: "on its way"}
    for settled in settle(strategy, copy.deepcopy(known), [rows]).settled:
        if settled.pending_id in theirs:
            assert theirs[settled.pending_id] == settled.row.model.path


@given(sequences(), st.sampled_from(STRATEGIES))
def test_every_number_is_positive(rows: list[AssessedRow], strategy: ConflictStrategy) -> None:
    settled = settle(strategy, something_known(), [rows]).settled
    assert all(found.pending_id > 0 for found in settled if found.pending_id is not None)


@given(sequences(), st.sampled_from(STRATEGIES))
def test_exactly_the_rows_that_wait_or_leave_the_queue_are_numbered(
    rows: list[AssessedRow], strategy: ConflictStrategy
) -> None:
    for settled in settle(strategy, something_known(), [rows]).settled:
        waits = settled.lane in {Lane.PENDING, Lane.ORIGINALS}
        leaves = settled.lane is Lane.PREVIEWS and settled.path != ""
        assert (waits or leaves) == (settled.pending_id is not None)


@given(sequences(), st.sampled_from(STRATEGIES))
def test_a_row_that_is_no_model_changes_nothing(
    rows: list[AssessedRow], strategy: ConflictStrategy
) -> None:
    usable = [found for found in rows if found.model.defect is None]
    whole = settle(strategy, something_known(), [rows])
    without = settle(strategy, something_known(), [usable])
    assert (whole.models, whole.pending) == (without.models, without.pending)


PAIR = [row(1, sha256=sha("x")), row(2, sha256=sha("x"))]


@pytest.mark.parametrize(
    ("strategy", "name"),
    [(ConflictStrategy.MERGE, "model 1"), (ConflictStrategy.OVERRIDE, "model 2")],
)
def test_ties_go_by_source_order(strategy: ConflictStrategy, name: str) -> None:
    assert settle(strategy, nothing_known(), [PAIR]).models[sha("x")].name == name


def test_the_second_row_of_a_hash_is_told_of_the_first() -> None:
    settled = settle(ConflictStrategy.MERGE, nothing_known(), [PAIR]).settled
    assert [[w.code for w in found.warnings] for found in settled] == [[], ["duplicate_hash"]]


def test_the_second_row_of_a_hash_waits_when_conflicts_are_ignored() -> None:
    settled = settle(ConflictStrategy.IGNORE, nothing_known(), [PAIR]).settled
    assert [found.lane for found in settled] == [Lane.ACTIVE, Lane.PENDING]


def test_an_ignored_conflict_keeps_its_hash_while_it_waits() -> None:
    outcome = settle(ConflictStrategy.IGNORE, nothing_known(), [PAIR])
    assert outcome.pending["/models/2.safetensors"].sha256 == sha("x")


@pytest.mark.parametrize("strategy", [ConflictStrategy.MERGE, ConflictStrategy.OVERRIDE])
def test_previews_that_are_on_disk_stay_counted(strategy: ConflictStrategy) -> None:
    outcome = settle(strategy, something_known(), [[row(1, sha256=sha(0))]])
    assert outcome.models[sha(0)].meta_json.images_count == 2


def test_a_row_follows_one_of_its_hash_through_the_workers() -> None:
    rows = [row(1, sha256=sha("x"), images=("a.png",)), row(2, sha256=sha("x"))]
    settled = settle(ConflictStrategy.MERGE, nothing_known(), [rows]).settled
    assert [found.lane for found in settled] == [Lane.PREVIEWS, Lane.PREVIEWS]


def test_a_row_keeps_its_number_where_that_is_free() -> None:
    assert settle(STRATEGIES[0], something_known(), [[row(4)]]).settled[0].pending_id == 4


@pytest.mark.parametrize("key", [3, 5, 8, 0, -2])
def test_a_row_whose_number_is_not_free_gets_the_next_one(key: int) -> None:
    assert settle(STRATEGIES[0], something_known(), [[row(key)]]).settled[0].pending_id == 9


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_path_that_waits_already_keeps_its_number(strategy: ConflictStrategy) -> None:
    outcome = settle(strategy, something_known(), [[row(1, path="/p1")]])
    assert outcome.settled[0].pending_id == outcome.pending["/p1"].id == 8
