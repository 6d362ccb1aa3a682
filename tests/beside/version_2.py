"""A small stand-in for Hikaze Model Manager 2: what it writes to a library that reshelve shares.

Plain SQL and plain files, with its habits: it counts no upload, sets the count to 1 when it
overrides, leaves it when it deletes an image, loses it in an edit of `meta_json`, and gives the
numbers of its queue again. It never overwrites a picture and asks nobody.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

from PIL import Image

TIERS = (("high", 1.0, 80), ("medium", 0.66, 60), ("low", 0.33, 45))
"""Name, scale of each side, and WebP quality."""


def tiers_of(picture: bytes) -> dict[str, bytes]:
    """The previews that it makes of a picture."""
    image = Image.open(BytesIO(picture)).convert("RGB")
    made = {}
    for name, scale, quality in TIERS:
        stream = BytesIO()
        size = tuple(max(1, round(side * scale)) for side in image.size)
        image.resize((size[0], size[1])).save(stream, "WEBP", quality=quality, method=6)
        made[name] = stream.getvalue()
    return made


class Version2:
    """Version 2 on a library's database file and image folder."""

    def __init__(self, library: Path) -> None:
        self._database = library / "hikaze_model_manager.db"
        self._images = library / "images"

    # --- images

    def upload(self, sha256: str, picture: bytes) -> int:
        """Add a picture to a model, under the first number without one. The count stays."""
        seq = next(n for n in count() if not self._tier(sha256, n, "high").exists())
        self.write_set(sha256, seq, picture)
        return seq

    def write_set(self, sha256: str, seq: int, picture: bytes) -> None:
        """The three files of a set."""
        for name, data in tiers_of(picture).items():
            self._tier(sha256, seq, name).write_bytes(data)

    def delete_image(self, sha256: str, seq: int) -> None:
        """Remove the files of a set. Later ones stay where they are, and so does the count."""
        for name, _, _ in TIERS:
            self._tier(sha256, seq, name).unlink(missing_ok=True)

    def delete_tier(self, sha256: str, seq: int, tier: str) -> None:
        """What a deletion that ended half-way leaves."""
        self._tier(sha256, seq, tier).unlink()

    # --- records

    def patch(self, sha256: str, description: str) -> None:
        """Edit a model: its `meta_json` is replaced by what the client sent, without a count."""
        meta = {"description": description, "community_links": "", "images_count": 0}
        meta["prompts"] = {"positive": "", "negative": ""}
        self._do("UPDATE models SET meta_json = ? WHERE sha256 = ?", json.dumps(meta), sha256)

    def set_count(self, sha256: str, images_count: object) -> None:
        """What damage or an older client leaves as the count; None for none at all."""
        ((text,),) = self._do("SELECT meta_json FROM models WHERE sha256 = ?", sha256)
        meta = {**json.loads(text), "images_count": images_count}
        if images_count is None:
            del meta["images_count"]
        self._do("UPDATE models SET meta_json = ? WHERE sha256 = ?", json.dumps(meta), sha256)

    def override(self, pending_id: int, sha256: str, picture: bytes | None = None) -> None:
        """Promote a waiting model over the active one of its content: the count becomes 1."""
        self.promote(pending_id, sha256, picture)
        self.set_count(sha256, 1)

    def promote(self, pending_id: int, sha256: str, picture: bytes | None = None) -> None:
        """Make a waiting model active, with its tags, and a picture where it has one."""
        ((text,),) = self._do("SELECT meta_json FROM pending_import WHERE id = ?", pending_id)
        meta = json.loads(text)
        meta.pop("images", None)
        meta["images_count"] = 0
        if picture is not None:
            self.upload(sha256, picture)
            meta["images_count"] = 1
        with self._connected() as connection, connection:
            connection.execute(
                "INSERT OR REPLACE INTO models "
                "SELECT ?, path, name, type, size_bytes, created_at, ? FROM pending_import "
                "WHERE id = ?",
                (sha256, json.dumps(meta), pending_id),
            )
            connection.execute(
                "INSERT OR IGNORE INTO model_tags SELECT ?, tag_id FROM pending_model_tags "
                "WHERE model_id = ?",
                (sha256, pending_id),
            )
            connection.execute("DELETE FROM pending_import WHERE id = ?", (pending_id,))

    def remove_waiting(self, pending_id: int) -> None:
        """Take a waiting model from the queue."""
        self._do("DELETE FROM pending_import WHERE id = ?", pending_id)

    def delete_model(self, sha256: str) -> None:
        """Remove a model and its pictures."""
        self._do("DELETE FROM models WHERE sha256 = ?", sha256)
        for path in self._images.glob(f"{sha256}_*.webp"):
            path.unlink()

    def forget_model(self, sha256: str) -> None:
        """Remove a model, and leave its pictures where they are."""
        self._do("DELETE FROM models WHERE sha256 = ?", sha256)

    def scan(self, *paths: Path, number: int | None = None) -> list[int]:
        """Found files join the queue, under the next numbers that are free in it now, or this."""
        ids = []
        for path in paths:
            ((last,),) = self._do("SELECT coalesce(max(id), 0) FROM pending_import")
            last = last if number is None else number - 1
            meta = {"description": "", "community_links": "", "images": []}
            self._do(
                "INSERT INTO pending_import VALUES (?, ?, '', ?, '', ?, ?, ?)",
                last + 1,
                str(path),
                path.name,
                path.stat().st_size,
                time.time_ns() // 1_000_000,
                json.dumps({**meta, "prompts": {"positive": "", "negative": ""}}),
            )
            ids.append(last + 1)
        return ids

    def tag(self, sha256: str, name: str) -> None:
        """Put a tag on a model."""
        self._do("INSERT OR IGNORE INTO tags (name) VALUES (?)", name)
        self._do(
            "INSERT OR IGNORE INTO model_tags SELECT ?, id FROM tags WHERE name = ?", sha256, name
        )
        self._do(
            "UPDATE db_meta SET value = (SELECT max(id) FROM tags) WHERE key = 'tags_id_max' "
            "AND CAST(value AS INTEGER) < (SELECT max(id) FROM tags)"
        )

    # --- how

    def _tier(self, sha256: str, seq: int, tier: str) -> Path:
        return self._images / f"{sha256}_{seq}_{tier}.webp"

    def _do(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._connected() as connection, connection:
            return connection.execute(sql, values).fetchall()

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(os.fspath(self._database))) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            yield connection
