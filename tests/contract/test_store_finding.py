"""How active models are found by what is known of them, whatever lies in their rows."""

from __future__ import annotations

import json
from collections.abc import Iterable

import msgspec
import pytest

from engine.facts.search import ModelSearch, Order, Pictures, words_of
from engine.ports.queries import ModelsFound, ModelsOfHashes, PathsFound, TagCounts
from tests.contract.bench import Bench

pytestmark = pytest.mark.anyio

ADD = "INSERT INTO models VALUES (?, ?, ?, ?, ?, ?, ?)"
EVERYTHING = ModelSearch()


def sha(number: int) -> str:
    return f"{number:064x}"


def fill(bench: Bench) -> None:
    """Five models that anything may be wanted of, and two tags."""
    rows: list[tuple[object, ...]] = [
        (sha(1), "/m/one.safetensors", "Model 10", "loras", 30, 100, meta(images_count=2)),
        (sha(2), "/m/Élan.safetensors", None, "loras", 10, 300, meta(description="Soft light")),
        (sha(3), "/m/three.gguf", "model 2", "", 20, 200, meta(positive="aurora")),
        (sha(4), "/m/four.ckpt", "broken", None, None, None, "{no json"),
        (sha(5), "/m/five.ckpt", b"b\xff", "vae", 40, 50, json.dumps({"images_count": "3"})),
    ]
    for row in rows:
        bench.sql(ADD, *row)
    bench.sql("INSERT INTO tags VALUES (1, 'style'), (2, 'drafts'), (3, 'unused')")
    bench.sql("INSERT INTO model_tags VALUES (?, 1), (?, 1), (?, 2)", sha(1), sha(3), sha(2))


def meta(positive: str = "", **fields: object) -> str:
    return json.dumps({**fields, "prompts": {"positive": positive, "negative": ""}})


async def numbers(bench: Bench, search: ModelSearch) -> list[int]:
    found = await bench.store.ask(ModelsFound(search, 0, 100))
    assert found.total == len(found.models)
    paths = await bench.store.ask(PathsFound(search, 0, 100))
    assert [sha256 for sha256, _ in paths] == [model.sha256 for model in found.models]
    return [int(model.sha256, 16) for model in found.models]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        # A text that is no UTF-8 has its place as well; what has no name is called as its file.
        (Order.NAME, [4, 5, 2, 3, 1]),
        (Order.NEWEST, [2, 3, 1, 5, 4]),
        (Order.OLDEST, [4, 5, 1, 3, 2]),
        (Order.LARGEST, [5, 1, 3, 2, 4]),
        (Order.SMALLEST, [4, 2, 3, 1, 5]),
    ],
)
async def test_models_are_in_order(bench: Bench, order: Order, expected: list[int]) -> None:
    fill(bench)
    assert await numbers(bench, ModelSearch(order=order)) == expected


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        (ModelSearch(type="loras"), {1, 2}),
        (ModelSearch(type="Others"), {3, 4}),
        (ModelSearch(type="nothing"), set()),
        (ModelSearch(tag="style"), {1, 3}),
        (ModelSearch(tag="unused"), set()),
        (ModelSearch(tag="style", type="loras"), {1}),
        (ModelSearch(pictures=Pictures.WITH), {1}),
        (ModelSearch(pictures=Pictures.WITHOUT), {2, 3, 4, 5}),
        (ModelSearch(words=words_of("MODEL")), {1, 3}),
        (ModelSearch(words=words_of("elan")), {2}),
        (ModelSearch(words=words_of("soft light")), {2}),
        (ModelSearch(words=words_of("aurora")), {3}),
        (ModelSearch(words=words_of("drafts")), {2}),
        (ModelSearch(words=words_of("model style")), {1, 3}),
        (ModelSearch(words=words_of("prompts")), set()),
        (ModelSearch(words=words_of("%")), set()),
        (ModelSearch(words=words_of(sha(4))), {4}),
        (ModelSearch(words=words_of("0000")), set()),
        (ModelSearch(words=words_of("model"), type="loras", tag="style"), {1}),
    ],
)
async def test_models_are_found_by_what_is_known(
    bench: Bench, search: ModelSearch, expected: Iterable[int]
) -> None:
    fill(bench)
    assert set(await numbers(bench, search)) == set(expected)


async def test_pages_are_parts_of_the_whole(bench: Bench) -> None:
    fill(bench)
    whole = (await bench.store.ask(ModelsFound(EVERYTHING, 0, 100))).models
    parts = [await bench.store.ask(ModelsFound(EVERYTHING, at, 2)) for at in range(0, 8, 2)]
    assert [len(part.models) for part in parts] == [2, 2, 1, 0]
    assert {part.total for part in parts} == {5}
    assert [model for part in parts for model in part.models] == whole


async def test_models_are_told_in_the_order_of_their_hashes(bench: Bench) -> None:
    fill(bench)
    wanted = [sha(3), sha(9), sha(1)]
    found = await bench.store.ask(ModelsOfHashes(wanted))
    assert [model.sha256 for model in found] == [sha(3), sha(1)]
    assert [tag.name for tag in found[0].tags] == ["style"]


async def test_tags_are_told_with_how_many_models_have_them(bench: Bench) -> None:
    fill(bench)
    bench.sql("INSERT INTO pending_import (id, path) VALUES (7, '/m/seven')")
    bench.sql("INSERT INTO pending_model_tags VALUES (7, 1)")
    told = [msgspec.structs.astuple(tag) for tag in await bench.store.ask(TagCounts())]
    assert told == [(2, "drafts", 1, 0), (1, "style", 2, 1), (3, "unused", 0, 0)]
