"""The tables: those of a version 2 library, and reshelve's own, whose guards the engine derives."""

from __future__ import annotations

import re
import sqlite3

from engine.facts.lifecycle import LEGAL, WAYS
from engine.facts.states import ModelState

DB_VERSION = "2"
"""`db_meta.db_version` of the library format."""

LIBRARY_TABLES = """
CREATE TABLE IF NOT EXISTS models (
    sha256 TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    name TEXT,
    type TEXT,
    size_bytes INTEGER,
    created_at INTEGER,
    meta_json TEXT
);
CREATE INDEX IF NOT EXISTS idx_models_path ON models(path);
CREATE TABLE IF NOT EXISTS tags (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT UNIQUE NOT NULL
);
CREATE TABLE IF NOT EXISTS model_tags (
    model_hash TEXT NOT NULL REFERENCES models(sha256) ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tags(id) ON DELETE CASCADE,
    PRIMARY KEY (model_hash, tag_id)
);
CREATE TABLE IF NOT EXISTS pending_import (
    id INTEGER PRIMARY KEY,
    path TEXT UNIQUE NOT NULL,
    sha256 TEXT,
    name TEXT,
    type TEXT,
    size_bytes INTEGER,
    created_at INTEGER,
    meta_json TEXT
);
CREATE TABLE IF NOT EXISTS pending_model_tags (
    model_id INTEGER NOT NULL REFERENCES pending_import(id) ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tags(id) ON DELETE CASCADE,
    PRIMARY KEY (model_id, tag_id)
);
CREATE TABLE IF NOT EXISTS db_meta (
    key TEXT PRIMARY KEY,
    value TEXT
);
"""

_STATES = ", ".join(f"'{state}'" for state in ModelState)


def _guard() -> str:
    """What may follow each state, as the arms of a CASE: cheap where the transition is legal.

    `failed` leads back only to the state that the item failed in, and remembers the true one.
    """
    arms = []
    for source in ModelState:
        targets = sorted(target for origin, target in LEGAL if origin == source)
        allowed = f"NEW.state IN ({', '.join(repr(str(target)) for target in targets)})"
        if source is ModelState.FAILED:
            allowed += " AND NEW.state = OLD.failed_in"
        else:
            allowed += " AND (NEW.state <> 'failed' OR NEW.failed_in = OLD.state)"
        arms.append(f"\n    WHEN '{source}' THEN {allowed}")
    return "".join(arms)


def _births() -> str:
    """A trigger for each state an item can be born in: history has every step of its way."""
    triggers = []
    for state, way in WAYS.items():
        origins = ["NULL", *(f"'{source}'" for source in way)]
        steps = [
            f"(NEW.id, {origin}, '{target}', NEW.updated_at)"
            for origin, target in zip(origins, way, strict=False)
        ]
        triggers.append(f"""
CREATE TRIGGER migration_items_born_{state} AFTER INSERT ON migration_items
WHEN NEW.state = '{state}'
BEGIN
    INSERT INTO migration_history (item_id, from_state, to_state, at)
    VALUES {", ".join(steps)};
END;""")
    return "".join(triggers)


_GUARD = _guard()

