"""How the database is mended, one remedy at a time; each to no effect where it came too late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.sqlite.database import Transaction
from adapters.sqlite.journal_faults import COUNTED, TRUE_COUNTS
from adapters.sqlite.migrations.upgrade import settle
from adapters.sqlite.records import models_by_hash, write_models
from adapters.sqlite.runs import source_from
from adapters.sqlite.schema import DB_VERSION
from engine.facts.conflicts import with_images
from engine.facts.meta_text import meta_text
from engine.facts.origins import ImageOrigin
from engine.facts.records import MAX_SAFE_INTEGER, ActiveMeta, PendingMeta
from engine.facts.repairs import DropLink, FillRecord, Recount, RestoreJournal, SetMeta
from engine.facts.source import ImageRef
from engine.ports.changes import CountSets, Mend

DROP_LINK = {
    "model_tags": """
DELETE FROM model_tags WHERE rowid = ? AND (
    model_hash NOT IN (SELECT sha256 FROM models) OR tag_id NOT IN (SELECT id FROM tags))
""",
    "pending_model_tags": """
DELETE FROM pending_model_tags WHERE rowid = ? AND (
    model_id NOT IN (SELECT id FROM pending_import) OR tag_id NOT IN (SELECT id FROM tags))
""",
}
FILL_RECORD = {
    "models": """
UPDATE models SET name = coalesce(name, ''), type = coalesce(type, ''),
    size_bytes = coalesce(size_bytes, 0), created_at = coalesce(created_at, 0),
    meta_json = coalesce(meta_json, ?)
WHERE rowid = ?
""",
    "pending_import": """
UPDATE pending_import SET name = coalesce(name, ''), type = coalesce(type, ''),
    size_bytes = coalesce(size_bytes, 0), created_at = coalesce(created_at, 0),
    meta_json = coalesce(meta_json, ?)
WHERE id = ?
""",
}
EMPTY_META = {"models": meta_text(ActiveMeta(), {}), "pending_import": meta_text(PendingMeta(), {})}
INSERT_VERSION = """
INSERT INTO db_meta (key, value) VALUES ('db_version', ?) ON CONFLICT (key) DO NOTHING
"""
SET_LARGEST_TAG = """
INSERT INTO db_meta (key, value)
SELECT 'tags_id_max', CAST(coalesce(max(id), 0) AS TEXT) FROM tags WHERE id < ?
ON CONFLICT (key) DO UPDATE SET value = excluded.value
WHERE coalesce(CAST(value AS INTEGER), 0) < CAST(excluded.value AS INTEGER)
   OR value IS NULL OR value GLOB '*[^0-9]*' OR value = ''
"""
FORGET_COUNTS = f"DELETE FROM migration_counts WHERE run_id = ? AND {COUNTED}"
COUNT_ANEW = f"""
INSERT INTO migration_counts (run_id, name, n)
SELECT run_id, name, sum(n) FROM ({TRUE_COUNTS}) WHERE run_id = ? GROUP BY run_id, name
"""
SELECT_ORIGINS = """
SELECT DISTINCT s.kind AS source_kind, s.location, r.options, '' AS layout, p.name, p.place,
    p.digest
FROM migration_previews p
JOIN migration_runs r ON r.source_id IS NOT NULL
JOIN migration_sources s ON s.id = r.source_id
WHERE p.sha256 = ? AND p.name <> '' ORDER BY p.name, r.id
"""


def mend(tx: Transaction, change: Mend) -> None:
    """Carry out a remedy that needs nothing but the database."""
    MEND[type(change.remedy)](tx, change.remedy)


def _drop_link(tx: Transaction, remedy: DropLink) -> None:
    tx.execute(DROP_LINK[remedy.table], remedy.number)


def _fill_record(tx: Transaction, remedy: FillRecord) -> None:
    tx.execute(FILL_RECORD[remedy.table], EMPTY_META[remedy.table], remedy.number)


def _set_meta(tx: Transaction, remedy: SetMeta) -> None:
    if remedy.key == "db_version":
        tx.execute(INSERT_VERSION, DB_VERSION)
    else:
        tx.execute(SET_LARGEST_TAG, MAX_SAFE_INTEGER)


def _recount(tx: Transaction, remedy: Recount) -> None:
    tx.execute(FORGET_COUNTS, remedy.run_id)
    tx.execute(COUNT_ANEW, remedy.run_id)


def _restore_journal(tx: Transaction, _: RestoreJournal) -> None:
    settle(tx)


def count_sets(tx: Transaction, change: CountSets) -> bool:
    """A model has this many preview sets, unless somebody has counted them meanwhile."""
    found = models_by_hash(tx, [change.sha256]).get(change.sha256)
    if found is None or found.record.meta_json.images_count != change.before:
        return False
    write_models(tx, [(with_images(found.record, change.count), found.extra)])
    return True


def carried_from(tx: Transaction, sha256: str) -> list[ImageOrigin]:
    """Where the images may lie that the previews of a model were made of."""
    return [
        ImageOrigin(source, ImageRef(row["name"], row["place"]), digest)
        for row in tx.fetch(SELECT_ORIGINS, sha256)
        if isinstance(digest := row["digest"], bytes) and (source := source_from(row))
    ]


MEND: dict[type[Any], Callable[[Transaction, Any], None]] = {
    DropLink: _drop_link,
    FillRecord: _fill_record,
    SetMeta: _set_meta,
    Recount: _recount,
    RestoreJournal: _restore_journal,
}
"""The remedies that need nothing but the database."""
