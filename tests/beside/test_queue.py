"""An item follows its model and not a number: version 2 promotes and removes what waits, and gives
the numbers of its queue again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from adapters.sqlite.last_status import last_status
from adapters.sqlite.store import sqlite_reader
from engine.errors import StorageFailed
from engine.facts.catalogue import ModelPatch
from engine.facts.conflicts import ConflictStrategy
from engine.facts.states import ModelState
from engine.facts.status import Counts, ItemView
from engine.ports.queries import ItemsOf, PendingModels, StatusOf
from engine.service import MigrationService
from tests.beside.shelves import Shelves, painted, problems
from tests.contract.bench import opened as opened_bench
from tests.contract.bench import parked
from tests.unit.rows import row
from tests.waiting_library import (
    Row,
    WatchedModels,
    active,
    migrate,
    opened,
    query,
    sha_of,
    waiting,
)

pytestmark = pytest.mark.anyio

ONE = Row(1, b"one", hashed=True)
TWO = Row(2, b"two", name="two", description="mine", tags=("t",))
THREE = Row(3, b"three", name="three", images=(("c.png", painted("blue")),))
OTHER = Row(9, b"other")


async def shelve(shelves: Shelves) -> None:
    """A row that is active, and two that wait."""
    shelves.legacy.add(ONE, TWO, THREE)
    async with opened(shelves.library) as service:
        await migrate(service, shelves.legacy)


def promote_two(shelves: Shelves) -> None:
    shelves.version_2.promote(2, sha_of(TWO.content))


def remove_two(shelves: Shelves) -> None:
    shelves.version_2.remove_waiting(2)


def give_three_to_another(shelves: Shelves) -> None:
    """Number 3, the last of the queue, is that of another model now."""
    path = shelves.legacy.path(OTHER)
    path.write_bytes(OTHER.content)
    shelves.version_2.remove_waiting(3)
    assert shelves.version_2.scan(path) == [3]


def by_state(items: list[ItemView]) -> Counts:
    """What the items themselves come to."""
    states = Counter(item.state for item in items)
    return Counts(total=states.total(), **{state.value: states[state] for state in ModelState})


async def seen_by_readers(shelves: Shelves) -> tuple[Counts, set[int | None]]:
    """What who does not own the library sees of the run, the same wherever it looks; the keys of
    items that wait."""
    async with sqlite_reader(shelves.library) as reader:
        items = (await reader.ask(ItemsOf(None, None, 0, 100))).items
        wait = (await reader.ask(ItemsOf(None, ModelState.PENDING, 0, 100))).items
        status = await reader.ask(StatusOf())
        queue = await reader.ask(PendingModels(0, 100))
    assert [item for item in items if item.state == "pending"] == wait
    assert {item.path for item in wait} <= {model.path for model in queue}
    assert status.counts == last_status(shelves.library).counts == by_state(items)
    return status.counts, {item.source_id for item in wait}


async def seen_by_owner(
    service: MigrationService,
) -> tuple[Counts, set[int | None]]:
    """What the owner of the library sees of the run, the same wherever it looks."""
    items = (await service.items(1, None, 0, 100)).items
    wait = (await service.items(1, ModelState.PENDING, 0, 100)).items
    status = await service.status(1)
    assert {item.path for item in wait} <= {model.path for model in await service.pending(0, 100)}
    assert status.counts == by_state(items)
    return status.counts, {item.source_id for item in wait}


Change = tuple[Callable[[Shelves], None], Counts, set[int]]

CHANGES: dict[str, Change] = {
    "promoted": (promote_two, Counts(total=3, pending=1, promoted=2), {3}),
    "removed": (remove_two, Counts(total=2, pending=1, promoted=1), {3}),
    "given again": (give_three_to_another, Counts(total=2, pending=1, promoted=1), {2}),
}
each_change = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())


@each_change
async def test_what_version_2_did_is_told_by_all_views_before_the_library_is_opened(
    shelves: Shelves, change: Change
) -> None:
    do, counts, wait = change
    await shelve(shelves)
    do(shelves)
    assert await seen_by_readers(shelves) == (counts, wait)


@each_change
async def test_what_version_2_did_is_told_by_all_views_once_the_library_is_opened(
    shelves: Shelves, change: Change
) -> None:
    do, counts, wait = change
    await shelve(shelves)
    do(shelves)
    async with opened(shelves.library) as service:
        assert await seen_by_owner(service) == (counts, wait)
    assert await seen_by_readers(shelves) == (counts, wait)
    assert await problems(shelves.library) == []


@each_change
async def test_what_version_2_does_is_told_by_all_views_while_the_library_is_open(
    shelves: Shelves, change: Change
) -> None:
    do, counts, wait = change
    await shelve(shelves)
    async with opened(shelves.library) as service:
        await service.status()
        do(shelves)
        assert await seen_by_owner(service) == (counts, wait)
    assert await problems(shelves.library) == []


async def test_what_version_2_promoted_is_told_with_its_hash(shelves: Shelves) -> None:
    await shelve(shelves)
    promote_two(shelves)
    async with opened(shelves.library) as service:
        items = (await service.items(1, ModelState.PROMOTED, 0, 100)).items
    assert {item.source_id: item.sha256 for item in items} == {
        1: sha_of(ONE.content),
        2: sha_of(TWO.content),
    }
    history = query(
        shelves.library, "SELECT to_state FROM migration_history WHERE item_id = 2 ORDER BY id"
    )
    assert history == [("pending",), ("imported",), ("images_done",), ("promoted",)]


async def test_a_model_that_was_removed_is_not_brought_back(shelves: Shelves) -> None:
    await shelve(shelves)
    remove_two(shelves)
    shelves.legacy.add(OTHER)
    async with opened(shelves.library) as service:
        await migrate(service, shelves.legacy)
    assert set(waiting(shelves.library)) == {3, 9}


async def test_a_number_that_was_given_again_promotes_its_model_and_no_other(
    shelves: Shelves,
) -> None:
    await shelve(shelves)
    give_three_to_another(shelves)
    async with opened(shelves.library) as service:
        assert (await service.promote([3], None)).success == [3]
        assert {item.path for item in (await service.items(None, None, 0, 9)).items} == {
            str(shelves.legacy.path(OTHER))
        }
    assert set(active(shelves.library)) == {sha_of(ONE.content), sha_of(OTHER.content)}
    assert await problems(shelves.library) == []


async def test_a_number_that_was_given_again_while_its_promotion_was_interrupted(
    shelves: Shelves,
) -> None:
    await shelve(shelves)

    class Refused(WatchedModels):
        def before(self, path: str) -> None:
            raise StorageFailed(path, "no room")

    async with opened(shelves.library, models=Refused()) as service:
        with pytest.raises(StorageFailed):
            await service.promote([2, 3], None)
    give_three_to_another(shelves)
    async with opened(shelves.library) as service:
        await service.resume()
        await service.wait(2)
        report = await service.promotion(2)
    assert (report.success, [each.code for each in report.failed]) == ([2], ["record_missing"])
    assert set(active(shelves.library)) == {sha_of(ONE.content), sha_of(TWO.content)}
    assert list(waiting(shelves.library)) == [3]
    assert await problems(shelves.library) == []


async def test_a_model_that_was_found_again_waits_under_its_new_number(shelves: Shelves) -> None:
    await shelve(shelves)
    remove_two(shelves)
    assert shelves.version_2.scan(shelves.legacy.path(TWO)) == [4]
    assert await seen_by_readers(shelves) == (Counts(total=3, pending=2, promoted=1), {2, 3})
    async with opened(shelves.library) as service:
        assert (await service.promote([4], None)).success == [4]
        states = {item.source_id: item.state for item in (await service.items(1, None, 0, 9)).items}
    assert states == {1: "promoted", 2: "promoted", 3: "pending"}
    assert await problems(shelves.library) == []


async def test_a_model_whose_path_was_edited_is_followed(shelves: Shelves) -> None:
    await shelve(shelves)
    moved = shelves.legacy.models / "moved.safetensors"
    shelves.legacy.path(TWO).rename(moved)
    async with opened(shelves.library) as service:
        await service.catalogue.edit_pending(2, ModelPatch(path=str(moved)))
    async with opened(shelves.library) as service:
        assert await seen_by_owner(service) == (Counts(total=3, pending=2, promoted=1), {2, 3})
        assert (await service.promote([2], None)).success == [2]
        assert await seen_by_owner(service) == (Counts(total=3, pending=1, promoted=2), {3})
    assert await problems(shelves.library) == []


async def test_a_model_whose_promotion_failed_is_promoted_by_version_2(shelves: Shelves) -> None:
    await shelve(shelves)
    shelves.legacy.path(TWO).unlink()
    async with opened(shelves.library) as service:
        assert [each.code for each in (await service.promote([2], None)).failed] == ["file_missing"]
        promote_two(shelves)
        assert (await service.status(1)).counts == Counts(total=3, pending=1, promoted=2)
    assert [each.code for each in await problems(shelves.library)] == ["file_missing"]


async def test_what_is_taken_from_the_queue_while_it_is_hashed_ends_as_it_was_taken(
    shelves: Shelves,
) -> None:
    await shelve(shelves)

    class Taken(WatchedModels):
        def after(self, path: str) -> None:
            if path == str(shelves.legacy.path(THREE)):
                give_three_to_another(shelves)

    async with opened(shelves.library, models=Taken()) as service:
        report = await service.promote([2, 3], ConflictStrategy.MERGE)
        assert (report.success, [each.code for each in report.failed]) == ([2], ["record_missing"])
        assert (await service.status(1)).counts == Counts(total=2, promoted=2)
    assert set(active(shelves.library)) == {sha_of(ONE.content), sha_of(TWO.content)}
    assert list(waiting(shelves.library)) == [3]
    assert waiting(shelves.library)[3]["sha256"] == ""
    assert await problems(shelves.library) == []


async def test_a_number_that_is_taken_while_originals_are_copied_is_left_to_its_model(
    shelves: Shelves,
) -> None:
    async with opened_bench(shelves.library) as bench:
        run = await bench.open_run()
        await bench.record(run, row(3, images=("c.png",)))
        item = await bench.only_work(run)
        await bench.take(item)
        path = shelves.legacy.path(OTHER)
        path.write_bytes(OTHER.content)
        assert shelves.version_2.scan(path, number=3) == [3]
        await bench.store.apply([parked(item, "c.png")])
        assert bench.sql("SELECT id, path FROM pending_import ORDER BY id") == [
            (3, str(path)),
            (4, item.candidate.path),
        ]
        assert bench.sql("SELECT pending_id FROM migration_items") == [(4,)]
