"""How models that wait are edited, and many are tagged at once."""

from __future__ import annotations

import json

import pytest

from engine.errors import InvalidEdit, InWork, UnknownPending
from engine.facts.catalogue import MetaPatch, ModelPatch, PromptsPatch, TagReport
from engine.facts.records import PendingModelRecord
from engine.facts.status import RunState
from engine.ports.changes import ChangeTags, EditPending, OpenPromotion, SetRunState
from engine.ports.queries import PendingMarks, PendingModels
from tests.contract.bench import AT, Bench

pytestmark = pytest.mark.anyio

ADD_MODEL = "INSERT INTO models (sha256, path, meta_json) VALUES (?, ?, '{}')"
ADD_PENDING = (
    "INSERT INTO pending_import (id, path, name, sha256, meta_json) VALUES (?, ?, ?, ?, ?)"
)
TAGS = "SELECT model_hash, tag_id FROM model_tags ORDER BY 1, 2"
PENDING_TAGS = "SELECT model_id, tag_id FROM pending_model_tags ORDER BY 1, 2"
SHA, OTHER = "a" * 64, "b" * 64


def fill(bench: Bench) -> None:
    for sha256 in (SHA, OTHER):
        bench.sql(ADD_MODEL, sha256, f"/m/{sha256[0]}")
    meta = json.dumps({"images": ["7.png"], "description": "old", "own": 1})
    bench.sql(ADD_PENDING, 7, "/m/7", "seven", SHA, meta)
    bench.sql(ADD_PENDING, 8, "/m/8", "eight", "", "{}")
    bench.sql("INSERT INTO tags VALUES (1, 'style'), (2, 'drafts')")
    bench.sql("INSERT INTO model_tags VALUES (?, 2), (?, 2)", SHA, OTHER)
    bench.sql("INSERT INTO pending_model_tags VALUES (7, 2)")


async def edit(bench: Bench, number: int, patch: ModelPatch) -> PendingModelRecord:
    (record,) = await bench.store.apply([EditPending(number, patch)])
    assert isinstance(record, PendingModelRecord)
    (read,) = await bench.store.ask(PendingModels(number - 1, 1))
    assert read == record
    return record


async def test_fields_of_a_model_that_waits_are_changed_and_the_others_stay(bench: Bench) -> None:
    fill(bench)
    notes = MetaPatch(community_links="here", prompts=PromptsPatch(negative="rain"))
    record = await edit(bench, 7, ModelPatch(name="new", type="loras", meta_json=notes, tags=(1,)))
    assert (record.name, record.type, record.path, record.sha256) == ("new", "loras", "/m/7", SHA)
    assert record.meta_json.description == "old"
    assert record.meta_json.community_links == "here"
    assert record.meta_json.prompts.negative == "rain"
    assert record.meta_json.images == ("7.png",)
    assert [tag.name for tag in record.tags] == ["style"]
    ((stored,),) = bench.sql("SELECT meta_json FROM pending_import WHERE id = 7")
    assert json.loads(stored)["own"] == 1


async def test_what_was_known_of_a_file_is_not_known_of_another(bench: Bench) -> None:
    fill(bench)
    record = await edit(bench, 7, ModelPatch(path="/m/moved"))
    assert (record.path, record.sha256, record.name) == ("/m/moved", "", "seven")
    assert (await edit(bench, 8, ModelPatch(path="/m/8"))).path == "/m/8"


async def test_two_models_that_wait_cannot_have_one_path(bench: Bench) -> None:
    fill(bench)
    with pytest.raises(InvalidEdit, match="Model 8"):
        await edit(bench, 7, ModelPatch(name="lost", path="/m/8"))
    assert bench.sql("SELECT name, path FROM pending_import WHERE id = 7") == [("seven", "/m/7")]


async def test_an_edit_that_cannot_be_made_is_refused(bench: Bench) -> None:
    fill(bench)
    with pytest.raises(UnknownPending):
        await edit(bench, 9, ModelPatch(name="nobody"))
    with pytest.raises(InvalidEdit, match="tag with id 9"):
        await edit(bench, 7, ModelPatch(name="lost", tags=(9,)))
    assert bench.sql("SELECT name FROM pending_import WHERE id = 7") == [("seven",)]


async def test_what_a_run_has_in_hand_is_not_edited(bench: Bench) -> None:
    fill(bench)
    (run,) = await bench.store.apply([OpenPromotion([7], None, {}, AT)])
    await bench.store.apply([SetRunState(run.id, RunState.RUNNING, AT)])
    with pytest.raises(InWork):
        await edit(bench, 7, ModelPatch(name="lost"))
    (report,) = await bench.store.apply([ChangeTags([], [7, 8], ["style"], [])])
    assert report == TagReport(0, 1, [], [7])
    assert (await edit(bench, 8, ModelPatch(name="free"))).name == "free"
    await bench.store.apply([SetRunState(run.id, RunState.CANCELLED, AT)])
    assert (await edit(bench, 7, ModelPatch(name="kept"))).name == "kept"


async def test_many_models_are_tagged_and_untagged_in_one_step(bench: Bench) -> None:
    fill(bench)
    change = ChangeTags([SHA, OTHER, "c" * 64], [7, 8, 99], ["style", "new"], ["drafts", "nothing"])
    (report,) = await bench.store.apply([change])
    assert report == TagReport(2, 2, ["c" * 64, 99], [])
    assert bench.sql(TAGS) == [(sha256, tag) for sha256 in (SHA, OTHER) for tag in (1, 3)]
    assert bench.sql(PENDING_TAGS) == [(number, tag) for number in (7, 8) for tag in (1, 3)]
    assert bench.sql("SELECT name FROM tags ORDER BY id") == [("style",), ("drafts",), ("new",)]
    # Twice is once.
    (again,) = await bench.store.apply([change])
    assert again == report
    assert len(bench.sql(TAGS)) == len(bench.sql(PENDING_TAGS)) == 4


async def test_no_tag_is_made_where_nothing_is_tagged(bench: Bench) -> None:
    fill(bench)
    (report,) = await bench.store.apply([ChangeTags(["c" * 64], [], ["new"], [])])
    assert report == TagReport(0, 0, ["c" * 64], [])
    assert len(bench.sql("SELECT id FROM tags")) == 2


async def test_what_is_known_of_models_that_wait_is_told(bench: Bench) -> None:
    fill(bench)
    failed, disputed = await bench.store.ask(PendingMarks())
    assert (failed, disputed) == ({}, {7})
