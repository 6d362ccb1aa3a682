"""How a chunk of rows is settled: in source order, each after all before it. Pure.

What two rows of one hash become depends on their order in the source alone, so the decisions are
made here, one row at a time, on what the library holds and on what earlier rows have decided.
"""

from __future__ import annotations

import msgspec

from engine.facts.assessment import (
    AssessedRow,
    Lane,
    active_record,
    as_new_if_removed,
    identified,
    lane,
    pending_record,
    stays_removed,
)
from engine.facts.conflicts import (
    ConflictStrategy,
    duplicate_warning,
    replaced_warning,
    resolve,
    resolve_pending,
    with_images,
)
from engine.facts.edits import REMOVED, Edited, follow
from engine.facts.records import MAX_SAFE_INTEGER, ModelRecord, PendingModelRecord
from engine.facts.source import Notice


class Known(msgspec.Struct):
    """What the rows of a chunk may meet in the library.

    `models` by hash, `on_the_way` hashes of items that workers still have, `pending` by path,
    `taken` numbers of pending models, `largest` the largest of them; `at_paths` the hashes of
    active models by path, and `numbers` the paths of pending ones that rows waited as before.
    """

    models: dict[str, ModelRecord]
    on_the_way: set[str]
    pending: dict[str, PendingModelRecord]
    taken: set[int]
    largest: int
    at_paths: dict[str, list[str]] = {}
    numbers: dict[int, str] = {}


class SettledRow(msgspec.Struct, frozen=True, gc=False):
    """What was decided for one row; `pending_id` is its number among the models that wait, `path`
    where that one lies if that is told, and `edited` what became of tags where its model follows an
    earlier version of the row."""

    row: AssessedRow
    lane: Lane
    warnings: tuple[Notice, ...]
    pending_id: int | None = None
    edited: Edited | None = None
    path: str = ""


class Settlement:
    """Settles the rows of one chunk, and gathers the records that they change.

    `moved` are the new paths of models that wait, by number.
    """

    def __init__(self, strategy: ConflictStrategy, known: Known) -> None:
        self._strategy = strategy
        self._known = known
        self.models: dict[str, ModelRecord] = {}
        self.pending: dict[str, PendingModelRecord] = {}
        self.moved: dict[int, str] = {}

    def settle(self, row: AssessedRow) -> SettledRow:
        """Decide on one row."""
        known = self._known
        if row.carried is not None:
            row = identified(row)
            if stays_removed(row, self._strategy):
                return SettledRow(row, Lane.REMOVED, (*row.warnings, REMOVED))
            row = as_new_if_removed(row)
        sha256 = row.sha256
        follows = sha256 in known.on_the_way
        conflicts = follows or sha256 in known.models
        taken = lane(row, self._strategy, conflicts=conflicts, follows=follows)
        if taken is Lane.ACTIVE or taken is Lane.PREVIEWS:
            waited = self._pending_at(row) if known.pending else None
            if taken is Lane.ACTIVE and waited is None:
                warnings, edited = self._activate(row)
                return SettledRow(row, taken, (*row.warnings, *warnings), None, edited)
            known.on_the_way.add(sha256)
            if waited is None:
                return SettledRow(row, Lane.PREVIEWS, row.warnings)
            return SettledRow(row, Lane.PREVIEWS, row.warnings, waited.id, path=waited.path)
        if taken is Lane.FAILED:
            return SettledRow(row, taken, row.warnings)
        there = self._pending_at(row)
        pending_id = self._number(row) if there is None else there.id
        if taken is Lane.ORIGINALS:
            path = "" if there is None else there.path
            return SettledRow(row, taken, row.warnings, pending_id, path=path)
        path, edited = self._wait(row, pending_id, there)
        notices = edited.notices if edited is not None else ()
        return SettledRow(row, taken, (*row.warnings, *notices), pending_id, edited, path)

    def _activate(self, row: AssessedRow) -> tuple[tuple[Notice, ...], Edited | None]:
        record = active_record(row.model, row.sha256)
        warnings: tuple[Notice, ...] = ()
        edited = None
        existing = self._known.models.get(row.sha256)
        if existing is not None and row.carried is not None and row.follows_itself:
            record, edited = follow(existing, row.carried, row.model, self._strategy)
            warnings = edited.notices
        elif existing is not None:
            warnings = duplicate_warning(existing.path, record.path)
            count = existing.meta_json.images_count
            record = with_images(resolve(self._strategy, existing, record), count)
        if at_path := self._known.at_paths.get(record.path):
            warnings += replaced_warning(other for other in at_path if other != row.sha256)
        self._known.models[row.sha256] = self.models[row.sha256] = record
        return warnings, edited

    def _wait(
        self, row: AssessedRow, pending_id: int, existing: PendingModelRecord | None
    ) -> tuple[str, Edited | None]:
        record = pending_record(row.model, pending_id, row.sha256, ())
        edited = None
        if existing is not None and row.carried is not None:
            record, edited = follow(existing, row.carried, row.model, self._strategy)
            if record.path != existing.path:
                self.moved[existing.id] = self._known.numbers[existing.id] = record.path
                del self._known.pending[existing.path]
                self.pending.pop(existing.path, None)
        elif existing is not None:
            record = resolve_pending(self._strategy, existing, record)
        self._known.pending[record.path] = self.pending[record.path] = record
        return record.path, edited

    def _pending_at(self, row: AssessedRow) -> PendingModelRecord | None:
        """The model that waits at a row's path, or as which the version before waits."""
        known = self._known
        found = known.pending.get(row.model.path)
        if found is None and row.carried is not None and row.carried.number is not None:
            found = known.pending.get(known.numbers.get(row.carried.number, ""))
        return found

    def _number(self, row: AssessedRow) -> int:
        """The row's own number where it is free, else the next one."""
        known, number = self._known, row.model.number
        if number is None or not 0 < number < MAX_SAFE_INTEGER or number in known.taken:
            number = known.largest + 1
        known.taken.add(number)
        known.largest = max(known.largest, number)
        return number
