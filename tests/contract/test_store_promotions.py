"""What stage 2 writes down: enlisted models, their hashes, decisions, and what is left over."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from engine.errors import StaleTransition
from engine.facts.conflicts import ConflictStrategy
from engine.facts.files import FileFacts, FoundFile
from engine.facts.preview_sets import PlannedSet
from engine.facts.promotion_report import Conflict, ExistingSide, PendingSide
from engine.facts.status import RunKind, RunState
from engine.facts.work import ExistingPreviews, Run, Work, WorkItem
from engine.ports.changes import (
    AddFound,
    Decide,
    ForgetUnusedOriginals,
    NoteHash,
    OpenPromotion,
    PlanSets,
    RetryFailed,
    SetRunState,
)
from engine.ports.queries import (
    CachedHash,
    EnlistedItems,
    KnownDigests,
    PendingModels,
    PromotionOf,
    PromotionWindow,
    RecordsOfSizes,
    RunById,
    StatusOf,
    UnusedOriginals,
)
from tests.contract.bench import AT, BROKE, Bench, finished, image, parked
from tests.unit.rows import row, sha

pytestmark = pytest.mark.anyio

FACTS = FileFacts(10, 1_700_000_000_000_000_001, 2**64 - 1)
OVERRIDE, MERGE = ConflictStrategy.OVERRIDE, ConflictStrategy.MERGE
IGNORE, DELETE = ConflictStrategy.IGNORE, ConflictStrategy.DELETE
LAST = 2**31


async def waiting(bench: Bench, *keys: int) -> Run:
    """A finished import whose rows of these keys wait; row 1 is active beside them."""
    run = await bench.open_run()
    await bench.record(run, row(1, sha256=sha("taken")), *[row(key) for key in keys])
    await bench.end_run(run)
    return run


async def pictured(bench: Bench, *keys: int) -> Run:
    """As `waiting`, with an image to each model that waits."""
    run = await bench.open_run()
    rows = [row(key, images=("a.png",)) for key in keys]
    await bench.record(run, row(1, sha256=sha("taken")), *rows)
    await bench.store.apply([parked(item, "a.png") for item in await bench.work(run)])
    await bench.end_run(run)
    return run


async def promote(
    bench: Bench, ids: Sequence[int], strategy: ConflictStrategy | None = None
) -> Run:
    change = OpenPromotion(list(ids), strategy, dict.fromkeys(ids, 10), AT)
    (run,) = await bench.store.apply([change])
    assert isinstance(run, Run)
    return run


async def enlisted(bench: Bench, run: Run, work: Work) -> list[WorkItem]:
    return await bench.store.ask(EnlistedItems(run.id, work, -1, LAST, 100))


async def hashed(bench: Bench, run: Run, content: object) -> WorkItem:
    """The first model that is to be hashed, hashed."""
    item = (await enlisted(bench, run, Work.HASH))[0]
    await bench.store.apply([NoteHash(item, sha(content), FACTS, True, AT)])
    return next(i for i in await enlisted(bench, run, Work.PROMOTION) if i.id == item.id)


async def decide(bench: Bench, item: WorkItem) -> ExistingPreviews | None:
    (previews,) = await bench.store.apply([Decide(item, AT)])
    assert previews is None or isinstance(previews, ExistingPreviews)
    return previews


async def decided(bench: Bench, run: Run, content: object) -> WorkItem:
    """The first model that is to be hashed, on its way to be active."""
    item = await hashed(bench, run, content)
    await decide(bench, item)
    return next(i for i in await enlisted(bench, run, Work.PROMOTION) if i.id == item.id)


def queue(bench: Bench) -> list[int]:
    return [number for (number,) in bench.sql("SELECT id FROM pending_import ORDER BY id")]


async def test_a_promotion_is_a_run_of_its_own(bench: Bench) -> None:
    await waiting(bench, 3)
    run = await promote(bench, [3])
    assert (run.kind, run.intake_done) == (RunKind.PROMOTION, True)


async def test_models_are_hashed_in_the_order_given(bench: Bench) -> None:
    await waiting(bench, 3, 4, 5)
    run = await promote(bench, [5, 3, 4])
    found = await enlisted(bench, run, Work.HASH)
    assert [item.candidate.path for item in found] == [
        f"/models/{key}.safetensors" for key in (5, 3, 4)
    ]


async def test_an_id_that_does_not_wait_fails_at_once(bench: Bench) -> None:
    await waiting(bench, 3)
    report = await bench.store.ask(PromotionOf((await promote(bench, [3, 99])).id))
    assert [(refusal.id, refusal.code) for refusal in report.failed if refusal.id == 99] == [
        (99, "unknown_id")
    ]


async def test_a_model_that_a_migration_still_works_on_is_not_taken_from_it(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, row(3), row(9, path="/models/3.safetensors", images=("a.png",)))
    await bench.store.apply([SetRunState(run.id, RunState.INTERRUPTED, AT)])
    await promote(bench, [3])
    assert [item.work for item in await bench.work(run)] == [Work.ORIGINALS]


async def test_every_given_id_ends_in_one_place(bench: Bench) -> None:
    await waiting(bench, 3, 4)
    report = await bench.store.ask(PromotionOf((await promote(bench, [3, 4, 99])).id))
    assert report.total == 3


async def test_an_id_that_is_given_twice_is_counted_once(bench: Bench) -> None:
    await waiting(bench, 3)
    run = await promote(bench, [3, 3])
    status = await bench.store.ask(StatusOf(run.id))
    assert (status.counts.total, status.work) == (1, 1)


async def test_a_hashed_model_is_ready_to_be_promoted(bench: Bench) -> None:
    await waiting(bench, 3)
    item = await hashed(bench, await promote(bench, [3]), "new")
    assert (item.sha256, item.work) == (sha("new"), Work.PROMOTION)


async def test_the_hash_of_a_model_that_waits_is_kept(bench: Bench) -> None:
    await waiting(bench, 3)
    await hashed(bench, await promote(bench, [3]), "new")
    assert bench.sql("SELECT sha256 FROM pending_import") == [(sha("new"),)]


async def test_a_hash_is_known_while_the_file_stays_as_it_was(bench: Bench) -> None:
    await waiting(bench, 3)
    await hashed(bench, await promote(bench, [3]), "new")
    assert await bench.store.ask(CachedHash("/models/3.safetensors", FACTS)) == sha("new")


@pytest.mark.parametrize(
    "facts",
    [
        FileFacts(11, FACTS.mtime_ns, FACTS.inode),
        FileFacts(10, FACTS.mtime_ns + 1, FACTS.inode),
        FileFacts(10, FACTS.mtime_ns, FACTS.inode - 1),
    ],
    ids=["size", "time", "inode"],
)
async def test_a_hash_is_forgotten_when_the_file_has_changed(
    bench: Bench, facts: FileFacts
) -> None:
    await waiting(bench, 3)
    await hashed(bench, await promote(bench, [3]), "new")
    assert await bench.store.ask(CachedHash("/models/3.safetensors", facts)) is None


async def test_hashing_twice_is_stale(bench: Bench) -> None:
    await waiting(bench, 3)
    run = await promote(bench, [3])
    (item,) = await enlisted(bench, run, Work.HASH)
    change = NoteHash(item, sha("new"), FACTS, True, AT)
    await bench.store.apply([change])
    with pytest.raises(StaleTransition):
        await bench.store.apply([change])


async def test_hashed_bytes_are_counted(bench: Bench) -> None:
    await waiting(bench, 3, 4)
    run = await promote(bench, [3, 4])
    await hashed(bench, run, "new")
    found = (await bench.store.ask(StatusOf(run.id))).bytes_hashed
    assert (found.done, found.total) == (10, 20)


async def test_each_file_is_counted_by_its_true_size_when_it_was_read(bench: Bench) -> None:
    await waiting(bench, 3, 4)
    change = OpenPromotion([3, 4], None, {3: 100, 4: 7}, AT)
    (run,) = await bench.store.apply([change])
    for content in ("third", "fourth"):
        await hashed(bench, run, content)
    found = (await bench.store.ask(StatusOf(run.id))).bytes_hashed
    assert (found.done, found.total) == (20, 20)


@pytest.mark.parametrize("strategy", [None, *ConflictStrategy])
async def test_a_model_without_a_conflict_goes_on_whatever_the_strategy(
    bench: Bench, strategy: ConflictStrategy | None
) -> None:
    await pictured(bench, 3)
    run = await promote(bench, [3], strategy)
    assert await decide(bench, await hashed(bench, run, "new")) == ExistingPreviews(0, frozenset())


@pytest.mark.parametrize("strategy", [MERGE, OVERRIDE])
async def test_a_conflict_that_is_to_be_joined_goes_on(
    bench: Bench, strategy: ConflictStrategy
) -> None:
    await pictured(bench, 3)
    run = await promote(bench, [3], strategy)
    assert await decide(bench, await hashed(bench, run, "taken")) is not None


@pytest.mark.parametrize("strategy", [None, *ConflictStrategy])
async def test_a_model_that_needs_no_previews_is_active_once_it_is_decided(
    bench: Bench, strategy: ConflictStrategy | None
) -> None:
    await waiting(bench, 3)
    run = await promote(bench, [3], strategy)
    assert await decide(bench, await hashed(bench, run, "new")) is None
    assert ((await bench.store.ask(PromotionOf(run.id))).success, queue(bench)) == ([3], [])
    assert (await bench.store.ask(StatusOf(run.id))).work == 0


@pytest.mark.parametrize("strategy", [MERGE, OVERRIDE])
async def test_one_that_needs_no_previews_keeps_those_of_the_model_it_joins(
    bench: Bench, strategy: ConflictStrategy
) -> None:
    await waiting(bench, 3)
    bench.sql("UPDATE models SET meta_json = json_set(meta_json, '$.images_count', 2)")
    run = await promote(bench, [3], strategy)
    await decide(bench, await hashed(bench, run, "taken"))
    counts = bench.sql("SELECT json_extract(meta_json, '$.images_count') FROM models")
    assert counts == [(2,)]


async def test_one_whose_images_were_in_hand_before_is_not_active_without_a_look(
    bench: Bench,
) -> None:
    await pictured(bench, 3)
    run = await promote(bench, [3])
    await decided(bench, run, "new")
    await bench.store.apply([PlanSets([PlannedSet(sha("new"), 0, (b"." * 16,) * 3)])])
    bench.sql("UPDATE pending_import SET meta_json = json_set(meta_json, '$.images', json('[]'))")
    (item,) = await enlisted(bench, run, Work.PROMOTION)
    assert await decide(bench, item) is not None


@pytest.mark.parametrize("strategy", [None, IGNORE, DELETE])
async def test_a_conflict_that_is_not_to_be_joined_goes_no_further(
    bench: Bench, strategy: ConflictStrategy | None
) -> None:
    await waiting(bench, 3)
    run = await promote(bench, [3], strategy)
    assert await decide(bench, await hashed(bench, run, "taken")) is None
    assert await bench.store.ask(PromotionWindow(run.id, after=-1)) is None


async def test_a_conflict_without_a_strategy_is_reported_with_both_sides(bench: Bench) -> None:
    await waiting(bench, 3)
    run = await promote(bench, [3])
    await decide(bench, await hashed(bench, run, "taken"))
    assert (await bench.store.ask(PromotionOf(run.id))).conflict == [
        Conflict(
            PendingSide(3, "/models/3.safetensors"),
            ExistingSide(sha("taken"), "/models/1.safetensors"),
        )
    ]


async def test_a_conflict_is_reported_even_when_it_arose_after_a_failure(bench: Bench) -> None:
    await pictured(bench, 3, 4)
    first = await promote(bench, [3, 4])
    failing = await decided(bench, first, "same")
    await bench.fail(failing)
    await bench.store.apply([finished(await decided(bench, first, "same"))])
    second = await promote(bench, [3])
    assert await decide(bench, await hashed(bench, second, "same")) is None


async def test_an_ignored_conflict_goes_on_waiting(bench: Bench) -> None:
    await waiting(bench, 3)
    run = await promote(bench, [3], IGNORE)
    await decide(bench, await hashed(bench, run, "taken"))
    assert ((await bench.store.ask(PromotionOf(run.id))).ignored, queue(bench)) == ([3], [3])


async def test_a_deleted_conflict_waits_no_longer(bench: Bench) -> None:
    await waiting(bench, 3)
    run = await promote(bench, [3], DELETE)
    await decide(bench, await hashed(bench, run, "taken"))
    assert ((await bench.store.ask(PromotionOf(run.id))).deleted, queue(bench)) == ([3], [])


async def test_a_deleted_row_is_still_known_to_its_source(bench: Bench) -> None:
    imported = await waiting(bench, 3)
    run = await promote(bench, [3], DELETE)
    await decide(bench, await hashed(bench, run, "taken"))
    known = await bench.store.ask(KnownDigests(imported.id, ["3"]))
    assert known == {("3", row(3).digest)}


async def test_a_promoted_model_waits_no_longer(bench: Bench) -> None:
    await pictured(bench, 3)
    run = await promote(bench, [3])
    await bench.store.apply([finished(await decided(bench, run, "new"))])
    assert ((await bench.store.ask(PromotionOf(run.id))).success, queue(bench)) == ([3], [])


async def test_a_promoted_model_is_active(bench: Bench) -> None:
    await pictured(bench, 3)
    run = await promote(bench, [3])
    await bench.store.apply([finished(await decided(bench, run, "new"))])
    found = bench.sql("SELECT path FROM models WHERE sha256 = ?", sha("new"))
    assert found == [("/models/3.safetensors",)]


async def test_a_promotion_is_counted_in_both_runs(bench: Bench) -> None:
    imported = await pictured(bench, 3)
    run = await promote(bench, [3])
    await bench.store.apply([finished(await decided(bench, run, "new"))])
    counts = [(await bench.store.ask(StatusOf(i.id))).counts for i in (imported, run)]
    assert [(found.promoted, found.total) for found in counts] == [(2, 2), (1, 1)]


async def test_the_images_of_a_promotion_are_known_before_they_are_carried(bench: Bench) -> None:
    imported = await bench.open_run()
    await bench.record(imported, row(3, images=("a.png", "b.png")), row(4, images=("a.png",)))
    for item in await bench.work(imported):
        await bench.store.apply([parked(item, *(image.name for image in item.candidate.images))])
    await bench.end_run(imported)
    run = await promote(bench, [3, 4])
    assert (await bench.store.ask(StatusOf(run.id))).images.total == 3
    item = await decided(bench, run, "new")
    await bench.store.apply([finished(item, image("a.png"), refused=["b.png"])])
    images = (await bench.store.ask(StatusOf(run.id))).images
    assert (images.done, images.failed, images.total) == (1, 1, 3)
    await bench.fail((await enlisted(bench, run, Work.HASH))[0])
    assert (await bench.store.ask(StatusOf(run.id))).images.total == 2
    await bench.store.apply([RetryFailed(run.id, AT)])
    assert (await bench.store.ask(StatusOf(run.id))).images.total == 3
    again = await promote(bench, [4])
    totals = [(await bench.store.ask(StatusOf(i.id))).images.total for i in (run, again)]
    assert totals == [2, 1]


async def test_a_failed_promotion_tells_why_and_stays_in_the_queue(bench: Bench) -> None:
    await waiting(bench, 3)
    run = await promote(bench, [3])
    await bench.fail((await enlisted(bench, run, Work.HASH))[0])
    (refusal,) = (await bench.store.ask(PromotionOf(run.id))).failed
    assert ((refusal.id, refusal.code), queue(bench)) == ((3, BROKE.code), [3])


async def test_a_retried_promotion_is_under_way_again(bench: Bench) -> None:
    await waiting(bench, 3)
    run = await promote(bench, [3])
    await bench.fail((await enlisted(bench, run, Work.HASH))[0])
    assert await bench.store.apply([RetryFailed(run.id, AT)]) == [1]
    assert len(await enlisted(bench, run, Work.HASH)) == 1


async def test_a_promoted_original_is_left_over_until_it_is_removed(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, row(3, images=("a.png", "b.png")))
    await bench.store.apply([parked(await bench.only_work(run), "a.png", "b.png")])
    await bench.end_run(run)
    item = await decided(bench, await promote(bench, [3]), "new")
    await bench.store.apply([finished(item, image("a.png"), refused=["b.png"])])
    assert await bench.store.ask(UnusedOriginals()) == ["a.png"]
    await bench.store.apply([ForgetUnusedOriginals(["a.png"])])
    assert await bench.store.ask(UnusedOriginals()) == []


async def test_an_original_that_another_model_needs_is_not_left_over(bench: Bench) -> None:
    run = await bench.open_run()
    await bench.record(run, row(3, images=("a.png",)), row(4, images=("a.png",)))
    for item in await bench.work(run):
        await bench.store.apply([parked(item, "a.png")])
    await bench.end_run(run)
    item = await decided(bench, await promote(bench, [3]), "new")
    await bench.store.apply([finished(item, image("a.png"))])
    assert await bench.store.ask(UnusedOriginals()) == []


async def test_found_files_wait_under_new_numbers(bench: Bench) -> None:
    await waiting(bench, 3)
    files = [FoundFile(f"/found/{n}.pt", f"/found/{n}.pt", "vae", n, AT) for n in (1, 2)]
    assert await bench.store.apply([AddFound(files)]) == [[4, 5]]
    found = await bench.store.ask(PendingModels(3, 10))
    assert [(model.path, model.name, model.type, model.size_bytes) for model in found] == [
        ("/found/1.pt", "1.pt", "vae", 1),
        ("/found/2.pt", "2.pt", "vae", 2),
    ]


async def test_a_file_that_another_brought_meanwhile_is_learnt_and_left_as_it_is(
    bench: Bench,
) -> None:
    await waiting(bench, 3)
    bench.sql("UPDATE pending_import SET name = 'theirs', sha256 = 'known'")
    before = bench.sql("SELECT * FROM pending_import")
    known, new = "/models/3.safetensors", "/found/1.pt"
    files = [FoundFile(path, path, "vae", 1, AT) for path in (known, new)]
    assert await bench.store.apply([AddFound(files)]) == [[4]]
    assert bench.sql("SELECT * FROM pending_import WHERE id = 3") == before


async def test_a_file_that_became_active_meanwhile_does_not_wait_again(bench: Bench) -> None:
    await waiting(bench)
    active = "/models/1.safetensors"
    found = FoundFile(active, active, "vae", 1, AT)
    assert (await bench.store.apply([AddFound([found])]), queue(bench)) == ([[]], [])


async def test_records_are_told_by_their_size(bench: Bench) -> None:
    await bench.store.apply(
        [AddFound([FoundFile(f"/found/{n}.pt", f"/found/{n}.pt", "vae", n, AT) for n in (1, 2, 3)])]
    )
    bench.sql("INSERT INTO models VALUES ('sha', '/active.pt', '', '', 3, 0, '')")
    found = await bench.store.ask(RecordsOfSizes([2, 3, 4]))
    assert sorted(found) == [
        (2, "", "/found/2.pt"),
        (3, "", "/found/3.pt"),
        (3, "sha", "/active.pt"),
    ]


async def test_two_scans_that_find_one_file_add_it_once(bench: Bench) -> None:
    found = [FoundFile(f"/found/{n}.pt", f"/found/{n}.pt", "vae", 1, AT) for n in (1, 2, 3)]
    outcomes = await bench.store.apply([AddFound(found[:2]), AddFound(found[1:])])
    assert (outcomes, queue(bench)) == ([[1, 2], [3]], [1, 2, 3])


async def test_a_found_file_can_be_promoted(bench: Bench) -> None:
    await bench.store.apply([AddFound([FoundFile("/found/1.pt", "/found/1.pt", "vae", 1, AT)])])
    run = await promote(bench, [1])
    await decide(bench, await hashed(bench, run, "new"))
    assert (await bench.store.ask(PromotionOf(run.id))).success == [1]


async def test_a_later_promotion_takes_over_what_an_interrupted_one_had(bench: Bench) -> None:
    await waiting(bench, 3, 4)
    first = await promote(bench, [3, 4])
    second = await promote(bench, [3])
    left = [[i.place for i in await enlisted(bench, r, Work.HASH)] for r in (first, second)]
    assert left == [[1], [0]]


async def test_a_model_that_was_taken_over_is_counted_by_the_later_promotion_alone(
    bench: Bench,
) -> None:
    await waiting(bench, 3, 4)
    first = await promote(bench, [3, 4])
    second = await promote(bench, [3])
    found = [await bench.store.ask(StatusOf(run.id)) for run in (first, second)]
    assert [(status.counts.total, status.work) for status in found] == [(1, 1), (1, 1)]


async def test_a_failed_model_that_was_taken_over_is_counted_by_the_later_promotion_alone(
    bench: Bench,
) -> None:
    await waiting(bench, 3)
    first = await promote(bench, [3])
    await bench.fail((await enlisted(bench, first, Work.HASH))[0])
    second = await promote(bench, [3])
    found = [(await bench.store.ask(StatusOf(run.id))).counts for run in (first, second)]
    assert [(counts.total, counts.failed) for counts in found] == [(0, 0), (1, 0)]


async def test_the_run_that_brought_a_model_counts_it_whoever_promotes_it(bench: Bench) -> None:
    brought = await waiting(bench, 3)
    await promote(bench, [3])
    await promote(bench, [3])
    counts = (await bench.store.ask(StatusOf(brought.id))).counts
    assert (counts.pending, counts.total) == (1, 2)


async def test_a_promotion_of_which_all_was_taken_over_has_ended(bench: Bench) -> None:
    await waiting(bench, 3)
    first = await promote(bench, [3])
    await promote(bench, [3])
    found = await bench.store.ask(RunById(first.id))
    assert found is not None
    assert not found.status.unfinished


async def deleted(bench: Bench, key: int) -> int:
    """The number that a row's item had, whose conflict was settled by deleting it."""
    ((item_id,),) = bench.sql("SELECT id FROM migration_items WHERE source_key = ?", str(key))
    await decide(bench, await hashed(bench, await promote(bench, [key], DELETE), "taken"))
    assert isinstance(item_id, int)
    return item_id


