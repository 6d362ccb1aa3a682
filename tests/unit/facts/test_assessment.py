"""How a row's identity is judged, and which lane it takes."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.facts.assessment import Lane, active_record, assess, lane, pending_record, row_digest
from engine.facts.conflicts import ConflictStrategy
from engine.facts.records import ActiveMeta, ModelRecord, PendingMeta, PendingModelRecord, Prompts
from engine.facts.source import Notice
from tests.unit.rows import BROKEN, assessed, model, row, sha

DIGEST = b"d" * 16
FULL = msgspec.structs.replace(
    model(7, sha256=sha(7), description="told", images=("a.png",), tags=("tag",)),
    community_links="https://example.org",
    prompts=Prompts("yes", "no"),
)


def codes(warnings: tuple[Notice, ...]) -> list[str]:
    return [warning.code for warning in warnings]


def test_a_hash_whose_size_is_the_files_is_believed() -> None:
    assert assess(model(1, sha256=sha(1)), DIGEST, 10).sha256 == sha(1)


def test_a_hash_whose_size_is_the_files_warns_of_nothing() -> None:
    assert assess(model(1, sha256=sha(1)), DIGEST, 10).warnings == ()


@pytest.mark.parametrize("size", [0, 9, 11])
def test_a_hash_whose_size_is_not_the_files_is_dropped(size: int) -> None:
    assert assess(model(1, sha256=sha(1)), DIGEST, size).sha256 == ""


@pytest.mark.parametrize("size", [0, 9, 11])
def test_a_stale_hash_is_told(size: int) -> None:
    assert codes(assess(model(1, sha256=sha(1)), DIGEST, size).warnings) == ["stale_hash"]


def test_a_hash_without_a_size_is_believed() -> None:
    sizeless = msgspec.structs.replace(model(1, sha256=sha(1)), size_bytes=None)
    assert assess(sizeless, DIGEST, 10).sha256 == sha(1)


def test_a_model_without_a_file_keeps_its_hash() -> None:
    assert assess(model(1, sha256=sha(1)), DIGEST, None).sha256 == sha(1)


def test_a_model_without_a_file_is_told() -> None:
    assert codes(assess(model(1, sha256=sha(1)), DIGEST, None).warnings) == ["file_missing"]


def test_an_unhashed_row_is_not_judged() -> None:
    assert assess(model(1), DIGEST, None).warnings == ()


def test_a_row_that_is_no_model_has_no_identity() -> None:
    assert assess(model(1, sha256=sha(1), defect=BROKEN), DIGEST, 10).sha256 == ""


@pytest.mark.parametrize("size", [None, 10, 11])
def test_what_the_source_warned_of_is_kept(size: int | None) -> None:
    earlier = Notice("metadata_unreadable", "not JSON")
    row = assess(model(1, sha256=sha(1), warnings=(earlier,)), DIGEST, size)
    assert row.warnings[0] == earlier


def test_one_row_has_one_digest() -> None:
    assert row_digest(b"row", "/images") == row_digest(b"row", "/images")


@given(st.binary(), st.text(), st.binary(), st.text())
def test_two_rows_or_folders_have_two_digests(
    one: bytes, here: str, two: bytes, there: str
) -> None:
    assert (row_digest(one, here) == row_digest(two, there)) == ((one, here) == (two, there))


def test_a_folder_that_is_no_unicode_has_a_digest() -> None:
    assert len(row_digest(b"row", "/images/\udcff")) == 16


CASES = list(product([False, True], repeat=4))


@pytest.mark.parametrize("strategy", list(ConflictStrategy))
@pytest.mark.parametrize(("hashed", "images", "conflicts", "follows"), CASES)
def test_a_defect_stops_a_row_whatever_else_it_is(
    hashed: bool, images: bool, conflicts: bool, follows: bool, strategy: ConflictStrategy
) -> None:
    found = model(1, sha256=sha(1) * hashed, images=("a.png",) * images, defect=BROKEN)
    taken = lane(assessed(found), strategy, conflicts=conflicts, follows=follows)
    assert taken is Lane.FAILED


@pytest.mark.parametrize("strategy", list(ConflictStrategy))
@pytest.mark.parametrize(("conflicts", "follows"), list(product([False, True], repeat=2)))
@pytest.mark.parametrize(("images", "expected"), [((), Lane.PENDING), (("a",), Lane.ORIGINALS)])
def test_an_unhashed_row_waits_with_its_original_images(
    images: tuple[str, ...],
    expected: Lane,
    conflicts: bool,
    follows: bool,
    strategy: ConflictStrategy,
) -> None:
    taken = lane(row(1, images=images), strategy, conflicts=conflicts, follows=follows)
    assert taken is expected


@pytest.mark.parametrize(
    ("images", "conflicts", "follows", "expected"),
    [
        ((), False, False, Lane.ACTIVE),
        (("a",), False, False, Lane.PREVIEWS),
        ((), True, False, Lane.ACTIVE),
        (("a",), True, False, Lane.PREVIEWS),
        ((), True, True, Lane.PREVIEWS),
        (("a",), True, True, Lane.PREVIEWS),
    ],
)
@pytest.mark.parametrize("strategy", [ConflictStrategy.MERGE, ConflictStrategy.OVERRIDE])
def test_a_hashed_row_goes_through_the_workers_when_it_has_images_or_follows(
    images: tuple[str, ...],
    conflicts: bool,
    follows: bool,
    expected: Lane,
    strategy: ConflictStrategy,
) -> None:
    taken = lane(
        row(1, sha256=sha(1), images=images), strategy, conflicts=conflicts, follows=follows
    )
    assert taken is expected


@pytest.mark.parametrize("follows", [False, True])
@pytest.mark.parametrize(("images", "expected"), [((), Lane.PENDING), (("a",), Lane.ORIGINALS)])
def test_a_conflict_that_is_ignored_waits(
    images: tuple[str, ...], expected: Lane, follows: bool
) -> None:
    found = row(1, sha256=sha(1), images=images)
    assert lane(found, ConflictStrategy.IGNORE, conflicts=True, follows=follows) is expected


def test_an_active_record_has_every_field_of_its_row() -> None:
    assert active_record(FULL, sha(7)) == ModelRecord(
        sha256=sha(7),
        path="/models/7.safetensors",
        name="model 7",
        type="loras",
        size_bytes=10,
        created_at=1_007,
        meta_json=ActiveMeta("told", "https://example.org", 0, Prompts("yes", "no")),
    )


def test_a_pending_record_has_every_field_of_its_row() -> None:
    assert pending_record(FULL, 3, "", ("b.png",)) == PendingModelRecord(
        id=3,
        path="/models/7.safetensors",
        name="model 7",
        type="loras",
        size_bytes=10,
        created_at=1_007,
        meta_json=PendingMeta("told", "https://example.org", ("b.png",), Prompts("yes", "no")),
    )


def test_an_unknown_size_is_recorded_as_nought() -> None:
    sizeless = msgspec.structs.replace(FULL, size_bytes=None)
    assert active_record(sizeless, sha(7)).size_bytes == 0
