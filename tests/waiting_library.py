"""Libraries whose models wait: legacy libraries drawn row by row, services over them, and what
any client of the format sees in them afterwards."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image

from adapters.compute.threads import ThreadCompute
from adapters.files.library import owned_library
from adapters.files.mending import DiskMending
from adapters.files.models import DiskModels
from adapters.files.stored import DiskStoredFiles
from adapters.pillow.codec import PillowCodec
from adapters.sqlite.places import LibraryPlace
from adapters.sqlite.store import sqlite_store
from engine.facts.conflicts import ConflictStrategy
from engine.facts.files import FileFacts, FileIdentity, FoundFile, Root
from engine.facts.requests import ImportRequest
from engine.facts.status import RunStatus
from engine.ports.bundle import Ports
from engine.ports.clock import SystemClock
from engine.ports.compute import Compute
from engine.ports.files import ModelFiles
from engine.ports.previews import PreviewCodec
from engine.service import MigrationService
from tests.sources import KINDS, request

SCHEMA = """
CREATE TABLE models (id INTEGER PRIMARY KEY, path TEXT UNIQUE, name TEXT, type TEXT,
    size_bytes INTEGER, hash_hex TEXT, created_at INTEGER, meta_json TEXT, extra_json TEXT);
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE model_tags (model_id INTEGER, tag_id INTEGER, PRIMARY KEY (model_id, tag_id));
"""
ADD_MODEL = """
INSERT INTO models (id, path, name, type, size_bytes, hash_hex, created_at, extra_json)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
DROP_MODEL = "DELETE FROM models WHERE id = ?"
DROP_LINKS = "DELETE FROM model_tags WHERE model_id = ?"
ADD_TAG = "INSERT OR IGNORE INTO tags (name) VALUES (?)"
ADD_LINK = "INSERT INTO model_tags VALUES (?, (SELECT id FROM tags WHERE name = ?))"

ACTIVE = "SELECT sha256, path, name, type, size_bytes, created_at, meta_json FROM models"
ACTIVE_TAGS = "SELECT l.model_hash, t.name FROM model_tags l JOIN tags t ON t.id = l.tag_id"
WAITING = """
SELECT id, path, sha256, name, type, size_bytes, created_at, meta_json FROM pending_import
"""
WAITING_TAGS = "SELECT l.model_id, t.name FROM pending_model_tags l JOIN tags t ON t.id = l.tag_id"
UNTOUCHED = """
SELECT id, path, name, type, size_bytes, created_at, meta_json FROM pending_import ORDER BY id
"""
TABLES = ("models", "tags", "model_tags", "pending_model_tags", "db_meta")
TIERS = ("high", "medium", "low")

Spoken = dict[str, Any]
"""A record as plain values: the fields of the format, those of `meta_json` among them, `tags`."""


def picture(number: int) -> bytes:
    """A small PNG, another one for each number."""
    image = Image.new("RGB", (6, 4), (number % 256, number // 256 % 256, 77))
    stream = BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def sha_of(content: bytes) -> str:
    """The identity of a model with this content."""
    return sha256(content).hexdigest()


class Row(msgspec.Struct, frozen=True):
    """A legacy row and its files; what is not given is absent.

    `images` are (file name, content); `hashed` rows know their SHA-256.
    """

    key: int
    content: bytes
    hashed: bool = False
    file: str = ""
    name: str | None = None
    type: str = ""
    created_at: int = 0
    description: str = ""
    community_links: str = ""
    positive: str = ""
    negative: str = ""
    images: tuple[tuple[str, bytes], ...] = ()
    tags: tuple[str, ...] = ()
    sized: bool = True


class Legacy:
    """A legacy library in a folder: a database, images, and model files."""

    def __init__(self, folder: Path, rows: Iterable[Row] = ()) -> None:
        self.database = folder / "hikaze_mm.sqlite3"
        self.images = folder / "images"
        self.models = folder / "models"
        for made in (self.images, self.models):
            made.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.database)) as connection:
            connection.executescript(SCHEMA)
        self.add(*rows)

    @property
    def request(self) -> ImportRequest:
        """Stage 1 of this library, merging."""
        return request(str(self.database), str(self.images))

    def path(self, row: Row) -> Path:
        """Where a row's model file lies."""
        return self.models / (row.file or f"{row.key}.safetensors")

    def add(self, *rows: Row) -> None:
        """More rows, with their files."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            for row in rows:
                self._add(connection, row)

    def change(self, row: Row) -> None:
        """Another version of the row with its key, with its files."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute(DROP_MODEL, (row.key,))
            connection.execute(DROP_LINKS, (row.key,))
            self._add(connection, row)

    def _add(self, connection: sqlite3.Connection, row: Row) -> None:
        path = self.path(row)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(row.content)
        extra = {
            "description": row.description,
            "community_links": row.community_links,
            "prompts": {"positive": row.positive, "negative": row.negative},
            "images": [f"/media/{name}" for name, _ in row.images],
        }
        claimed = sha_of(row.content) if row.hashed else ""
        size = len(row.content) if row.sized else None
        values = (row.key, str(path), row.name, row.type, size, claimed, row.created_at)
        connection.execute(ADD_MODEL, (*values, json.dumps(extra)))
        for name, content in row.images:
            (self.images / name).write_bytes(content)
        for tag in row.tags:
            connection.execute(ADD_TAG, (tag,))
            connection.execute(ADD_LINK, (row.key, tag))


