"""What two records of one content become, field by field."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest

from engine.facts.conflicts import (
    ConflictStrategy,
    duplicate_warning,
    resolve,
    resolve_pending,
    with_images,
)
from engine.facts.records import ActiveMeta, ModelRecord, PendingMeta, PendingModelRecord, Prompts
from engine.facts.source import Notice
from tests.unit.rows import sha

Value = str | int

TEXTS = ["path", "name", "type", "description", "community_links", "positive", "negative"]
NUMBERS = ["size_bytes", "created_at"]
FIELDS = TEXTS + NUMBERS
KEEPING = [ConflictStrategy.MERGE, ConflictStrategy.IGNORE, ConflictStrategy.DELETE]
SIDES = list(product([False, True], repeat=2))


def value(field: str, filled: bool, side: str) -> Value:
    """A value that tells the side it comes from, or the field's empty value."""
    if field in NUMBERS:
        return {"existing": 1, "incoming": 2}[side] if filled else 0
    return f"{side} {field}" if filled else ""


def active(values: dict[str, Value], count: int = 0) -> ModelRecord:
    flat = {**dict.fromkeys(TEXTS, ""), **dict.fromkeys(NUMBERS, 0), **values}
    return msgspec.convert(
        {
            "sha256": sha("content"),
            **{field: flat[field] for field in ("path", "name", "type", *NUMBERS)},
            "meta_json": {
                "description": flat["description"],
                "community_links": flat["community_links"],
                "images_count": count,
                "prompts": {"positive": flat["positive"], "negative": flat["negative"]},
            },
        },
        ModelRecord,
    )


def waiting(
    values: dict[str, Value], number: int, images: tuple[str, ...] = (), sha256: str = ""
) -> PendingModelRecord:
    record = active({**values, "path": "/one/path"})
    meta = record.meta_json
    return PendingModelRecord(
        id=number,
        path=record.path,
        sha256=sha256,
        name=record.name,
        type=record.type,
        size_bytes=record.size_bytes,
        created_at=record.created_at,
        meta_json=PendingMeta(meta.description, meta.community_links, images, meta.prompts),
    )


def read(record: ModelRecord | PendingModelRecord, field: str) -> Value:
    meta = record.meta_json
    flat: dict[str, Value] = {
        **{name: getattr(record, name) for name in ("path", "name", "type", *NUMBERS)},
        "description": meta.description,
        "community_links": meta.community_links,
        "positive": meta.prompts.positive,
        "negative": meta.prompts.negative,
    }
    return flat[field]


@pytest.mark.parametrize(("there", "comes"), SIDES)
@pytest.mark.parametrize("field", FIELDS)
def test_override_takes_every_field_of_the_incoming_record(
    field: str, there: bool, comes: bool
) -> None:
    existing = active({field: value(field, there, "existing")})
    incoming = active({field: value(field, comes, "incoming")})
    resolved = resolve(ConflictStrategy.OVERRIDE, existing, incoming)
    assert read(resolved, field) == value(field, comes, "incoming")


@pytest.mark.parametrize(("there", "comes"), SIDES)
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("strategy", KEEPING)
def test_every_other_strategy_keeps_what_is_there_and_fills_what_is_empty(
    strategy: ConflictStrategy, field: str, there: bool, comes: bool
) -> None:
    existing = active({field: value(field, there, "existing")})
    incoming = active({field: value(field, comes, "incoming")})
    expected = value(field, True, "existing") if there else value(field, comes, "incoming")
    assert read(resolve(strategy, existing, incoming), field) == expected


@pytest.mark.parametrize("strategy", KEEPING)
@pytest.mark.parametrize("field", FIELDS)
def test_filling_one_field_touches_no_other(field: str, strategy: ConflictStrategy) -> None:
    existing = active({name: value(name, name != field, "existing") for name in FIELDS})
    incoming = active({name: value(name, True, "incoming") for name in FIELDS})
    resolved = resolve(strategy, existing, incoming)
    sides = {name: read(resolved, name) == value(name, True, "incoming") for name in FIELDS}
    assert sides == {name: name == field for name in FIELDS}


