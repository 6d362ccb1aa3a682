"""What is wrong with a library by its database alone, kind by kind."""

from __future__ import annotations

import re
from collections.abc import Callable

from adapters.sqlite.database import Row, Transaction, is_text, readable
from adapters.sqlite.journal_faults import journal_faults
from adapters.sqlite.schema import DB_VERSION
from engine.facts.findings import Fault, FaultKind, FaultPage, Finding
from engine.facts.records import MAX_SAFE_INTEGER
from engine.facts.repairs import DropLink, JoinActive, SetMeta

SELECT_META = "SELECT value FROM db_meta WHERE key = ?"
SELECT_LARGEST_TAG = "SELECT coalesce(max(id), 0) FROM tags WHERE id < ?"
SELECT_TAGS = "SELECT id, name FROM tags WHERE id > ? ORDER BY id LIMIT ?"
SELECT_MODEL_LINKS = """
SELECT l.rowid, m.path, l.model_hash, l.tag_id, t.name FROM model_tags l
LEFT JOIN models m ON m.sha256 = l.model_hash LEFT JOIN tags t ON t.id = l.tag_id
WHERE l.rowid > ? AND (m.sha256 IS NULL OR t.id IS NULL) ORDER BY l.rowid LIMIT ?
"""
SELECT_PENDING_LINKS = """
SELECT l.rowid, q.path, l.model_id, l.tag_id, t.name FROM pending_model_tags l
LEFT JOIN pending_import q ON q.id = l.model_id LEFT JOIN tags t ON t.id = l.tag_id
WHERE l.rowid > ? AND (q.id IS NULL OR t.id IS NULL) ORDER BY l.rowid LIMIT ?
"""
SELECT_ACTIVE_PATHS = """
SELECT m.rowid, m.path, m.sha256, min(o.sha256) FROM models m JOIN models o ON o.path = m.path
WHERE m.rowid > ? AND m.path <> '' AND o.rowid < m.rowid
GROUP BY m.rowid ORDER BY m.rowid LIMIT ?
"""
SELECT_PENDING_PATHS = """
SELECT q.id, q.path, min(m.sha256) FROM pending_import q CROSS JOIN models m ON m.path = q.path
WHERE q.id > ? GROUP BY q.id ORDER BY q.id LIMIT ?
"""

_NUMBER = re.compile(r"[0-9]{1,18}")


def faults(tx: Transaction, kind: FaultKind, after: int, limit: int) -> FaultPage:
    """What is wrong of a kind, ascending by number."""
    if kind is FaultKind.META:
        return FaultPage(_meta(tx), None)
    if kind not in READ:
        return journal_faults(tx, kind, after, limit)
    sql, told = READ[kind]
    rows = tx.fetch(sql, after, limit)
    found = [finding for row in rows if (finding := told(row)) is not None]
    return FaultPage(found, rows[-1][0] if len(rows) == limit else None)


def _meta(tx: Transaction) -> list[Finding]:
    """The values that version 2 goes by when it opens a library and when it makes a tag."""
    found = []
    version = _value(tx, "db_version")
    if version != DB_VERSION:
        remedy = SetMeta("db_version") if version is None else None
        told = "is missing" if version is None else f"is {version!r}"
        found.append(_wrong_meta("db_version", f"{told}, not {DB_VERSION}", remedy))
    largest = (tx.first(SELECT_LARGEST_TAG, MAX_SAFE_INTEGER) or (0,))[0]
    given = _value(tx, "tags_id_max")
    if given is None or not _NUMBER.fullmatch(given) or int(given) < largest:
        stands = "is missing" if given is None else f"is {given!r}"
        detail = f"{stands}, and a tag has the id {largest}"
        found.append(_wrong_meta("tags_id_max", detail, SetMeta("tags_id_max")))
    return found


def _value(tx: Transaction, key: str) -> str | None:
    row = tx.first(SELECT_META, key)
    return None if row is None or row[0] is None else readable(row[0])


def _wrong_meta(key: str, detail: str, remedy: SetMeta | None) -> Finding:
    return Finding(Fault("meta_wrong", f"db_meta {key}", f"it {detail}"), remedy)


def _tag(row: Row) -> Finding | None:
    number, name = row
    if isinstance(name, str) and is_text(name) and name.strip():
        return None
    told = "its name is empty" if name in ("", None) else f"its name is {name!r}"
    return Finding(Fault("tag_invalid", f"tag {number}", told))


def _model_link(row: Row) -> Finding:
    number, path, sha256, tag_id, _ = row
    return _link(DropLink("model_tags", number), path, f"model {readable(sha256)}", row, tag_id)


def _pending_link(row: Row) -> Finding:
    number, path, pending_id, tag_id, _ = row
    return _link(
        DropLink("pending_model_tags", number), path, f"pending model {pending_id}", row, tag_id
    )


def _link(remedy: DropLink, path: object, model: str, row: Row, tag_id: object) -> Finding:
    gone = [model] if path is None else []
    gone += [f"tag {tag_id}"] if row[4] is None else []
    place = model if path is None else readable(path)
    detail = f"a link of {model} to tag {tag_id}: there is no {' and no '.join(gone)}"
    return Finding(Fault("tag_link_dangling", place, detail), remedy)


def _active_path(row: Row) -> Finding:
    _, path, sha256, other = row
    detail = f"two active models have this path: {readable(sha256)} and {readable(other)}"
    return Finding(Fault("path_twice", readable(path), detail))


def _pending_path(row: Row) -> Finding:
    pending_id, path, sha256 = row
    detail = f"pending model {pending_id} and the active model {readable(sha256)} have this path"
    return Finding(Fault("path_twice", readable(path), detail), JoinActive(pending_id))


Told = Callable[[Row], Finding | None]

READ: dict[FaultKind, tuple[str, Told]] = {
    FaultKind.TAGS: (SELECT_TAGS, _tag),
    FaultKind.MODEL_LINKS: (SELECT_MODEL_LINKS, _model_link),
    FaultKind.PENDING_LINKS: (SELECT_PENDING_LINKS, _pending_link),
    FaultKind.ACTIVE_PATHS: (SELECT_ACTIVE_PATHS, _active_path),
    FaultKind.PENDING_PATHS: (SELECT_PENDING_PATHS, _pending_path),
}
