"""How runs are opened, moved and ended."""

from __future__ import annotations

from adapters.sqlite.database import Row, Transaction
from adapters.sqlite.records import map_tags
from engine.errors import RunActive, UnknownRun
from engine.facts.conflicts import ConflictStrategy
from engine.facts.source import DAMAGE
from engine.facts.status import RunKind, RunState
from engine.facts.work import BEFORE_FIRST_KEY, Run
from engine.ports.changes import ExpectRows, FinishIntake, OpenRun, SetRunState

RUN_COLUMNS = """
r.id, r.kind, r.status, coalesce(s.location, '') AS location, r.images_folder, r.strategy,
r.fingerprint, r.cursor, r.intake_done
"""
RUN_TABLES = "migration_runs r LEFT JOIN migration_sources s ON s.id = r.source_id"
SELECT_RUN = f"SELECT {RUN_COLUMNS} FROM {RUN_TABLES} WHERE r.id = ?"
SELECT_UNFINISHED = f"""
SELECT {RUN_COLUMNS} FROM {RUN_TABLES}
WHERE r.status IN ('running', 'interrupted', 'cancelled') ORDER BY r.id DESC LIMIT 1
"""
INSERT_SOURCE = """
INSERT INTO migration_sources (location) VALUES (?) ON CONFLICT (location) DO NOTHING
"""
INSERT_RUN = """
INSERT INTO migration_runs
    (kind, status, source_id, images_folder, strategy, fingerprint, cursor, started_at, updated_at)
VALUES (?, 'interrupted', (SELECT id FROM migration_sources WHERE location = ?), ?, ?, ?, ?, ?, ?)
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


def run_from(row: Row) -> Run:
    """A run from its `RUN_COLUMNS`."""
    return Run(
        id=row["id"],
        kind=RunKind(row["kind"]),
        status=RunState(row["status"]),
        location=row["location"],
        images_folder=row["images_folder"],
        strategy=ConflictStrategy(row["strategy"]) if row["strategy"] else None,
        fingerprint=row["fingerprint"],
        cursor=row["cursor"],
        intake_done=bool(row["intake_done"]),
    )


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
        if unfinished.location != change.location:
            raise RunActive(unfinished.id)
        return unfinished
    tx.execute(INSERT_SOURCE, change.location)
    run_id = tx.insert(
        INSERT_RUN,
        change.kind,
        change.location,
        change.images_folder,
        change.strategy,
        change.fingerprint,
        BEFORE_FIRST_KEY,
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
