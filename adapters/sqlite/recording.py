"""How source rows are recorded and settled: a chunk of them in one transaction, in bulk."""

from __future__ import annotations

from typing import Any

import msgspec

from adapters.sqlite.database import Transaction
from adapters.sqlite.numbers import last_item, last_pending_id, taken_pending_ids
from adapters.sqlite.records import (
    LINK_MODEL_TAG,
    LINK_PENDING_TAG,
    UNLINK_MODEL_TAG,
    UNLINK_PENDING_TAG,
    Stored,
    link_tags,
    models_at,
    models_by_hash,
    move_pending,
    pending_by_id,
    pending_by_path,
    unlink_tags,
    write_models,
    write_pending,
)
from adapters.sqlite.runs import meets_others, run_of
from adapters.sqlite.transitions import INSERT_WARNING
from adapters.sqlite.work import count_work
from engine.errors import StaleCursor
from engine.facts.assessment import AssessedRow, Lane, may_wait
from engine.facts.conflicts import ConflictStrategy
from engine.facts.records import MAX_SAFE_INTEGER, ModelRecord, PendingModelRecord
from engine.facts.settlement import Known, SettledRow, Settlement
from engine.facts.source import DAMAGE
from engine.facts.states import ModelState
from engine.facts.work import Work, candidate
from engine.ports.changes import RecordRows

SELECT_SOURCE = "SELECT source_id FROM migration_runs WHERE id = ?"
SELECT_ON_THE_WAY = """
SELECT DISTINCT sha256 FROM migration_items
WHERE work = 'previews' AND sha256 IN (SELECT value FROM json_each(?))
"""
INSERT_ITEM = """
INSERT INTO migration_items
    (id, run_id, source_id, source_key, digest, path, state, failed_in, error_code, error_message,
     sha256, pending_id, work, candidate, updated_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
INSERT_PROMOTED = """
INSERT INTO migration_items
    (run_id, source_id, state, updated_at, id, source_key, digest, path, sha256)
VALUES (?1, ?2, ?3, ?4, ?, ?, ?, ?, ?)
"""
SET_CLAIM = """
UPDATE migration_items SET claimed_sha256 = ?, claimed_by = ? WHERE id = ?
"""
INSERT_REMOVED = """
INSERT INTO migration_discarded (item_id, source_id, source_key, digest, path, sha256, at)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
INSERT_VERBATIM = "INSERT INTO migration_rows (item_id, verbatim) VALUES (?, ?)"
MOVE_CURSOR = """
UPDATE migration_runs SET cursor = ?, updated_at = ? WHERE id = ? AND cursor = ?
"""

STATE_AFTER = {
    Lane.FAILED: ModelState.FAILED,
    Lane.ACTIVE: ModelState.PROMOTED,
    Lane.PREVIEWS: ModelState.IMPORTED,
    Lane.PENDING: ModelState.PENDING,
    Lane.ORIGINALS: ModelState.PENDING,
}
"""The state in which a row is recorded; it has taken every step on the way there."""

WORK = {Lane.PREVIEWS: Work.PREVIEWS, Lane.ORIGINALS: Work.ORIGINALS}

_encode = msgspec.json.Encoder().encode


class _Found(msgspec.Struct):
    """What the rows of a chunk meet in the library, as stored."""

    models: dict[str, Stored[ModelRecord]]
    pending: dict[str, Stored[PendingModelRecord]]
    known: Known


def record_rows(tx: Transaction, change: RecordRows) -> int:
    """Record and settle a chunk; returns how many of its items have work for a worker."""
    if tx.execute(MOVE_CURSOR, change.cursor, change.at, change.run_id, change.after) != 1:
        raise StaleCursor(change.run_id, change.after)
    run = run_of(tx, change.run_id)
    found = _look_up(tx, run.id, change.rows, run.joining)
    settlement = Settlement(run.joining, found.known)
    settled = [settlement.settle(row) for row in change.rows]
    numbered = list(enumerate(settled, start=last_item(tx) + 1))
    _write_items(tx, change, numbered)
    _write_records(tx, settlement, settled, found)
    followed = [found for found in numbered if found[1].row.carried is not None]
    _write_followed(tx, change, followed)
    _write_warnings(tx, change, numbered)
    return _count(tx, change, settled)


def _look_up(
    tx: Transaction, run_id: int, rows: list[AssessedRow], strategy: ConflictStrategy
) -> _Found:
    """A few queries for all rows, not some for each."""
    meets = meets_others(tx, run_id)
    earlier = [row.carried for row in rows if row.carried is not None]
    hashes = [row.sha256 for row in rows if row.sha256]
    hashes += [carried.sha256 for carried in earlier if carried.sha256]
    models = models_by_hash(tx, hashes)
    may_pend = [row for row in rows if may_wait(row, strategy)]
    paths = [row.model.path for row in (rows if meets else may_pend)]
    pending = pending_by_path(tx, paths)
    for number in {carried.number for carried in earlier if carried.number is not None}:
        if (there := pending_by_id(tx, number)) is not None:
            pending[there.record.path] = there
    known = Known(
        models={sha256: stored.record for sha256, stored in models.items()},
        on_the_way={row[0] for row in tx.fetch(SELECT_ON_THE_WAY, _encode(hashes).decode())},
        pending={path: stored.record for path, stored in pending.items()},
        taken=taken_pending_ids(tx, _numbers(may_pend)),
        # Rows of this chunk keep their own numbers: one that cannot is numbered after them.
        largest=max([n for n in _numbers(rows) if n < MAX_SAFE_INTEGER] + [last_pending_id(tx), 0]),
        numbers={stored.record.id: path for path, stored in pending.items()},
        at_paths=models_at(tx, (row.model.path for row in rows if row.sha256)) if meets else {},
    )
    return _Found(models, pending, known)