class WatchedModels:
    """Model files as they are, and how often each was looked at for what it is, and read for its
    hash, and how much of it."""

    def __init__(self) -> None:
        self._disk = DiskModels()
        self.looked_at: Counter[str] = Counter()
        self.read: Counter[str] = Counter()
        self.bytes_read = 0

    def sizes(self, paths: Sequence[str]) -> list[int | None]:
        return self._disk.sizes(paths)

    def identities(self, paths: Sequence[str]) -> list[FileIdentity | None]:
        self.looked_at.update(paths)
        return self._disk.identities(paths)

    def facts(self, path: str) -> FileFacts:
        return self._disk.facts(path)

    def sha256(self, path: str, advance: Callable[[int], None]) -> tuple[str, FileFacts]:
        self.read[path] += 1
        self.before(path)

        def counted(amount: int) -> None:
            self.bytes_read += amount
            advance(amount)

        found = self._disk.sha256(path, counted)
        self.after(path)
        return found

    def walk(self, roots: Sequence[Root]) -> Iterator[FoundFile]:
        return self._disk.walk(roots)

    def before(self, path: str) -> None:
        """In a thread, when a file is about to be read."""

    def after(self, path: str) -> None:
        """In a thread, when a file was read and nobody knows yet."""


@asynccontextmanager
async def opened(
    library: Path,
    *,
    workers: int = 2,
    models: ModelFiles | None = None,
    codec: PreviewCodec | None = None,
    isolated: Compute | None = None,
) -> AsyncIterator[MigrationService]:
    """A service as the composition root makes it, with some of its ports wrapped."""
    disk, codec = models or DiskModels(), codec or PillowCodec()
    threads = ThreadCompute(disk, codec, slots=workers)
    with owned_library(library) as files:
        async with sqlite_store(library) as store:
            ports = Ports(
                store=store,
                library=files,
                stored=DiskStoredFiles(library),
                mending=DiskMending(library),
                place=LibraryPlace(library),
                scratch=files.scratch,
                sources=KINDS,
                models=disk,
                codec=codec,
                compute=threads,
                isolated=isolated or threads,
                encoder=threads,
                clock=SystemClock(),
            )
            async with MigrationService(ports) as service:
                yield service


async def migrate(
    service: MigrationService,
    legacy: Legacy,
    strategy: ConflictStrategy = ConflictStrategy.MERGE,
) -> RunStatus:
    """Stage 1 to its end."""
    started = await service.start(msgspec.structs.replace(legacy.request, strategy=strategy))
    assert started.run is not None
    return await service.wait(started.run.id)


def query(library: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """What any SQLite client sees in the library, or does to it."""
    path = library / "hikaze_model_manager.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(sql, values).fetchall()


def _spoken(row: tuple[Any, ...], tags: dict[Any, set[str]], key: Any) -> Spoken:
    path, name, kind, size, created, meta = row
    known = json.loads(meta)
    prompts = known.pop("prompts")
    return {
        "path": path,
        "name": name,
        "type": kind,
        "size_bytes": size,
        "created_at": created,
        **known,
        **prompts,
        "tags": tags.get(key, set()),
    }


def _tags(library: Path, sql: str) -> dict[Any, set[str]]:
    found: dict[Any, set[str]] = {}
    for key, name in query(library, sql):
        found.setdefault(key, set()).add(name)
    return found


def active(library: Path) -> dict[str, Spoken]:
    """The active models, by hash."""
    tags = _tags(library, ACTIVE_TAGS)
    return {row[0]: _spoken(row[1:], tags, row[0]) for row in query(library, ACTIVE)}


def waiting(library: Path) -> dict[int, Spoken]:
    """The models that wait, by id."""
    tags = _tags(library, WAITING_TAGS)
    return {
        row[0]: {**_spoken((row[1], *row[3:]), tags, row[0]), "sha256": row[2]}
        for row in query(library, WAITING)
    }


def version_2(library: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of version 2's tables, but not what hashing tells of a model that waits."""
    found = {table: query(library, f"SELECT * FROM {table} ORDER BY 1, 2") for table in TABLES}
    return {**found, "pending_import": query(library, UNTOUCHED)}


def previews(library: Path) -> set[str]:
    """The names of all files in the image folder."""
    return {path.name for path in (library / "images").iterdir() if path.is_file()}


def originals(library: Path) -> set[str]:
    """The names of all files in the folder of pending images."""
    return {path.name for path in (library / "images" / "pending").iterdir()}


def preview_names(sha: str, count: int) -> set[str]:
    """What the previews of a model with so many images are called."""
    return {f"{sha}_{seq}_{tier}.webp" for seq in range(count) for tier in TIERS}


def expected_previews(library: Path) -> set[str]:
    """The preview files that the records of a library speak of."""
    return {
        name
        for sha, record in active(library).items()
        for name in preview_names(sha, record["images_count"])
    }


def pair_of_copies(folder: Path) -> Legacy:
    """An active model 1, its copy 2 that waits with an image, and 3 that waits alone."""
    return Legacy(
        folder,
        [
            Row(1, b"same", hashed=True, tags=("one",)),
            Row(2, b"same", name="two", images=(("two.png", picture(2)),), tags=("two",)),
            Row(3, b"other", images=(("three.png", picture(3)),), tags=("three",)),
        ],
    )
