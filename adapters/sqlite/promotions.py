"""How stage 2 is written down: enlisting, hashes, decisions, deletions, found files."""

from __future__ import annotations

import msgspec

from adapters.sqlite import previews
from adapters.sqlite.database import Transaction, readable
from adapters.sqlite.items import (
    ITEM_COLUMNS,
    Item,
    claimed,
    item_from,
    move,
    set_outcome,
    siblings,
)
from adapters.sqlite.numbers import LAST_ITEM, last_pending_id
from adapters.sqlite.promotion_reads import known_paths
from adapters.sqlite.records import models_by_hash, write_pending
from adapters.sqlite.runs import run_of
from adapters.sqlite.transitions import (
    DELETE_PENDING,
    DROP_ORIGINAL,
    END_WORK,
    INSERT_WARNING,
    become_active,
    discard,
    fail,
    retry,
    take_in_hand,
)
from adapters.sqlite.work import count_work
from engine.facts import decisions
from engine.facts.decisions import Course
from engine.facts.promotion_report import Outcome
from engine.facts.source import Defect, ImageRef
from engine.facts.states import ModelState
from engine.facts.work import ExistingPreviews, Run, Work, WorkItem
from engine.ports.changes import (
    Activate,
    AddFound,
    Decide,
    Fail,
    ForgetUnusedOriginals,
    NoteHash,
    OpenPromotion,
    RememberHash,
    TakeInHand,
)

INSERT_PROMOTION = """
INSERT INTO migration_runs
    (kind, status, options, layout, strategy, fingerprint, cursor, intake_done, started_at,
     updated_at)
VALUES ('promotion', 'interrupted', '{}', '', ?, '', '', 1, ?, ?)
"""
SELECT_PENDING = """
SELECT path, CASE WHEN json_valid(meta_json)
             THEN coalesce(json_array_length(meta_json, '$.images'), 0) ELSE 0 END AS images
FROM pending_import WHERE id = ?
"""
SELECT_PENDING_ITEM = f"""
SELECT {ITEM_COLUMNS} FROM migration_items
WHERE pending_id = ? ORDER BY id LIMIT 1
"""
INSERT_PENDING_ITEM = f"""
INSERT INTO migration_items (id, run_id, path, state, pending_id, promotion_id, updated_at)
VALUES ({LAST_ITEM} + 1, ?, ?, 'pending', ?, ?, ?)
"""
ENLIST = """
UPDATE migration_items
SET promotion_id = ?, work = ?, in_hand = 0, updated_at = ? WHERE id = ?
"""
INSERT_PLACE = """
INSERT INTO migration_promotions
    (run_id, place, pending_id, item_id, path, bytes, outcome, code, detail)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
CLOSE_EMPTIED = """
UPDATE migration_runs SET status = 'completed', updated_at = ?1, finished_at = ?1
WHERE kind = 'promotion' AND status IN ('interrupted', 'cancelled') AND id <> ?2
  AND NOT EXISTS (SELECT 1 FROM migration_items i
                  WHERE i.promotion_id = migration_runs.id AND i.work IS NOT NULL
                    AND i.state <> 'failed')
"""
# The item first: a promotion may have a great many places.
SELECT_PLACE_BYTES = "SELECT bytes FROM migration_promotions WHERE item_id = ? AND +run_id = ?"
UPSERT_HASH = """
INSERT INTO migration_hashes (path, size, mtime_ns, inode, sha256) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (path) DO UPDATE SET
    size = excluded.size, mtime_ns = excluded.mtime_ns, inode = excluded.inode,
    sha256 = excluded.sha256
