"""How runs are opened, moved and ended."""

from __future__ import annotations

import msgspec

from adapters.sqlite.database import Row, Transaction
from adapters.sqlite.records import map_tags
from engine.errors import RunActive, UnknownRun
from engine.facts.conflicts import ConflictStrategy
from engine.facts.source import DAMAGE, SourceOptions, SourceRef
from engine.facts.status import RunKind, RunState
from engine.facts.work import Run
from engine.ports.changes import ExpectRows, FinishIntake, OpenRun, SetRunState

RUN_COLUMNS = """
r.id, r.kind, r.status, s.kind AS source_kind, s.location, r.options, r.layout, r.strategy,
r.fingerprint, r.cursor, r.intake_done,
r.cursor <> '' OR EXISTS (SELECT 1 FROM migration_runs o
                          WHERE o.source_id = r.source_id AND o.id < r.id) AS repeats
"""
RUN_TABLES = "migration_runs r LEFT JOIN migration_sources s ON s.id = r.source_id"
SELECT_RUN = f"SELECT {RUN_COLUMNS} FROM {RUN_TABLES} WHERE r.id = ?"
SELECT_UNFINISHED = f"""
SELECT {RUN_COLUMNS} FROM {RUN_TABLES}
WHERE r.status IN ('running', 'interrupted', 'cancelled') ORDER BY r.id DESC LIMIT 1
"""
INSERT_SOURCE = """
INSERT INTO migration_sources (kind, location) VALUES (?, ?)
ON CONFLICT (kind, location) DO NOTHING
"""
INSERT_RUN = """
INSERT INTO migration_runs
    (kind, status, source_id, options, layout, strategy, fingerprint, cursor, started_at,
     updated_at)
VALUES (?, 'interrupted', (SELECT id FROM migration_sources WHERE kind = ? AND location = ?),
        ?, ?, ?, ?, '', ?, ?)
"""
SET_RUN_STATE = """
UPDATE migration_runs
SET status = ?, updated_at = ?, finished_at = ?, error_code = ?, error_message = ?
WHERE id = ?
"""
MEETS_OTHERS = "meets_others"
SELECT_ANY = """
SELECT 1 WHERE EXISTS (SELECT 1 FROM models) OR EXISTS (SELECT 1 FROM pending_import)
"""
SELECT_MEETS_OTHERS = "SELECT 1 FROM migration_counts WHERE run_id = ? AND name = ? AND n > 0"
SET_EXPECTED = "UPDATE migration_runs SET expected = ? WHERE id = ?"
SET_INTAKE_DONE = "UPDATE migration_runs SET intake_done = 1, updated_at = ? WHERE id = ?"
INSERT_RUN_WARNING = """
INSERT INTO migration_warnings (run_id, item_id, code, detail)
SELECT ?1, NULL, ?2, ?3 WHERE NOT EXISTS (
    SELECT 1 FROM migration_warnings
    WHERE run_id = ?1 AND item_id IS NULL AND code = ?2 AND detail = ?3)
"""


_options = msgspec.json.Decoder(SourceOptions)


def options_from(text: str) -> SourceOptions:
    """Options as the journal keeps them."""
    return _options.decode(text)


def options_text(options: SourceOptions) -> str:
    """What was said of a source, as the journal keeps it: equal only where it is the same."""
    return msgspec.json.encode(options).decode()


def run_from(row: Row) -> Run:
    """A run from its `RUN_COLUMNS`."""
    return Run(
        id=row["id"],
        kind=RunKind(row["kind"]),
        status=RunState(row["status"]),
        source=source_from(row),
        strategy=ConflictStrategy(row["strategy"]) if row["strategy"] else None,
        fingerprint=row["fingerprint"],
        cursor=row["cursor"],
        intake_done=bool(row["intake_done"]),
        repeats=bool(row["repeats"]),
    )


def source_from(row: Row) -> SourceRef | None:
    """The source of a row that has its columns, None for that of a promotion."""
    if row["source_kind"] is None:
        return None
    options = options_from(row["options"])
    return SourceRef(row["source_kind"], row["location"], options, row["layout"])


def run_of(tx: Transaction, run_id: int) -> Run:
    """A run by its id. Raises `UnknownRun`."""
    row = tx.first(SELECT_RUN, run_id)
    if row is None:
        raise UnknownRun(run_id)
    return run_from(row)


def open_run(tx: Transaction, change: OpenRun) -> Run:
    """A new run, or the unfinished one of the same source. Raises `RunActive`."""
    row = tx.first(SELECT_UNFINISHED)
    if row is not None:
        unfinished = run_from(row)
        if not change.source.is_at(unfinished.source):
            raise RunActive(unfinished.id)
        return unfinished
    source = change.source
    tx.execute(INSERT_SOURCE, source.kind, source.location)
    run_id = tx.insert(
        INSERT_RUN,
        change.kind,
        source.kind,
        source.location,
        options_text(source.options),
        source.layout,
        change.strategy,
        change.fingerprint,
        change.at,
        change.at,
    )
    tx.count(run_id, MEETS_OTHERS, 1 if tx.first(SELECT_ANY) else 0)
    return run_of(tx, run_id)


def meets_others(tx: Transaction, run_id: int) -> bool:
    """Whether a run may meet models that it did not record itself: nobody need look for them in a
    library that was empty when it began, and that nobody else has written since."""
    return tx.first(SELECT_MEETS_OTHERS, run_id, MEETS_OTHERS) is not None


def note_others(tx: Transaction) -> None:
    """Unfinished runs may meet what others have written."""
    row = tx.first(SELECT_UNFINISHED)
    if row is not None and not meets_others(tx, row["id"]):
        tx.count(row["id"], MEETS_OTHERS, 1)


def set_run_state(tx: Transaction, change: SetRunState) -> None:
    """Put a run in a state; an ended one gets its time."""
    ended = None if change.status.unfinished else change.at
    code, message = None, None
    if change.error is not None:
        code, message = change.error.code, change.error.message
    tx.execute(SET_RUN_STATE, change.status, change.at, ended, code, message, change.run_id)


def expect_rows(tx: Transaction, change: ExpectRows) -> None:
    """Note the source's size, map its tags, keep its warnings; again at every start, to no
    further effect."""
    tx.execute(SET_EXPECTED, change.rows, change.run_id)
    map_tags(tx, change.tags)
    for warning in change.warnings:
        added = tx.execute(INSERT_RUN_WARNING, change.run_id, warning.code, warning.detail)
        tx.count(change.run_id, "warnings", added)
        tx.count(change.run_id, "damage", added if warning.code in DAMAGE else 0)


def finish_intake(tx: Transaction, change: FinishIntake) -> None:
    """All rows of the source are recorded."""
    tx.execute(SET_INTAKE_DONE, change.at, change.run_id)
