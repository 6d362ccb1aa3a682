"""How preview sets are written down: those that are planned, added, and removed."""

from __future__ import annotations

from adapters.sqlite.database import Transaction
from adapters.sqlite.records import existing_model, models_by_hash, write_models
from engine.facts.conflicts import with_images
from engine.facts.preview_sets import PlannedSet
from engine.facts.removal import Removal
from engine.ports.changes import (
    AddPreview,
    AdvanceRemoval,
    BeginRemoval,
    ConfirmPlans,
    ConfirmRemoval,
    EndRemoval,
    ForgetPlans,
    PlanSets,
)

DIGEST_BYTES = 16

INSERT_CARRIED = """
INSERT OR IGNORE INTO migration_previews (sha256, name, digest, place) VALUES (?, ?, ?, '')
"""
INSERT_PLAN = """
INSERT OR IGNORE INTO migration_writes (sha256, seq, digests) VALUES (?, ?, ?)
"""
SELECT_PLANS = """
SELECT sha256, seq, digests FROM migration_writes
WHERE ?1 IS NULL OR sha256 = ?1 ORDER BY sha256, seq
"""
# SQLite writes no page that stays as it is: how often something was confirmed tells it apart.
CONFIRM_PLANS = "UPDATE migration_writes SET confirmed = confirmed + 1 WHERE sha256 = ?"
DELETE_PLAN = "DELETE FROM migration_writes WHERE sha256 = ? AND seq = ? AND digests = ?"
DELETE_PLANS = "DELETE FROM migration_writes WHERE sha256 = ?"
INSERT_REMOVAL = """
INSERT INTO migration_removals (sha256, next_seq, digests) VALUES (?, ?, ?)
"""
SELECT_REMOVALS = """
SELECT sha256, next_seq, digests FROM migration_removals
WHERE ?1 IS NULL OR sha256 = ?1 ORDER BY sha256
"""
CONFIRM_REMOVAL = "UPDATE migration_removals SET confirmed = confirmed + 1 WHERE sha256 = ?"
ADVANCE_REMOVAL = "UPDATE migration_removals SET next_seq = ?, digests = ? WHERE sha256 = ?"
DELETE_REMOVAL = "DELETE FROM migration_removals WHERE sha256 = ?"
NOT_THERE = bytes(DIGEST_BYTES)
"""What stands for the digest of a tier that is not there."""


def plans(tx: Transaction, sha256: str | None) -> list[PlannedSet]:
    """Sets that were to be written and are not counted yet."""
    return [
        PlannedSet(row["sha256"], row["seq"], _digests(row["digests"]))
        for row in tx.fetch(SELECT_PLANS, sha256)
    ]


def plan_sets(tx: Transaction, change: PlanSets) -> None:
    """Note that sets are to be written."""
    tx.many(INSERT_PLAN, [_plan(planned) for planned in change.sets])


def confirm_plans(tx: Transaction, change: ConfirmPlans) -> None:
    """Commit what is planned once more."""
    tx.execute(CONFIRM_PLANS, change.sha256)


def forget_plans(tx: Transaction, change: ForgetPlans) -> None:
    """Nothing of these sets is left on disk that is ours."""
    tx.many(DELETE_PLAN, [_plan(planned) for planned in change.sets])


def carried_out(tx: Transaction, sha256: str) -> None:
    """What was planned for a model is counted."""
    tx.execute(DELETE_PLANS, sha256)


def add_preview(tx: Transaction, change: AddPreview) -> None:
    """A preview set is on disk."""
    found = existing_model(tx, change.sha256)
    write_models(tx, [(with_images(found.record, change.images_count), found.extra)])
    tx.execute(INSERT_CARRIED, change.sha256, change.image.name, change.image.digest)
    carried_out(tx, change.sha256)


def removals(tx: Transaction, sha256: str | None) -> list[Removal]:
    """Removals that are under way."""
    rows = tx.fetch(SELECT_REMOVALS, sha256)
    models = models_by_hash(tx, [row["sha256"] for row in rows])
    counts = {found: stored.record.meta_json.images_count for found, stored in models.items()}
    return [
        Removal(
            sha256=row["sha256"],
            next_seq=row["next_seq"],
            digests=_digests(row["digests"]),
            count=counts.get(row["sha256"]),
        )
        for row in rows
    ]


def begin_removal(tx: Transaction, change: BeginRemoval) -> None:
    """Note that a set is to be removed, before files are."""
    existing_model(tx, change.removal.sha256)
    removal = change.removal
    tx.execute(INSERT_REMOVAL, removal.sha256, removal.next_seq, _blob(removal.digests))


def confirm_removal(tx: Transaction, change: ConfirmRemoval) -> None:
    """Commit what is under way once more."""
    tx.execute(CONFIRM_REMOVAL, change.sha256)


def advance_removal(tx: Transaction, change: AdvanceRemoval) -> None:
    """A removal has come as far as this."""
    removal = change.removal
    tx.execute(ADVANCE_REMOVAL, removal.next_seq, _blob(removal.digests), removal.sha256)


def end_removal(tx: Transaction, change: EndRemoval) -> None:
    """All sets have moved down; a model that is gone is not counted."""
    found = models_by_hash(tx, [change.sha256]).get(change.sha256)
    if found is not None:
        write_models(tx, [(with_images(found.record, change.images_count), found.extra)])
    tx.execute(DELETE_REMOVAL, change.sha256)
    if change.left is not None:
        tx.execute(INSERT_PLAN, *_plan(change.left))


def _plan(planned: PlannedSet) -> tuple[str, int, bytes]:
    return planned.sha256, planned.seq, _blob(planned.digests)


def _blob(digests: tuple[bytes, ...]) -> bytes:
    return b"".join(digest or NOT_THERE for digest in digests)


def _digests(blob: bytes) -> tuple[bytes, ...]:
    parts = (blob[at : at + DIGEST_BYTES] for at in range(0, len(blob), DIGEST_BYTES))
    return tuple(b"" if part == NOT_THERE else part for part in parts)
