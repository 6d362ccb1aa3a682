"""Models that wait, and version 2's plain way of promoting them: all of it for each by itself."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from adapters.sqlite.opening import database_path
from adapters.sqlite.schema import LIBRARY_TABLES
from engine.facts.files import Root

TAGS = 20
TAGS_OF_EACH = 2
FILE_BYTES = 4096


def make_files(folder: Path, files: int, size: int = FILE_BYTES) -> Root:
    """Model files of one size, each of another content."""
    folder.mkdir(parents=True)
    filling = bytes(size - 8)
    for number in range(files):
        (folder / f"model {number}.safetensors").write_bytes(number.to_bytes(8, "big") + filling)
    return Root("loras", str(folder))


def make_waiting(library: Path, root: Root) -> list[int]:
    """A version 2 library in which a folder's files wait, with tags; their ids."""
    library.mkdir(parents=True)
    paths = sorted(str(path) for path in Path(root.folder).iterdir())
    meta = json.dumps({"description": "noted", "images": []})
    with closing(sqlite3.connect(database_path(library))) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(LIBRARY_TABLES)
        connection.execute("INSERT INTO db_meta VALUES ('db_version', '2')")
        connection.executemany(
            "INSERT INTO tags (id, name) VALUES (?, ?)",
            [(number, f"tag {number}") for number in range(1, TAGS + 1)],
        )
        connection.executemany(
            "INSERT INTO pending_import VALUES (?, ?, '', ?, ?, ?, 0, ?)",
            [
                (number, path, Path(path).name, root.type, Path(path).stat().st_size, meta)
                for number, path in enumerate(paths, start=1)
            ],
        )
        connection.executemany("INSERT INTO pending_model_tags VALUES (?, ?)", _links(len(paths)))
    return list(range(1, len(paths) + 1))


def _links(models: int) -> Iterator[tuple[int, int]]:
    for number in range(1, models + 1):
        for step in range(TAGS_OF_EACH):
            yield number, 1 + (number + 7 * step) % TAGS


def promote_plainly(library: Path, ids: list[int]) -> None:
    """One connection, one look, one hash, one record, its tags and one commit for each model."""
    for pending_id in ids:
        with closing(sqlite3.connect(database_path(library))) as connection, connection:
            connection.execute("PRAGMA foreign_keys = ON")
            path, name, kind, created_at, meta = connection.execute(
                "SELECT path, name, type, created_at, meta_json FROM pending_import WHERE id = ?",
                (pending_id,),
            ).fetchone()
            digest = hashlib.sha256()
            with Path(path).open("rb") as file:
                while part := file.read(1 << 20):
                    digest.update(part)
            sha256 = digest.hexdigest()
            known = connection.execute("SELECT path FROM models WHERE sha256 = ?", (sha256,))
            assert known.fetchone() is None
            tags = connection.execute(
                "SELECT tag_id FROM pending_model_tags WHERE model_id = ?", (pending_id,)
            ).fetchall()
            notes = {**json.loads(meta), "images_count": 0}
            size = Path(path).stat().st_size
            connection.execute(
                "INSERT OR REPLACE INTO models VALUES (?, ?, ?, ?, ?, ?, ?)",
                (sha256, path, name, kind, size, created_at, json.dumps(notes)),
            )
            for (tag_id,) in tags:
                connection.execute(
                    "INSERT OR IGNORE INTO model_tags VALUES (?, ?)", (sha256, tag_id)
                )
            connection.execute("DELETE FROM pending_import WHERE id = ?", (pending_id,))
