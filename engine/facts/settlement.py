"""How a chunk of rows is settled: in source order, each after all before it. Pure.

What two rows of one hash become depends on their order in the source alone, so the decisions are
made here, one row at a time, on what the library holds and on what earlier rows have decided.
"""

from __future__ import annotations

import msgspec

from engine.facts.assessment import AssessedRow, Lane, active_record, lane, pending_record
from engine.facts.conflicts import (
    ConflictStrategy,
    duplicate_warning,
    replaced_warning,
    resolve,
    resolve_pending,
    with_images,
)
from engine.facts.records import MAX_SAFE_INTEGER, ModelRecord, PendingModelRecord
from engine.facts.source import Notice


class Known(msgspec.Struct):
    """What the rows of a chunk may meet in the library.

    `models` by hash, `on_the_way` hashes of items that workers still have, `pending` by path,
    `taken` numbers of pending models, `largest` the largest of them; `at_paths` the hashes of
    active models by path.
    """

    models: dict[str, ModelRecord]
    on_the_way: set[str]
    pending: dict[str, PendingModelRecord]
    taken: set[int]
    largest: int
    at_paths: dict[str, list[str]] = {}


class SettledRow(msgspec.Struct, frozen=True, gc=False):
    """What was decided for one row; `pending_id` is its number among the models that wait."""

    row: AssessedRow
    lane: Lane
    warnings: tuple[Notice, ...]
    pending_id: int | None = None


class Settlement:
    """Settles the rows of one chunk, and gathers the records that they change."""

    def __init__(self, strategy: ConflictStrategy, known: Known) -> None:
        self._strategy = strategy
        self._known = known
        self.models: dict[str, ModelRecord] = {}
        self.pending: dict[str, PendingModelRecord] = {}

    def settle(self, row: AssessedRow) -> SettledRow:
        """Decide on one row."""
        known, sha256 = self._known, row.sha256
        follows = sha256 in known.on_the_way
        conflicts = follows or sha256 in known.models
        taken = lane(row, self._strategy, conflicts=conflicts, follows=follows)
        if taken is Lane.ACTIVE:
            return SettledRow(row, taken, (*row.warnings, *self._activate(row)))
        if taken is Lane.PREVIEWS:
            known.on_the_way.add(sha256)
        elif taken is not Lane.FAILED:
            pending_id = self._number(row)
            if taken is Lane.WAITING:
                self._wait(row, pending_id)
            return SettledRow(row, taken, row.warnings, pending_id)
        return SettledRow(row, taken, row.warnings)

    def _activate(self, row: AssessedRow) -> tuple[Notice, ...]:
        record = active_record(row.model, row.sha256)
        warnings: tuple[Notice, ...] = ()
        existing = self._known.models.get(row.sha256)
        if existing is not None:
            warnings = duplicate_warning(existing.path, record.path)
            count = existing.meta_json.images_count
            record = with_images(resolve(self._strategy, existing, record), count)
        if at_path := self._known.at_paths.get(record.path):
            warnings += replaced_warning(other for other in at_path if other != row.sha256)
        self._known.models[row.sha256] = self.models[row.sha256] = record
        return warnings

    def _wait(self, row: AssessedRow, pending_id: int) -> None:
        record = pending_record(row.model, pending_id, row.sha256, ())
        existing = self._known.pending.get(record.path)
        if existing is not None:
            record = resolve_pending(self._strategy, existing, record)
        self._known.pending[record.path] = self.pending[record.path] = record

    def _number(self, row: AssessedRow) -> int:
        """The row's own number where it is free, else the next one."""
        known, number = self._known, row.model.number
        existing = known.pending.get(row.model.path)
        if existing is not None:
            return existing.id
        if number is None or not 0 < number < MAX_SAFE_INTEGER or number in known.taken:
            number = known.largest + 1
        known.taken.add(number)
        known.largest = max(known.largest, number)
        return number
