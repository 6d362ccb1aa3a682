"""The records of a library as verification reads them: as they are, damaged ones too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from adapters.sqlite.database import Row, Transaction, is_text
from engine.facts.findings import StoredModel, StoredPending
from engine.facts.records import SHA256_HEX, ActiveMeta, PendingMeta

SELECT_MODELS = """
SELECT sha256, path, name, type, size_bytes, created_at, meta_json, rowid
FROM models WHERE rowid > ? ORDER BY rowid LIMIT ?
"""
SELECT_WAITING = """
SELECT id, path, sha256, name, type, size_bytes, created_at, meta_json
FROM pending_import WHERE id > ? ORDER BY id LIMIT ?
"""
SELECT_COUNTS = """
SELECT sha256, CASE WHEN json_valid(meta_json)
                    THEN coalesce(json_extract(meta_json, '$.images_count'), 0) ELSE 0 END
FROM models WHERE sha256 IN (SELECT value FROM json_each(?))
"""

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


def waiting(tx: Transaction, after: int, limit: int) -> list[StoredPending]:
    """Pending models, ascending by id."""
    return [_waiting(row) for row in tx.fetch(SELECT_WAITING, after, limit)]


def images_counts(tx: Transaction, hashes: Sequence[str]) -> dict[str, int]:
    """`images_count` of those of the hashes that are active models."""
    rows = tx.fetch(SELECT_COUNTS, msgspec.json.encode(list(hashes)).decode())
    return {row[0]: row[1] if isinstance(row[1], int) else 0 for row in rows}


def _model(row: Row) -> StoredModel:
    defects = _defects(row[1:6])
    if not SHA256_HEX.fullmatch(str(row[0])):
        defects.append(f"sha256 is {row[0]!r}, not 64 lower-case hexadecimal digits")
    meta = ActiveMeta()
    try:
        meta = msgspec.json.decode(row[6] or "", type=ActiveMeta)
    except (msgspec.MsgspecError, TypeError) as error:
        defects.append(f"meta_json: {error}")
    return StoredModel(row[7], str(row[0]), str(row[1]), meta.images_count, tuple(defects))


def _waiting(row: Row) -> StoredPending:
    defects = _defects((row[1], *row[3:7]))
    if row[2] and not SHA256_HEX.fullmatch(str(row[2])):
        defects.append(f"sha256 is {row[2]!r}, neither empty nor 64 lower-case hexadecimal digits")
    meta = PendingMeta()
    try:
        meta = msgspec.json.decode(row[7] or "", type=PendingMeta)
    except (msgspec.MsgspecError, TypeError) as error:
        defects.append(f"meta_json: {error}")
    return StoredPending(row[0], str(row[1]), meta.images, tuple(defects))


def _defects(values: Sequence[Any]) -> list[str]:
    return [
        f"{name} is {value!r}, not {kind.__name__}"
        for (name, kind), value in zip(FIELDS, values, strict=True)
        if not isinstance(value, kind) or (isinstance(value, str) and not is_text(value))
    ]