@pytest.mark.parametrize("strategy", KEEPING)
def test_merging_counts_only_the_images_that_are_on_disk(strategy: ConflictStrategy) -> None:
    resolved = resolve(strategy, active({}, count=2), active({}, count=7))
    assert resolved.meta_json.images_count == 2


@pytest.mark.parametrize("strategy", list(ConflictStrategy))
def test_resolving_a_record_with_itself_changes_nothing(strategy: ConflictStrategy) -> None:
    record = active({name: value(name, True, "existing") for name in FIELDS}, count=3)
    assert resolve(strategy, record, record) == record


@pytest.mark.parametrize(("there", "comes"), SIDES)
@pytest.mark.parametrize("field", [name for name in FIELDS if name != "path"])
@pytest.mark.parametrize("strategy", list(ConflictStrategy))
def test_pending_records_of_one_path_resolve_like_active_ones(
    strategy: ConflictStrategy, field: str, there: bool, comes: bool
) -> None:
    old = {field: value(field, there, "existing"), "path": "/one/path"}
    new = {field: value(field, comes, "incoming"), "path": "/one/path"}
    resolved = resolve_pending(strategy, waiting(old, 4), waiting(new, 9))
    assert read(resolved, field) == read(resolve(strategy, active(old), active(new)), field)


@pytest.mark.parametrize("strategy", list(ConflictStrategy))
def test_a_pending_record_keeps_its_number(strategy: ConflictStrategy) -> None:
    assert resolve_pending(strategy, waiting({}, 4), waiting({}, 9)).id == 4


@pytest.mark.parametrize("strategy", list(ConflictStrategy))
def test_pending_images_are_joined_in_order_and_each_once(strategy: ConflictStrategy) -> None:
    old = waiting({}, 4, images=("b.png", "a.png"))
    new = waiting({}, 9, images=("c.png", "a.png", "d.png"))
    resolved = resolve_pending(strategy, old, new)
    assert resolved.meta_json.images == ("b.png", "a.png", "c.png", "d.png")


@pytest.mark.parametrize("strategy", KEEPING)
def test_an_unknown_hash_is_filled_by_a_known_one(strategy: ConflictStrategy) -> None:
    resolved = resolve_pending(strategy, waiting({}, 4), waiting({}, 9, sha256=sha("known")))
    assert resolved.sha256 == sha("known")


@pytest.mark.parametrize("strategy", KEEPING)
def test_a_known_hash_is_kept(strategy: ConflictStrategy) -> None:
    old, new = waiting({}, 4, sha256=sha("old")), waiting({}, 9, sha256=sha("new"))
    assert resolve_pending(strategy, old, new).sha256 == sha("old")


def test_counting_images_leaves_all_else_as_it_is() -> None:
    record = active({name: value(name, True, "existing") for name in FIELDS}, count=1)
    assert with_images(with_images(record, 5), 1) == record


def test_counting_images_sets_their_number() -> None:
    assert with_images(ModelRecord(sha("x"), "/x"), 5).meta_json == ActiveMeta(images_count=5)


def test_a_record_at_the_same_path_is_no_duplicate() -> None:
    assert duplicate_warning("/a", "/a") == ()


def test_a_duplicate_is_told_where_the_other_file_lies() -> None:
    assert duplicate_warning("/a", "/b") == (Notice("duplicate_hash", "same content as /a"),)


def test_prompts_are_merged_one_by_one() -> None:
    old, new = active({"positive": "mine"}), active({"positive": "theirs", "negative": "theirs"})
    resolved = resolve(ConflictStrategy.MERGE, old, new)
    assert resolved.meta_json.prompts == Prompts("mine", "theirs")
