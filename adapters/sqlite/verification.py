"""The records of a library as verification reads them: as they are, damaged ones too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

import msgspec

from adapters.sqlite.database import Row, Transaction, is_text, readable
from engine.facts.findings import RecordDefect, StoredModel, StoredPending
from engine.facts.records import SHA256_HEX, ActiveMeta, PendingMeta

MODEL_COLUMNS = "sha256, path, name, type, size_bytes, created_at, meta_json, rowid"
SELECT_MODELS = f"SELECT {MODEL_COLUMNS} FROM models WHERE rowid > ? ORDER BY rowid LIMIT ?"
SELECT_MODEL = f"SELECT {MODEL_COLUMNS} FROM models WHERE rowid = ?"
# A hash of an active model that our tables cannot tell the origin of: whoever wrote it may not
# have read the file.
UNREAD = """
q.sha256 <> '' AND EXISTS (SELECT 1 FROM models m WHERE m.sha256 = q.sha256)
AND NOT EXISTS (SELECT 1 FROM migration_items i
                WHERE i.pending_id = q.id AND i.path = q.path AND i.sha256 = q.sha256)
AND NOT EXISTS (SELECT 1 FROM migration_hashes h WHERE h.path = q.path AND h.sha256 = q.sha256)
"""
STORED_PENDING = "q.id, q.path, q.sha256, q.name, q.type, q.size_bytes, q.created_at, q.meta_json"
SELECT_STORED_PENDING = f"""
SELECT {STORED_PENDING}, {{unread}} FROM pending_import q WHERE q.id > ? ORDER BY q.id LIMIT ?
"""
SELECT_COUNTS = """
SELECT sha256, CASE WHEN json_valid(meta_json)
                    THEN coalesce(json_extract(meta_json, '$.images_count'), 0) ELSE 0 END
FROM models WHERE sha256 IN (SELECT value FROM json_each(?))
"""
SELECT_ACTIVE_PATHS = "SELECT sha256 FROM models WHERE path = ? ORDER BY sha256"
SELECT_UNDER_WAY = """
SELECT sha256 FROM migration_items
WHERE work IS NOT NULL AND sha256 IN (SELECT value FROM json_each(?1))
UNION
SELECT sha256 FROM migration_removals WHERE sha256 IN (SELECT value FROM json_each(?1))
UNION
SELECT sha256 FROM migration_writes WHERE sha256 IN (SELECT value FROM json_each(?1))
"""
SELECT_UNKNOWN = """
SELECT value FROM json_each(?) WHERE value NOT IN (SELECT name FROM migration_originals)
"""
SELECT_WANTED = """
SELECT e.value FROM pending_import q,
    json_each(CASE WHEN json_valid(q.meta_json) THEN q.meta_json ELSE '{}' END, '$.images') e
