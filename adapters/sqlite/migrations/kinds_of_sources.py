"""Rows are named by text, runs name their source by kind and options, and what is kept of a row for
later work has a version of its own."""

from __future__ import annotations

from adapters.sqlite.database import Transaction
from adapters.sqlite.migrations.tables import rebuild

SOURCES = """
CREATE TABLE migration_sources (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    location TEXT NOT NULL,
    UNIQUE (kind, location)
)
"""
RUNS = """
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
)
"""
OPTIONS = """
CASE images_folder WHEN '' THEN '{}' ELSE json_object('images', images_folder) END
"""
CURSOR = """
CASE WHEN source_id IS NULL OR cursor = -9223372036854775808 THEN '' ELSE CAST(cursor AS TEXT) END
"""
ITEMS = """
CREATE TABLE migration_items (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES migration_runs(id),
    source_id INTEGER,
    source_key TEXT,
    digest BLOB,
    path TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('pending', 'imported', 'images_done', 'promoted', 'failed')),
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
    UNIQUE (source_id, source_key, digest)
)
"""
CANDIDATE = """
json_set(
    json_remove(candidate, '$.key', '$.verbatim', '$.sha256', '$.warnings'),
    '$.version', 4,
    '$.images', (SELECT json_group_array(json_object('name', image.value))
                 FROM json_each(candidate, '$.images') image))
"""
DISCARDED = """
CREATE TABLE migration_discarded (
    item_id INTEGER PRIMARY KEY,
    source_id INTEGER,
    source_key TEXT,
    digest BLOB,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    at INTEGER NOT NULL
)
"""
PREVIEWS = """
CREATE TABLE migration_previews (
    sha256 TEXT NOT NULL,
    name TEXT NOT NULL,
    digest BLOB NOT NULL,
    place TEXT NOT NULL,
    PRIMARY KEY (sha256, name, digest)
) WITHOUT ROWID"""
REFUSED = """
CREATE TABLE migration_refused (
    item_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    place TEXT NOT NULL,
    stamp TEXT NOT NULL,
    PRIMARY KEY (item_id, name, place)
) WITHOUT ROWID"""
KEY = "CAST(source_key AS TEXT)"


def change(tx: Transaction) -> None:
    """Until now every source was a library of Hikaze Model Manager 1, whose keys are numbers."""
    rebuild(tx, "migration_sources", SOURCES, kind="'hikaze1'")
    rebuild(tx, "migration_runs", RUNS, options=OPTIONS, layout="''", cursor=CURSOR)
    rebuild(tx, "migration_items", ITEMS, source_key=KEY, candidate=CANDIDATE)
    rebuild(tx, "migration_discarded", DISCARDED, source_key=KEY)
    rebuild(tx, "migration_previews", PREVIEWS, place="''")
    rebuild(tx, "migration_refused", REFUSED, place="''")
