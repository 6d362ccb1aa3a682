"""How items change in the hands of workers, and the ends that they bring."""

from __future__ import annotations

from functools import partial

import msgspec

from adapters.sqlite import offers, previews
from adapters.sqlite.database import Transaction
from adapters.sqlite.items import (
    ITEM_COLUMNS,
    Item,
    claimed,
    item_from,
    item_of,
    move,
    set_outcome,
    siblings,
)
from adapters.sqlite.records import (
    LINK_AS_IT_WAITED,
    LINK_MODEL_TAG,
    LINK_PENDING_TAG,
    MOVE_ITEMS,
    UNLINK_MODEL_TAG,
    UNLINK_PENDING_TAG,
    Stored,
    link_tags,
    models_by_hash,
    move_pending,
    others_at,
    pending_by_id,
    pending_by_path,
    unlink_tags,
    write_models,
    write_pending,
)
from adapters.sqlite.runs import run_of
from adapters.sqlite.work import count_images, count_work, images_left
from engine.errors import StaleTransition
from engine.facts import decisions
from engine.facts.conflicts import ConflictStrategy, previews_of
from engine.facts.lifecycle import steps_from
from engine.facts.promotion_report import Outcome
from engine.facts.records import ModelRecord, PendingModelRecord
from engine.facts.source import Defect, Notice
from engine.facts.states import ModelState
from engine.facts.work import CarriedImage, ExistingPreviews, Work, WorkItem
from engine.ports.changes import (
    Activate,
    Fail,
    KeepPending,
    Recover,
    Release,
    RetryFailed,
    TakeInHand,
)

SHARE_HASH = "UPDATE migration_items SET sha256 = ? WHERE pending_id = ? AND sha256 = ''"
TAKE = """
UPDATE migration_items SET in_hand = 1, attempts = attempts + 1, updated_at = ?
WHERE id = ? AND state = ? AND work IS NOT NULL
"""
LAY_DOWN = "UPDATE migration_items SET in_hand = 0 WHERE id = ?"
END_WORK = """
UPDATE migration_items
SET work = NULL, candidate = NULL, in_hand = 0, crashes = 0, pending_id = ?, updated_at = ?
WHERE id = ? AND state = ?
"""
PROMOTE = """
UPDATE migration_items
SET state = ?, work = NULL, candidate = NULL, in_hand = 0, crashes = 0, pending_id = NULL,
    updated_at = ?
WHERE id = ? AND state = ?
"""
FAIL = """
UPDATE migration_items
SET state = 'failed', failed_in = ?, error_code = ?, error_message = ?, in_hand = 0,
    updated_at = ?
WHERE id = ? AND state = ?
"""
RETRY = """
UPDATE migration_items
SET state = failed_in, failed_in = NULL, error_code = NULL, error_message = NULL,
    updated_at = ?
WHERE id = ? AND state = 'failed'
"""
SELECT_RETRYABLE = f"""
SELECT {ITEM_COLUMNS} FROM migration_items
WHERE state = 'failed' AND work IS NOT NULL AND coalesce(promotion_id, run_id) = ?1
  AND (?2 IS NULL OR id IN (SELECT value FROM json_each(?2)))
ORDER BY id
"""
REOPEN_OUTCOME = """
UPDATE migration_promotions SET outcome = NULL, code = NULL, detail = NULL
WHERE item_id = ? AND run_id = ?
"""
COUNT_CRASHES = "UPDATE migration_items SET in_hand = 0, crashes = crashes + 1 WHERE in_hand = 1"
# An earlier version let runs fail that had work left, which nobody took up again.
INTERRUPT_RUNS = """
UPDATE migration_runs SET status = 'interrupted', updated_at = ?, finished_at = NULL
WHERE status = 'running' OR (status = 'failed' AND EXISTS (
    SELECT 1 FROM migration_counts c
    WHERE c.run_id = migration_runs.id AND c.name = 'work' AND c.n > 0))
"""
INSERT_WARNING = """
INSERT INTO migration_warnings (run_id, item_id, code, detail) VALUES (?, ?, ?, ?)
"""
SELECT_CARRIED = "SELECT name, digest FROM migration_previews WHERE sha256 = ?"
INSERT_CARRIED = """
INSERT OR IGNORE INTO migration_previews (sha256, name, digest, place) VALUES (?, ?, ?, ?)
"""
DISCARD = """
INSERT INTO migration_discarded (item_id, source_id, source_key, digest, path, sha256, at)
SELECT id, source_id, source_key, digest, path, sha256, ? FROM migration_items WHERE id = ?
"""
DELETE_ITEM = "DELETE FROM migration_items WHERE id = ?"
DELETE_PENDING = "DELETE FROM pending_import WHERE id = ?"
ADOPT_ORIGINAL = """
INSERT INTO migration_originals (name) VALUES (?)
ON CONFLICT (name) DO UPDATE SET needless = 0
"""
DROP_ORIGINAL = "UPDATE migration_originals SET needless = 1 WHERE name = ?"


