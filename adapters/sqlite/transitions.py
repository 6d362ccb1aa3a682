"""How an item changes: compare-and-set transitions, and the ends that workers bring."""

from __future__ import annotations

import msgspec

from adapters.sqlite.database import Transaction
from adapters.sqlite.runs import run_of
from adapters.sqlite.shelf import (
    LINK_MODEL_TAG,
    LINK_PENDING_TAG,
    link_tags,
    models_by_hash,
    pending_by_path,
    write_models,
    write_pending,
)
from engine.conflicts import duplicate_warning, resolve, resolve_pending, with_images
from engine.errors import StaleTransition
from engine.intake import active_record, pending_record
from engine.journal import (
    Activate,
    CarriedImage,
    Fail,
    Footing,
    Park,
    Recover,
    Release,
    RetryFailed,
    TakeInHand,
    WorkItem,
)
from engine.lifecycle import ModelState
from engine.source import Defect, Warning

SELECT_RUN_OF_ITEM = "SELECT run_id FROM migration_items WHERE id = ?"
SELECT_RUN_AND_NUMBER = "SELECT run_id, pending_id FROM migration_items WHERE id = ?"
MOVE = "UPDATE migration_items SET state = ?, updated_at = ? WHERE id = ? AND state = ?"
MOVE_MANY = """
UPDATE migration_items SET state = ?
WHERE id IN (SELECT value FROM json_each(?)) AND state = ?
"""
TAKE = """
UPDATE migration_items SET in_hand = 1, attempts = attempts + 1, updated_at = ?
WHERE id = ? AND state = ? AND work IS NOT NULL
"""
LAY_DOWN = "UPDATE migration_items SET in_hand = 0 WHERE id = ?"
END_WORK = """
UPDATE migration_items
SET work = NULL, candidate = NULL, in_hand = 0, pending_id = ?, updated_at = ?
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
SET state = failed_in, failed_in = NULL, error_code = NULL, error_message = NULL, crashes = 0,
    updated_at = ?
WHERE id = ? AND state = 'failed'
"""
SELECT_RETRYABLE = """
SELECT id, failed_in FROM migration_items
WHERE run_id = ? AND state = 'failed' AND work IS NOT NULL
"""
SELECT_IN_HAND = "SELECT id, run_id, state, crashes FROM migration_items WHERE in_hand = 1"
COUNT_CRASH = "UPDATE migration_items SET in_hand = 0, crashes = crashes + 1 WHERE id = ?"
INTERRUPT_RUNS = """
UPDATE migration_runs SET status = 'interrupted', updated_at = ? WHERE status = 'running'
"""
INSERT_WARNING = """
INSERT INTO migration_warnings (run_id, item_id, code, detail) VALUES (?, ?, ?, ?)
"""
SELECT_CARRIED = "SELECT name, digest FROM migration_previews WHERE sha256 = ?"
INSERT_CARRIED = "INSERT INTO migration_previews (sha256, name, digest) VALUES (?, ?, ?)"


async def move(
    tx: Transaction, item_id: int, source: ModelState, target: ModelState, at: int
) -> None:
    """One transition. Raises `StaleTransition` when the item is not in `source`."""
    if await tx.execute(MOVE, target, at, item_id, source) != 1:
        raise StaleTransition(item_id, source, target)


async def move_many(
    tx: Transaction, item_ids: list[int], source: ModelState, target: ModelState
) -> None:
    """One transition of many items at once."""
    if not item_ids:
        return
    ids = msgspec.json.encode(item_ids).decode()
    if await tx.execute(MOVE_MANY, target, ids, source) != len(item_ids):
        raise StaleTransition(item_ids[0], source, target)


async def take_in_hand(tx: Transaction, change: TakeInHand) -> Footing:
    """Note that a worker begins, and tell it what it builds on."""
    item = change.item
    if await tx.execute(TAKE, change.at, item.id, item.state) != 1:
        raise StaleTransition(item.id, item.state, "in hand")
    if not item.sha256:
        return Footing(0, frozenset())
    models = await models_by_hash(tx, [item.sha256])
    carried = await tx.fetch(SELECT_CARRIED, item.sha256)
    return Footing(
        images_count=sum(m.record.meta_json.images_count for m in models.values()),
        carried=frozenset(CarriedImage(name, digest) for name, digest in carried),
    )