async def test_a_row_after_a_deleted_one_has_a_number_of_its_own(bench: Bench) -> None:
    run = await waiting(bench, 3)
    gone = await deleted(bench, 3)
    await bench.record(run, row(5))
    ((item_id,),) = bench.sql("SELECT id FROM migration_items WHERE source_key = '5'")
    assert item_id > gone


async def test_the_row_of_a_deleted_item_is_kept_verbatim(bench: Bench) -> None:
    run = await waiting(bench, 3)
    gone = await deleted(bench, 3)
    await bench.record(run, row(5))
    kept = bench.sql("SELECT verbatim FROM migration_rows WHERE item_id = ?", gone)
    assert kept == [(row(3).model.verbatim.decode(),)]


async def test_a_found_file_after_a_deleted_row_has_a_number_of_its_own(bench: Bench) -> None:
    await waiting(bench, 3)
    gone = await deleted(bench, 3)
    found = FoundFile("/found/1.pt", "/found/1.pt", "vae", 1, AT)
    (ids,) = await bench.store.apply([AddFound([found])])
    (item,) = await enlisted(bench, await promote(bench, ids), Work.HASH)
    assert item.id > gone


async def test_the_number_of_a_deleted_model_is_not_given_again(bench: Bench) -> None:
    run = await waiting(bench, 3)
    await deleted(bench, 3)
    await bench.record(run, row(3, path="/another/3.safetensors"))
    assert queue(bench) == [4]


async def test_the_number_of_a_promoted_model_is_not_given_again(bench: Bench) -> None:
    await waiting(bench, 3)
    promotion = await promote(bench, [3])
    await decide(bench, await hashed(bench, promotion, "new"))
    await bench.end_run(promotion)
    other = await bench.open_run("/another/hikaze_mm.sqlite3")
    await bench.record(other, row(3, path="/another/3.safetensors"))
    assert queue(bench) == [4]