"""
SELECT_CLAIMS = """
SELECT id, claimed_sha256, claimed_by FROM migration_items
WHERE pending_id = ? AND claimed_sha256 <> '' AND sha256 = '' ORDER BY id
"""
SET_PENDING_HASH = "UPDATE pending_import SET sha256 = ? WHERE id = ?"
SET_ITEM_HASH = """
UPDATE migration_items
SET sha256 = ?, work = 'promotion', in_hand = 0, crashes = 0, updated_at = ?
WHERE id = ?
"""
FORGET_ORIGINALS = """
DELETE FROM migration_originals
WHERE needless = 1 AND name IN (SELECT value FROM json_each(?))
"""

_text = msgspec.json.Encoder()


def open_promotion(tx: Transaction, change: OpenPromotion) -> Run:
    """Open a run of stage 2 over pending models, in the order given."""
    run_id = tx.insert(INSERT_PROMOTION, change.strategy or "", change.at, change.at)
    for place, pending_id in enumerate(dict.fromkeys(change.ids)):
        row = tx.first(SELECT_PENDING, pending_id)
        if row is None:
            refusal = decisions.not_pending(pending_id)
            _place(tx, run_id, place, pending_id, None, "", 0, refusal)
            continue
        path, size = readable(row["path"]), change.bytes_expected.get(pending_id, 0)
        item_id = _enlist(tx, run_id, pending_id, path, row["images"], change.at)
        if isinstance(item_id, Defect):
            _place(tx, run_id, place, pending_id, None, path, 0, item_id)
            continue
        tx.count(run_id, "bytes_total", size)
        _place(tx, run_id, place, pending_id, item_id, path, size, None)
    tx.execute(CLOSE_EMPTIED, change.at, run_id)
    return run_of(tx, run_id)


def _place(
    tx: Transaction,
    run_id: int,
    place: int,
    pending_id: int,
    item_id: int | None,
    path: str,
    size: int,
    refusal: Defect | None,
) -> None:
    outcome, code, message = None, None, None
    if refusal is not None:
        outcome, code, message = Outcome.FAILED, refusal.code, refusal.message
    tx.execute(INSERT_PLACE, run_id, place, pending_id, item_id, path, size, outcome, code, message)


def _enlist(
    tx: Transaction, run_id: int, pending_id: int, path: str, images: int, at: int
) -> int | Defect:
    """The item of a pending model, taken over by this run, or why it is not."""
    row = tx.first(SELECT_PENDING_ITEM, pending_id)
    if row is None:
        item_id = tx.insert(INSERT_PENDING_ITEM, run_id, path, pending_id, run_id, at)
        state = ModelState.PENDING
    else:
        before = item_from(row)
        taken = decisions.enlist(before.state, before.failed_in, before.work)
        if isinstance(taken, Defect):
            return taken
        item_id, state = before.id, taken.state
        if taken.retries:
            retry(tx, before, state, at)
        if taken.takes_over:
            count_work(tx, before.working_run, -1, -images)
        if before.working_run != before.run_id:
            # It is this run's from now on: a run counts the items that it lists.
            tx.count(before.working_run, state, -1)
    # Hashed anew, whatever was known: the file may have been replaced, and a look is cheap.
    tx.execute(ENLIST, run_id, Work.HASH, at, item_id)
    tx.count(run_id, state)
    count_work(tx, run_id, 1, images)
    return item_id


def note_hash(tx: Transaction, change: NoteHash) -> None:
    """A pending model's identity is known, and need not be found again while its file stays."""
    item = claimed(tx, change.item, "hashed")
    facts, path = change.facts, change.item.candidate.path
    remember_hash(tx, RememberHash(path, change.sha256, facts))
    _judge_claims(tx, item, change.sha256)
    tx.execute(SET_PENDING_HASH, change.sha256, item.pending_id)
    tx.execute(SET_ITEM_HASH, change.sha256, change.at, item.id)
    place = tx.first(SELECT_PLACE_BYTES, item.id, item.promotion_id)
    expected = place["bytes"] if place else 0
    # The true size counts, and a file that was known is not counted among the bytes to read.
    tx.count(item.working_run, "bytes_total", (facts.size if change.read else 0) - expected)
    tx.count(item.working_run, "bytes_done", facts.size if change.read else 0)