async def activate(tx: Transaction, change: Activate) -> bool:
    """Previews are on disk: the model becomes active. False when the footing has moved."""
    item = change.item
    run = await run_of(tx, await _run_id(tx, item))
    record = active_record(item.candidate, item.sha256)
    found = (await models_by_hash(tx, [item.sha256])).get(item.sha256)
    base = found.record.meta_json.images_count if found else 0
    if base != change.footing_count:
        return False
    warnings = list(change.warnings)
    if found is not None:
        warnings += duplicate_warning(found.record.path, record.path)
        record = resolve(run.strategy, found.record, record)
    record = with_images(record, base + len(change.images))
    await write_models(tx, [(record, found.extra if found else {})])
    await link_tags(tx, LINK_MODEL_TAG, [(item.sha256, item.candidate.tags)])
    await tx.many(
        INSERT_CARRIED, [(item.sha256, image.name, image.digest) for image in change.images]
    )
    await move(tx, item.id, ModelState.IMPORTED, ModelState.IMAGES_DONE, change.at)
    await move(tx, item.id, ModelState.IMAGES_DONE, ModelState.PROMOTED, change.at)
    await tx.execute(END_WORK, None, change.at, item.id, ModelState.PROMOTED)
    tx.count(run.id, ModelState.IMPORTED, -1)
    tx.count(run.id, ModelState.PROMOTED)
    await _end(tx, change, run.id, warnings)
    return True


async def park(tx: Transaction, change: Park) -> None:
    """Original images are on disk: the model waits for promotion."""
    item = change.item
    row = await tx.first(SELECT_RUN_AND_NUMBER, item.id)
    assert row is not None
    run = await run_of(tx, row[0])
    record = pending_record(item.candidate, row[1], item.sha256, tuple(change.images))
    found = (await pending_by_path(tx, [record.path])).get(record.path)
    if found is not None:
        record = resolve_pending(run.strategy, found.record, record)
    await write_pending(tx, [(record, found.extra if found else {})])
    await link_tags(tx, LINK_PENDING_TAG, [(record.id, item.candidate.tags)])
    if await tx.execute(END_WORK, record.id, change.at, item.id, ModelState.PENDING) != 1:
        raise StaleTransition(item.id, ModelState.PENDING, "parked")
    await _end(tx, change, run.id, change.warnings)


async def fail(tx: Transaction, change: Fail) -> None:
    """An item stops, and remembers the state it failed in."""
    run_id = await _run_id(tx, change.item)
    await _fail(tx, change.item.id, run_id, change.item.state, change.defect, change.at)


async def release(tx: Transaction, change: Release) -> None:
    """A worker lays an item down on purpose."""
    await tx.execute(LAY_DOWN, change.item.id)


async def retry_failed(tx: Transaction, change: RetryFailed) -> int:
    """Failed items that have work go back to the state they failed in."""
    failed = await tx.fetch(SELECT_RETRYABLE, change.run_id)
    for item_id, failed_in in failed:
        if await tx.execute(RETRY, change.at, item_id) != 1:
            raise StaleTransition(item_id, ModelState.FAILED, failed_in)
        tx.count(change.run_id, ModelState.FAILED, -1)
        tx.count(change.run_id, failed_in)
        tx.count(change.run_id, "work")
    return len(failed)


async def recover(tx: Transaction, change: Recover) -> int:
    """Count the crash that items in hand were in; set aside the one that keeps crashing."""
    failed = 0
    for item_id, run_id, state, crashes in await tx.fetch(SELECT_IN_HAND):
        await tx.execute(COUNT_CRASH, item_id)
        if crashes + 1 >= change.crash_limit:
            defect = Defect(
                "crashed_repeatedly",
                f"It was being worked on when reshelve died {crashes + 1} times, and is set "
                "aside. Look at its file and images, then retry it.",
            )
            await _fail(tx, item_id, run_id, ModelState(state), defect, change.at)
            failed += 1
    await tx.execute(INTERRUPT_RUNS, change.at)
    return failed


async def _fail(
    tx: Transaction, item_id: int, run_id: int, state: ModelState, defect: Defect, at: int
) -> None:
    changed = await tx.execute(FAIL, state, defect.code, defect.message, at, item_id, state)
    if changed != 1:
        raise StaleTransition(item_id, state, ModelState.FAILED)
    tx.count(run_id, state, -1)
    tx.count(run_id, ModelState.FAILED)
    tx.count(run_id, "work", -1)


async def _end(
    tx: Transaction, change: Activate | Park, run_id: int, warnings: list[Warning]
) -> None:
    await tx.many(INSERT_WARNING, [(run_id, change.item.id, w.code, w.detail) for w in warnings])
    tx.count(run_id, "warnings", len(warnings))
    tx.count(run_id, "previews", len(change.images))
    tx.count(run_id, "previews_failed", change.images_failed)
    tx.count(run_id, "image_bytes", change.image_bytes)
    tx.count(run_id, "work", -1)


async def _run_id(tx: Transaction, item: WorkItem) -> int:
    row = await tx.first(SELECT_RUN_OF_ITEM, item.id)
    assert row is not None
    return int(row[0])