def take_in_hand(tx: Transaction, change: TakeInHand) -> ExistingPreviews:
    """Note that a worker begins, and tell it what it builds on."""
    item = change.item
    if tx.execute(TAKE, change.at, item.id, item.state) != 1:
        raise StaleTransition(item.id, item.state, "in hand")
    if not item.sha256 or item.work is Work.HASH:
        return ExistingPreviews(0, frozenset())
    models = models_by_hash(tx, [item.sha256])
    carried = frozenset(
        CarriedImage(row["name"], row["digest"]) for row in tx.fetch(SELECT_CARRIED, item.sha256)
    )
    return ExistingPreviews(
        images_count=previews_of(models[item.sha256].record if models else None),
        carried=carried,
        unfinished=tuple(previews.plans(tx, item.sha256)),
        originals=_originals(tx, item),
        gone=bool(carried) and not models,
    )


def _originals(tx: Transaction, work: WorkItem) -> tuple[str, ...]:
    waited = _waited(tx, item_of(tx, work.id), work)
    return () if waited is None else waited.record.meta_json.images


def activate(tx: Transaction, change: Activate) -> bool:
    """Previews are on disk: the model becomes active, unless images were offered again to one that
    has left."""
    work = change.item
    item = claimed(tx, work, ModelState.PROMOTED)
    found = models_by_hash(tx, [work.sha256]).get(work.sha256)
    if found is None and item.offered:
        return False
    become_active(tx, item, _joining(tx, item), found, change)
    return True


def become_active(
    tx: Transaction,
    item: Item,
    joining: ConflictStrategy,
    found: Stored[ModelRecord] | None,
    change: Activate,
) -> None:
    """The model joins the one that was `found` under its hash, or becomes active as it is."""
    work, existing, count = change.item, found.record if found else None, change.images_count
    waited = _waited(tx, item, work)
    active = decisions.activate(
        work.candidate,
        work.sha256,
        existing,
        waited.record if waited else None,
        joining,
        count,
        partial(others_at, tx, work.sha256),
    )
    if count is not None:
        previews.carried_out(tx, work.sha256)
    extra = {**(waited.extra if waited else {}), **(found.extra if found else {})}
    write_models(tx, [(active.record, extra)])
    if waited is not None:
        tx.execute(LINK_AS_IT_WAITED, work.sha256, item.pending_id)
        tx.execute(MOVE_ITEMS, active.record.path, item.pending_id)
    link_tags(tx, LINK_MODEL_TAG, [(work.sha256, active.link)])
    unlink_tags(tx, UNLINK_MODEL_TAG, work.sha256, active.unlink)
    tx.many(
        INSERT_CARRIED,
        [(work.sha256, image.name, image.digest, image.place) for image in change.images],
    )
    promote(tx, item, change.at)
    if item.pending_id is not None:
        _end_pending(tx, item, change, waited)
    _end(tx, change, item, [*change.warnings, *active.notices])


def _waited(tx: Transaction, item: Item, work: WorkItem) -> Stored[PendingModelRecord] | None:
    """What a row's model is in the queue that it leaves, as its hash is known now; a promotion's
    candidate is that itself."""
    if work.work is not Work.PREVIEWS or item.pending_id is None:
        return None
    return pending_by_id(tx, item.pending_id)


def _joining(tx: Transaction, item: Item) -> ConflictStrategy:
    """How what the item brings joins what is there; images that are offered bring nothing else."""
    return ConflictStrategy.MERGE if item.offered else run_of(tx, item.working_run).joining


def promote(tx: Transaction, item: Item, at: int) -> None:
    """An item takes all steps to the end; a failed one goes back to where it failed first."""
    if item.failed_in is not None:
        retry(tx, item, item.failed_in, at)
        item = item_of(tx, item.id)
    *steps, (last, end) = steps_from(item.state)
    for source, target in steps:
        move(tx, item.id, source, target, at)
    if tx.execute(PROMOTE, end, at, item.id, last) != 1:
        raise StaleTransition(item.id, last, end)
    item.count_state(tx, item.state, -1)
    item.count_state(tx, ModelState.PROMOTED)


def _end_pending(
    tx: Transaction, item: Item, change: Activate, waited: Stored[PendingModelRecord] | None
) -> None:
    """An active model waits no longer, and its originals have become previews.

    Rows of two sources can share one place in the queue; all of them end together.
    """
    if waited is None:
        names = [image.name for image in change.item.candidate.images]
        kept = {each.image.name for each in change.refused}
    else:
        names, kept = [*waited.record.meta_json.images], {*change.originals_kept}
    tx.many(DROP_ORIGINAL, [(name,) for name in names if name not in kept])
    set_outcome(tx, item, Outcome.SUCCESS)
    tx.execute(SHARE_HASH, change.item.sha256, item.pending_id)
    for sibling in siblings(tx, item):
        if sibling.has_work:
            count_work(tx, sibling.working_run, -1, -images_left(tx, sibling.id))
            set_outcome(tx, sibling, Outcome.SUCCESS)
        promote(tx, sibling, change.at)
    # Last, because what siblings had to carry is read from it.
    tx.execute(DELETE_PENDING, item.pending_id)