def _numbers(rows: list[AssessedRow]) -> list[int]:
    """What their source would have rows called in the queue."""
    return [row.model.number for row in rows if row.model.number is not None]


def _write_items(
    tx: Transaction, change: RecordRows, numbered: list[tuple[int, SettledRow]]
) -> None:
    source_id = _source_of(tx, change)
    tx.bulk(
        INSERT_PROMOTED,
        (
            # sqlite3 looks for an adapter of each None, bytes and enum member: nearly all rows are
            # promoted at once, and need none.
            (item_id, s.row.model.key, bytearray(s.row.digest), s.row.model.path, s.row.sha256)
            for item_id, s in numbered
            if s.lane is Lane.ACTIVE
        ),
        (change.run_id, source_id, STATE_AFTER[Lane.ACTIVE].value, change.at),
    )
    tx.bulk(
        INSERT_ITEM,
        (
            _item(change, source_id, item_id, settled)
            for item_id, settled in numbered
            if settled.lane is not Lane.ACTIVE and settled.lane is not Lane.REMOVED
        ),
    )
    tx.many(
        SET_CLAIM,
        [
            (s.row.model.claimed_sha256, s.row.model.claimed_by, item_id)
            for item_id, s in numbered
            if s.row.model.claimed_sha256
        ],
    )
    tx.bulk(
        INSERT_VERBATIM,
        ((item_id, settled.row.model.verbatim.decode()) for item_id, settled in numbered),
    )


def _source_of(tx: Transaction, change: RecordRows) -> int | None:
    source = tx.first(SELECT_SOURCE, change.run_id)
    return source[0] if source else None


def _write_followed(
    tx: Transaction, change: RecordRows, followed: list[tuple[int, SettledRow]]
) -> None:
    """What is to be written of rows that were carried before, beside what is of all."""
    for item_id, settled in followed:
        row, edited = settled.row, settled.edited
        if settled.lane is Lane.REMOVED:
            values = (row.model.key, row.digest, row.model.path, row.sha256, change.at)
            tx.execute(INSERT_REMOVED, item_id, _source_of(tx, change), *values)
        elif edited is not None and settled.lane is Lane.ACTIVE:
            unlink_tags(tx, UNLINK_MODEL_TAG, row.sha256, edited.unlink)
        elif edited is not None and settled.pending_id is not None:
            unlink_tags(tx, UNLINK_PENDING_TAG, settled.pending_id, edited.unlink)


def _item(
    change: RecordRows, source_id: int | None, item_id: int, settled: SettledRow
) -> tuple[Any, ...]:
    """The values of `INSERT_ITEM`."""
    row, work, defect = settled.row, WORK.get(settled.lane), settled.row.model.defect
    return (
        item_id,
        change.run_id,
        source_id,
        row.model.key,
        row.digest,
        settled.path or row.model.path,
        STATE_AFTER[settled.lane],
        ModelState.PENDING if defect else None,
        defect.code if defect else None,
        defect.message if defect else None,
        row.sha256,
        settled.pending_id,
        work,
        _encode(candidate(row.model, row.carried)).decode() if work else None,
        change.at,
    )


def _write_records(
    tx: Transaction, settlement: Settlement, settled: list[SettledRow], found: _Found
) -> None:
    write_models(
        tx,
        (
            (record, found.models[sha256].extra if sha256 in found.models else {})
            for sha256, record in sorted(settlement.models.items())
        ),
    )
    extras = {stored.record.id: stored.extra for stored in found.pending.values()}
    move_pending(tx, settlement.moved)
    write_pending(
        tx, ((record, extras.get(record.id, {})) for record in settlement.pending.values())
    )
    link_tags(
        tx,
        LINK_MODEL_TAG,
        [
            (s.row.sha256, s.row.model.tags if s.edited is None else s.edited.link)
            for s in settled
            if s.lane is Lane.ACTIVE
        ],
    )
    waits = [
        (s.pending_id, s.row.model.tags if s.edited is None else s.edited.link)
        for s in settled
        if s.lane is Lane.PENDING and s.pending_id is not None
    ]
    link_tags(tx, LINK_PENDING_TAG, waits)


def _write_warnings(
    tx: Transaction, change: RecordRows, numbered: list[tuple[int, SettledRow]]
) -> None:
    rows: list[tuple[int, int | None, str, str]] = [
        (change.run_id, item_id, warning.code, warning.detail)
        for item_id, settled in numbered
        for warning in settled.warnings
    ]
    rows += [(change.run_id, None, note.code, note.detail) for note in change.warnings]
    tx.count(change.run_id, "warnings", len(rows))
    tx.bulk(INSERT_WARNING, rows)


def _count(tx: Transaction, change: RecordRows, settled: list[SettledRow]) -> int:
    work, images = 0, 0
    for row in settled:
        if row.lane is Lane.REMOVED:
            continue
        tx.count(change.run_id, STATE_AFTER[row.lane])
        if row.lane in WORK:
            work += 1
            images += len(row.row.model.images)
    count_work(tx, change.run_id, work, images)
    tx.count(change.run_id, "damage", sum(note.code in DAMAGE for note in change.warnings))
    return work
