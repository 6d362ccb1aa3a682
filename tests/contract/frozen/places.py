"""A frozen library in its place: copied into a folder, its paths made those of that folder.

All paths in a frozen library lie below `PLACEHOLDER`. `place` copies it and writes each of them
anew, in every text of every table, the JSON ones too. A row is recognised again by a digest that
its paths are part of, so that is taken anew as well, by the rule of the version that wrote it.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from hashlib import blake2b
from pathlib import Path

from engine.facts.requests import ImportRequest
from tests.sources import request

FROZEN = Path(__file__).parent
PLACEHOLDER = "/frozen"
DATABASE = "hikaze_model_manager.db"

SELECT_COLUMNS = """
SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c
WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'
"""
SELECT_RUN_COLUMNS = "SELECT name FROM pragma_table_info('migration_runs')"
SELECT_DIGESTS = """
SELECT i.id, w.verbatim, {where}
FROM migration_items i
JOIN migration_rows w ON w.item_id = i.id
JOIN migration_runs r ON r.id = i.run_id
WHERE i.digest IS NOT NULL
"""
SELECT_DISCARDED_DIGESTS = """
SELECT d.item_id, w.verbatim,
       (SELECT {where} FROM migration_runs r WHERE r.source_id = d.source_id)
FROM migration_discarded d JOIN migration_rows w ON w.item_id = d.item_id
WHERE d.digest IS NOT NULL
"""


class World:
    """Two legacy libraries, a folder with found models, and the library that they come into."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.library = root / "library"
        self.found = root / "found"

    def request(self, name: str) -> ImportRequest:
        """Stage 1 of the legacy library `first` or `second`, merging."""
        folder = self.root / name
        return request(str(folder / "hikaze_mm.sqlite3"), str(folder / "images"))

    @property
    def databases(self) -> list[Path]:
        """Every database that paths are written in, the library's last."""
        legacy = [self.root / name / "hikaze_mm.sqlite3" for name in ("first", "second")]
        return [*legacy, self.library / DATABASE]


def place(version: int, root: Path) -> World:
    """The frozen library of a journal version, in an empty folder."""
    shutil.copytree(FROZEN / f"journal_{version}", root, dirs_exist_ok=True)
    world = World(root)
    write_paths(world, PLACEHOLDER, root.as_posix())
    return world


def write_paths(world: World, old: str, new: str) -> None:
    """Write every path below `old` as one below `new`, and take the digests of rows anew."""
    for database in world.databases:
        with closing(sqlite3.connect(database)) as connection, connection:
            for table, column in connection.execute(SELECT_COLUMNS).fetchall():
                connection.execute(
                    f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?)'
                    f' WHERE typeof("{column}") = \'text\' AND instr("{column}", ?)',
                    (f"{old}/", f"{new}/", f"{old}/"),
                )
    with closing(sqlite3.connect(world.databases[-1])) as connection, connection:
        _digest(connection, SELECT_DIGESTS, "migration_items", "id")
        _digest(connection, SELECT_DISCARDED_DIGESTS, "migration_discarded", "item_id")


def _digest(connection: sqlite3.Connection, select: str, table: str, key: str) -> None:
    columns = {name for (name,) in connection.execute(SELECT_RUN_COLUMNS)}
    where = (
        "r.images_folder" if "images_folder" in columns else "json_extract(r.options, '$.images')"
    )
    digests = [
        (blake2b(verbatim.encode(), digest_size=16, key=_key(folder)).digest(), item_id)
        for item_id, verbatim, folder in connection.execute(select.format(where=where)).fetchall()
    ]
    connection.executemany(f"UPDATE {table} SET digest = ? WHERE {key} = ?", digests)


def _key(images_folder: str) -> bytes:
    return blake2b(images_folder.encode(), digest_size=16).digest()