def discard(tx: Transaction, item: Item, at: int) -> None:
    """An item ends without a model, and a later import of its source does not bring it back."""
    if item.has_work:
        count_work(tx, item.working_run, -1, -images_left(tx, item.id))
    tx.execute(DISCARD, at, item.id)
    tx.execute(DELETE_ITEM, item.id)
    item.count_state(tx, item.state, -1)


def keep_pending(tx: Transaction, change: KeepPending) -> bool:
    """Original images are on disk: the model waits for promotion, unless images were offered again
    to one that has left."""
    item = claimed(tx, change.item, "pending again")
    assert item.pending_id is not None, "its number was given when it was recorded"
    images = tuple(change.images)
    candidate = change.item.candidate
    found = pending_by_path(tx, [candidate.path]).get(candidate.path)
    if found is None and candidate.carried is not None:
        found = pending_by_id(tx, item.pending_id)
    tx.many(ADOPT_ORIGINAL, [(name,) for name in images])
    if found is None and item.offered:
        tx.many(DROP_ORIGINAL, [(name,) for name in images])
        return False
    record, edited = decisions.stay_pending(
        candidate,
        item.pending_id,
        change.item.sha256,
        images,
        found.record if found else None,
        _joining(tx, item),
    )
    if found is not None and found.record.path != record.path:
        move_pending(tx, {record.id: record.path})
    write_pending(tx, [(record, found.extra if found else {})])
    link_tags(tx, LINK_PENDING_TAG, [(record.id, edited.link)])
    unlink_tags(tx, UNLINK_PENDING_TAG, record.id, edited.unlink)
    tx.execute(END_WORK, record.id, change.at, item.id, ModelState.PENDING)
    _end(tx, change, item, [*change.warnings, *edited.notices])
    return True


def fail(tx: Transaction, change: Fail) -> None:
    """An item stops, and remembers the state it failed in."""
    _fail(tx, claimed(tx, change.item, ModelState.FAILED), change.defect, change.at)


def release(tx: Transaction, change: Release) -> None:
    """A worker lays an item down on purpose."""
    tx.execute(LAY_DOWN, change.item.id)


def retry_failed(tx: Transaction, change: RetryFailed) -> int:
    """Failed items that have work go back to the state they failed in."""
    wanted = None if change.ids is None else msgspec.json.encode(change.ids).decode()
    failed = tx.fetch(SELECT_RETRYABLE, change.run_id, wanted)
    for item in [item_from(row) for row in failed]:
        assert item.failed_in is not None, "a failed item remembers where it failed"
        retry(tx, item, item.failed_in, change.at)
        tx.execute(REOPEN_OUTCOME, item.id, change.run_id)
        count_work(tx, change.run_id, 1, images_left(tx, item.id))
    return len(failed)


def retry(tx: Transaction, item: Item, failed_in: ModelState, at: int) -> None:
    """A failed item goes back to the state it failed in."""
    if tx.execute(RETRY, at, item.id) != 1:
        raise StaleTransition(item.id, ModelState.FAILED, failed_in)
    item.count_state(tx, ModelState.FAILED, -1)
    item.count_state(tx, failed_in)


def recover(tx: Transaction, change: Recover) -> None:
    """Note who was in hand in a crash, and that runs were interrupted."""
    count_images(tx)
    tx.execute(COUNT_CRASHES)
    tx.execute(INTERRUPT_RUNS, change.at)


def _fail(tx: Transaction, item: Item, defect: Defect, at: int) -> None:
    changed = tx.execute(FAIL, item.state, defect.code, defect.message, at, item.id, item.state)
    if changed != 1:
        raise StaleTransition(item.id, item.state, ModelState.FAILED)
    item.count_state(tx, item.state, -1)
    item.count_state(tx, ModelState.FAILED)
    count_work(tx, item.working_run, -1, -images_left(tx, item.id))
    if item.promotion_id is not None:
        set_outcome(tx, item, Outcome.FAILED, defect)


def _end(
    tx: Transaction, change: Activate | KeepPending, item: Item, warnings: list[Notice]
) -> None:
    run_id = item.working_run
    tx.many(INSERT_WARNING, [(run_id, item.id, w.code, w.detail) for w in warnings])
    tx.count(run_id, "warnings", len(warnings))
    tx.count(run_id, "previews", len(change.images))
    tx.count(run_id, "previews_failed", len(change.refused))
    if item.promotion_id is None:  # a promotion's images are copies, which nobody mends
        offers.keep_refused(tx, item.id, change.refused)
    tx.count(run_id, "image_bytes", change.image_bytes)
    count_work(tx, run_id, -1, -len(change.item.candidate.images))