def _judge_claims(tx: Transaction, item: Item, sha256: str) -> None:
    """What sources claimed of the file is proven now, or wrong."""
    for row in tx.fetch(SELECT_CLAIMS, item.pending_id):
        notice = decisions.claim_wrong(row["claimed_sha256"], row["claimed_by"], sha256)
        if notice is not None:
            tx.count(item.working_run, "warnings", 1)
            tx.execute(INSERT_WARNING, item.working_run, row["id"], notice.code, notice.detail)


def remember_hash(tx: Transaction, change: RememberHash) -> None:
    """A file need not be read again while it looks as it did."""
    facts = change.facts
    tx.execute(
        UPSERT_HASH, change.path, facts.size, facts.mtime_ns, str(facts.inode), change.sha256
    )


def decide(tx: Transaction, change: Decide) -> ExistingPreviews | None:
    """Settle the conflict of a hashed item, and make it active where that needs no files; None
    when nothing is left to do."""
    work = change.item
    item = claimed(tx, work, ModelState.IMPORTED)
    run = run_of(tx, item.working_run)
    found = models_by_hash(tx, [work.sha256]).get(work.sha256)
    existing = found.record if found else None
    decision = decisions.decide(run.strategy, existing)
    if tx.first(SELECT_PENDING, item.pending_id) is None:
        # A worker asked about it before somebody took it; what became of it is looked up later.
        fail(tx, Fail(work, decisions.NO_LONGER_PENDING, change.at))
        return None
    if decision.outcome is not None:
        met = existing if decision.outcome is Outcome.CONFLICT else None
        set_outcome(tx, item, decision.outcome, existing=met)
    if decision.course is Course.STAY:
        _stay(tx, item, work, change.at)
        return None
    if decision.course is Course.LEAVE:
        _delete(tx, item, work.candidate.images, change.at)
        return None
    if decisions.needs_no_files(work.candidate, previews.plans(tx, work.sha256)):
        alone = Activate(work, None, [], [], 0, [], change.at)
        become_active(tx, item, run.joining, found, alone)
        return None
    if item.state is ModelState.PENDING:
        move(tx, item.id, ModelState.PENDING, ModelState.IMPORTED, change.at)
        item.count_state(tx, ModelState.PENDING, -1)
        item.count_state(tx, ModelState.IMPORTED)
    decided = msgspec.structs.replace(work, state=ModelState.IMPORTED)
    return take_in_hand(tx, TakeInHand(decided, change.at))


def _stay(tx: Transaction, item: Item, work: WorkItem, at: int) -> None:
    """The model goes on waiting, in the state it was in."""
    tx.execute(END_WORK, item.pending_id, at, item.id, item.state)
    count_work(tx, item.working_run, -1, -len(work.candidate.images))


def _delete(tx: Transaction, item: Item, images: tuple[ImageRef, ...], at: int) -> None:
    """The model leaves the queue, and a later import of its source does not bring it back.

    So do all versions of its row that share its place in the queue.
    """
    for leaving in (item, *siblings(tx, item)):
        discard(tx, leaving, at)
    tx.execute(DELETE_PENDING, item.pending_id)
    tx.many(DROP_ORIGINAL, [(image.name,) for image in images])


def forget_unused_originals(tx: Transaction, change: ForgetUnusedOriginals) -> None:
    """These originals are removed from the disk."""
    tx.execute(FORGET_ORIGINALS, _text.encode(change.names).decode())


def add_found(tx: Transaction, change: AddFound) -> list[int]:
    """Files of unknown paths become pending models, numbered on in the order they were found."""
    known = known_paths(tx, [path for file in change.files for path in (file.path, file.real_path)])
    new = decisions.unknown_files(change.files, known)
    records = [
        decisions.found_record(file, number)
        for number, file in enumerate(new, start=last_pending_id(tx) + 1)
    ]
    write_pending(tx, [(record, {}) for record in records])
    return [record.id for record in records]