WHERE e.type = 'text' AND e.value IN (SELECT value FROM json_each(?))
"""
SELECT_ON_THE_WAY = """
SELECT json_extract(e.value, '$.name') FROM migration_items i, json_each(i.candidate, '$.images') e
WHERE i.work = 'originals' AND i.work IS NOT NULL AND i.attempts > 0 AND json_valid(i.candidate)
"""
SELECT_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"

FIELDS: tuple[tuple[str, type], ...] = (
    ("path", str),
    ("name", str),
    ("type", str),
    ("size_bytes", int),
    ("created_at", int),
)
"""What both kinds of record hold, without nulls."""


def models(tx: Transaction, after: int, limit: int) -> list[StoredModel]:
    """Active models, ascending by their number."""
    return [_model(row) for row in tx.fetch(SELECT_MODELS, after, limit)]


def model(tx: Transaction, number: int) -> StoredModel | None:
    """The active model of this number, None where it has left."""
    row = tx.first(SELECT_MODEL, number)
    return None if row is None else _model(row)


def pending(tx: Transaction, after: int, limit: int) -> list[StoredPending]:
    """Pending models, ascending by id."""
    unread = UNREAD if has_tables(tx, "migration_items", "migration_hashes") else "0"
    rows = tx.fetch(SELECT_STORED_PENDING.format(unread=unread), after, limit)
    return [_pending(row) for row in rows]


def pending_model(tx: Transaction, number: int) -> StoredPending | None:
    """The model that waits under this id, None where it has left."""
    found = pending(tx, number - 1, 1)
    return found[0] if found and found[0].id == number else None


def images_counts(tx: Transaction, hashes: Sequence[str]) -> dict[str, int]:
    """`images_count` of those of the hashes that are active models."""
    rows = tx.fetch(SELECT_COUNTS, _json(hashes))
    return {row[0]: row[1] if isinstance(row[1], int) else 0 for row in rows}


def active_paths(tx: Transaction, path: str) -> list[str]:
    """The hashes of the active models of a path."""
    return [str(row[0]) for row in tx.fetch(SELECT_ACTIVE_PATHS, path)]


def under_way(tx: Transaction, hashes: Sequence[str]) -> set[str]:
    """Those of the hashes whose preview sets are written or removed by something unfinished."""
    if not has_tables(tx, "migration_items", "migration_removals", "migration_writes"):
        return set()
    return {row[0] for row in tx.fetch(SELECT_UNDER_WAY, _json(hashes))}


def unwanted_originals(tx: Transaction, names: Sequence[str]) -> list[str]:
    """Those of the names of pending originals that nobody has a use for."""
    left, journal = list(names), has_tables(tx, "migration_items", "migration_originals")
    if journal:
        left = [row[0] for row in tx.fetch(SELECT_UNKNOWN, _json(left))]
    if not left:
        return []
    wanted = {row[0] for row in tx.fetch(SELECT_WANTED, _json(left))}
    on_the_way = [str(row[0]) for row in tx.fetch(SELECT_ON_THE_WAY)] if journal else []
    return [name for name in left if name not in wanted and not _may_be(name, on_the_way)]


def _may_be(name: str, sources: list[str]) -> bool:
    """Whether a file may be the copy of one of these: under its name, or one made from it."""
    stem = PurePath(name).stem.rpartition("-")[0]
    return any(
        name == PurePath(source).name or (stem and PurePath(source).stem.startswith(stem))
        for source in sources
    )


def has_tables(tx: Transaction, *names: str) -> bool:
    """Whether these of our tables are there."""
    return {*names} <= {row[0] for row in tx.fetch(SELECT_TABLES)}


def _model(row: Row) -> StoredModel:
    defects = _defects(row[1:6])
    if not SHA256_HEX.fullmatch(str(row[0])):
        told = f"sha256 is {row[0]!r}, not 64 lower-case hexadecimal digits"
        defects.append(RecordDefect(told))
    meta = ActiveMeta()
    try:
        meta = msgspec.json.decode(row[6] or "", type=ActiveMeta)
    except (msgspec.MsgspecError, TypeError) as error:
        defects.append(RecordDefect(f"meta_json: {error}", missing=row[6] is None))
    return StoredModel(row[7], str(row[0]), readable(row[1]), meta.images_count, tuple(defects))


def _pending(row: Row) -> StoredPending:
    defects = _defects((row[1], *row[3:7]))
    if row[2] and not SHA256_HEX.fullmatch(str(row[2])):
        told = f"sha256 is {row[2]!r}, neither empty nor 64 lower-case hexadecimal digits"
        defects.append(RecordDefect(told))
    meta = PendingMeta()
    try:
        meta = msgspec.json.decode(row[7] or "", type=PendingMeta)
    except (msgspec.MsgspecError, TypeError) as error:
        defects.append(RecordDefect(f"meta_json: {error}", missing=row[7] is None))
    return StoredPending(
        id=row[0],
        path=readable(row[1]),
        sha256=str(row[2] or ""),
        images=meta.images,
        defects=tuple(defects),
        unread=bool(row[8]),
    )


def _defects(values: Sequence[object]) -> list[RecordDefect]:
    return [
        RecordDefect(f"{name} is {value!r}, not {kind.__name__}", missing=value is None)
        for (name, kind), value in zip(FIELDS, values, strict=True)
        if not isinstance(value, kind) or (isinstance(value, str) and not is_text(value))
    ]


def _json(values: Sequence[str]) -> str:
    return msgspec.json.encode(list(values)).decode()