JOURNAL_TABLES = f"""
CREATE TABLE migration_meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE migration_sources (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    location TEXT NOT NULL,
    UNIQUE (kind, location)
);
CREATE TABLE migration_runs (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    source_id INTEGER REFERENCES migration_sources(id),
    options TEXT NOT NULL,
    layout TEXT NOT NULL,
    strategy TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    cursor TEXT NOT NULL,
    intake_done INTEGER NOT NULL DEFAULT 0,
    expected INTEGER NOT NULL DEFAULT 0,
    started_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    finished_at INTEGER,
    error_code TEXT,
    error_message TEXT
);
CREATE TABLE migration_items (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES migration_runs(id),
    source_id INTEGER,
    source_key TEXT,
    digest BLOB,
    path TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ({_STATES})),
    failed_in TEXT CHECK ((state = 'failed') = (failed_in IS NOT NULL)),
    error_code TEXT CHECK ((state = 'failed') = (error_code IS NOT NULL)),
    error_message TEXT,
    sha256 TEXT NOT NULL DEFAULT '',
    pending_id INTEGER,
    promotion_id INTEGER REFERENCES migration_runs(id),
    work TEXT CHECK (work IN ('previews', 'originals', 'hash', 'promotion')),
    candidate TEXT,
    in_hand INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    updated_at INTEGER NOT NULL,
    claimed_sha256 TEXT NOT NULL DEFAULT '',
    claimed_by TEXT NOT NULL DEFAULT '',
    UNIQUE (source_id, source_key, digest)
);
CREATE INDEX migration_items_work ON migration_items(run_id, id) WHERE work IS NOT NULL;
CREATE INDEX migration_items_way ON migration_items(sha256) WHERE work = 'previews';
CREATE INDEX migration_items_promotion ON migration_items(promotion_id, id)
    WHERE promotion_id IS NOT NULL;
CREATE INDEX migration_items_pending ON migration_items(pending_id)
    WHERE pending_id IS NOT NULL;
CREATE INDEX migration_items_failed ON migration_items(run_id, id) WHERE state = 'failed';
CREATE INDEX migration_items_in_hand ON migration_items(id) WHERE in_hand = 1;
CREATE TABLE migration_rows (
    item_id INTEGER PRIMARY KEY,
    verbatim TEXT NOT NULL
);
CREATE TABLE migration_history (
    id INTEGER PRIMARY KEY,
    item_id INTEGER NOT NULL,
    from_state TEXT,
    to_state TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE TABLE migration_warnings (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES migration_runs(id),
    item_id INTEGER,
    code TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX migration_warnings_item ON migration_warnings(run_id, item_id);
CREATE TABLE migration_counts (
    run_id INTEGER NOT NULL REFERENCES migration_runs(id),
    name TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (run_id, name)
) WITHOUT ROWID;
CREATE TABLE migration_previews (
    sha256 TEXT NOT NULL,
    name TEXT NOT NULL,
    digest BLOB NOT NULL,
    place TEXT NOT NULL,
    PRIMARY KEY (sha256, name, digest)
) WITHOUT ROWID;
CREATE TABLE migration_promotions (
    run_id INTEGER NOT NULL REFERENCES migration_runs(id),
    place INTEGER NOT NULL,
    pending_id INTEGER NOT NULL,
    item_id INTEGER,
    path TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    outcome TEXT CHECK (outcome IN ('success', 'conflict', 'ignored', 'deleted', 'failed')),
    code TEXT,
    detail TEXT,
    existing_sha256 TEXT,
    existing_path TEXT,
    PRIMARY KEY (run_id, place)
) WITHOUT ROWID;
CREATE INDEX migration_promotions_item ON migration_promotions(item_id, run_id);
CREATE INDEX migration_promotions_pending ON migration_promotions(pending_id);
CREATE TABLE migration_hashes (
    path TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode TEXT NOT NULL,
    sha256 TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE migration_originals (
    name TEXT PRIMARY KEY,
    needless INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE migration_writes (
    sha256 TEXT NOT NULL,
    seq INTEGER NOT NULL,
    digests BLOB NOT NULL,
    confirmed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sha256, seq, digests)
) WITHOUT ROWID;
CREATE TABLE migration_refused (
    item_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    place TEXT NOT NULL,
    stamp TEXT NOT NULL,
    PRIMARY KEY (item_id, name, place)
) WITHOUT ROWID;
CREATE TABLE migration_removals (
    sha256 TEXT PRIMARY KEY,
    next_seq INTEGER NOT NULL,
    digests BLOB NOT NULL,
    confirmed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE migration_discarded (
    item_id INTEGER PRIMARY KEY,
    source_id INTEGER,
    source_key TEXT,
    digest BLOB,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE INDEX migration_discarded_source ON migration_discarded(source_id, source_key);
CREATE TRIGGER migration_items_birth BEFORE INSERT ON migration_items
WHEN NEW.failed_in <> '{WAYS[ModelState.FAILED][-2]}'
BEGIN
    SELECT RAISE(ABORT, 'an item that fails at birth was pending');
END;
CREATE TRIGGER migration_items_guard BEFORE UPDATE OF state ON migration_items
WHEN NOT CASE OLD.state{_GUARD} ELSE 0 END
BEGIN
    SELECT RAISE(ABORT, 'illegal transition');
END;{_births()}
CREATE TRIGGER migration_items_moved AFTER UPDATE OF state ON migration_items
BEGIN
    INSERT INTO migration_history (item_id, from_state, to_state, at)
    VALUES (NEW.id, OLD.state, NEW.state, NEW.updated_at);
END;
"""

EXPECTED_COLUMNS = {
    "models": {"sha256", "path", "name", "type", "size_bytes", "created_at", "meta_json"},
    "tags": {"id", "name"},
    "model_tags": {"model_hash", "tag_id"},
    "pending_import": {
        "id", "path", "sha256", "name", "type", "size_bytes", "created_at", "meta_json",
    },
    "pending_model_tags": {"model_id", "tag_id"},
    "db_meta": {"key", "value"},
}  # fmt: skip
"""What a version 2 library must at least have, to be written by us."""


JOURNAL_NAMES = tuple(re.findall(r"^CREATE TABLE (\w+)", JOURNAL_TABLES, re.MULTILINE))
"""Our own tables, each after those that it refers to."""


def statements(script: str) -> list[str]:
    """The statements of a script, so that they run in our transaction and not in their own."""
    found, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            found.append(current.strip())
            current = ""
    return found
