"""How tags are mapped by name, and numbered so that no id is ever given twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.facts.source import SourceTag
from engine.ports.changes import ExpectRows
from tests.contract.bench import Bench, opened
from tests.contract.version_2 import contents, make

pytestmark = pytest.mark.anyio


async def expect(library: Path, *tags: SourceTag) -> None:
    async with opened(library) as bench:
        run = await bench.open_run()
        await bench.store.apply([ExpectRows(run.id, 0, list(tags), [])])


async def test_a_tag_keeps_its_id_where_that_is_free(library: Path) -> None:
    make(library)
    await expect(library, SourceTag(5, "five"))
    assert (5, "five") in contents(library)["tags"]


async def test_a_tag_is_known_by_its_name(library: Path) -> None:
    make(library)
    await expect(library, SourceTag(1, "favourite"))
    assert contents(library)["tags"] == [(3, "style"), (7, "favourite")]


@pytest.mark.parametrize("taken", [3, 7, 0, -4])
async def test_a_tag_whose_id_is_not_free_is_numbered_after_all_ever_given(
    library: Path, taken: int
) -> None:
    make(library)
    await expect(library, SourceTag(taken, "other"))
    assert (13, "other") in contents(library)["tags"]


async def test_a_tag_is_brought_in_without_a_model(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.store.apply([ExpectRows(run.id, 0, [SourceTag(2, "unused")], [])])
    assert bench.sql("SELECT id, name FROM tags") == [(2, "unused")]


async def test_mapping_tags_again_changes_nothing(library: Path) -> None:
    make(library)
    tags = [SourceTag(3, "other"), SourceTag(20, "twenty")]
    await expect(library, *tags)
    before = contents(library)
    await expect(library, *tags)
    assert contents(library) == before


@pytest.mark.parametrize(
    ("tag", "largest"),
    [
        (SourceTag(5, "below"), "12"),
        (SourceTag(50, "above"), "50"),
        (SourceTag(3, "taken"), "13"),
        (SourceTag(3, "style"), "12"),
    ],
)
async def test_the_largest_tag_id_ever_given_stays_true(
    library: Path, tag: SourceTag, largest: str
) -> None:
    make(library)
    await expect(library, tag)
    assert dict(contents(library)["db_meta"])["tags_id_max"] == largest


@pytest.mark.parametrize(
    "spoiled",
    [
        "DELETE FROM db_meta WHERE key = 'tags_id_max'",
        "UPDATE db_meta SET value = NULL WHERE key = 'tags_id_max'",
        "UPDATE db_meta SET value = '' WHERE key = 'tags_id_max'",
        "UPDATE db_meta SET value = '1' WHERE key = 'tags_id_max'",
    ],
    ids=["missing", "null", "empty", "too small"],
)
async def test_a_largest_tag_id_that_is_not_true_becomes_true(library: Path, spoiled: str) -> None:
    make(library, spoiled)
    await expect(library, SourceTag(3, "taken"))
    found = contents(library)
    assert (found["tags"][-1], dict(found["db_meta"])["tags_id_max"]) == ((8, "taken"), "8")


async def test_the_largest_possible_tag_id_does_not_stop_the_others(bench: Bench) -> None:
    run = await bench.open_run()
    tags = [SourceTag(0, "numbered anew"), SourceTag(2**63 - 1, "largest")]
    await bench.store.apply([ExpectRows(run.id, 0, tags, [])])
    assert {name for (name,) in bench.sql("SELECT name FROM tags")} == {"numbered anew", "largest"}
