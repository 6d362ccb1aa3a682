"""Corruptions planted into a good library, one at a time: each is named by its code, and what was
not touched is not named."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from adapters.composition import Reshelve
from engine.facts.findings import Fault
from tests.acceptance.planting import (
    CLAIMS,
    ONE,
    TWO,
    WAITS,
    WAITS_TOO,
    Planted,
    picture,
)
from tests.waiting_library import sha_of

pytestmark = pytest.mark.anyio

SELECT_TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"

Told = set[tuple[str, str]]
"""(code, file name or record) of each problem."""


async def problems(planted: Planted) -> list[Fault]:
    async with Reshelve().verification(planted.library, None, 2) as verification:
        return [fault async for fault in verification.faults()]


async def told(planted: Planted) -> Told:
    return {(problem.code, Path(problem.path).name) for problem in await problems(planted)}


# --- what is planted


def sql(statement: str, *values: object) -> Callable[[Planted], None]:
    return lambda planted: planted.sql(statement, *values)


def write(name: str, content: bytes) -> Callable[[Planted], None]:
    def lay(planted: Planted) -> None:
        path = planted.images / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)

    return lay


LINKS: dict[str, tuple[Callable[[Planted], None], Told]] = {
    "a link of a model that is gone": (
        sql("INSERT INTO model_tags VALUES (?, 1)", sha_of(b"gone")),
        {("tag_link_dangling", f"model {sha_of(b'gone')}")},
    ),
    "a link of a model to a tag that is gone": (
        sql("INSERT INTO model_tags VALUES (?, 77)", ONE),
        {("tag_link_dangling", "1.safetensors")},
    ),
    "a link of a waiting model that is gone": (
        sql("INSERT INTO pending_model_tags VALUES (88, 1)"),
        {("tag_link_dangling", "pending model 88")},
    ),
    "a link of a waiting model to a tag that is gone": (
        sql("INSERT INTO pending_model_tags VALUES (?, 77)", WAITS),
        {("tag_link_dangling", "4.safetensors")},
    ),
    "a tag that is gone with its links left": (
        sql("DELETE FROM tags WHERE name = 'a'"),
        {("tag_link_dangling", "1.safetensors"), ("tag_link_dangling", "4.safetensors")},
    ),
}
TAGS: dict[str, tuple[Callable[[Planted], None], Told]] = {
    "an empty tag": (sql("UPDATE tags SET name = '' WHERE id = 1"), {("tag_invalid", "tag 1")}),
    "a blank tag": (
        sql("UPDATE tags SET name = char(32, 9) WHERE id = 1"),
        {("tag_invalid", "tag 1")},
    ),
    "a tag that is a blob": (
        sql("UPDATE tags SET name = x'00ff' WHERE id = 2"),
        {("tag_invalid", "tag 2")},
    ),
    "a tag that is no UTF-8": (
        sql("UPDATE tags SET name = CAST(x'61ff' AS TEXT) WHERE id = 2"),
        {("tag_invalid", "tag 2")},
    ),
}
META: dict[str, tuple[Callable[[Planted], None], Told]] = {
    "tags_id_max too low": (
        sql("UPDATE db_meta SET value = '1' WHERE key = 'tags_id_max'"),
        {("meta_wrong", "db_meta tags_id_max")},
    ),
    "tags_id_max that is no number": (
        sql("UPDATE db_meta SET value = 'many' WHERE key = 'tags_id_max'"),
        {("meta_wrong", "db_meta tags_id_max")},
    ),
    "no tags_id_max": (
        sql("DELETE FROM db_meta WHERE key = 'tags_id_max'"),
        {("meta_wrong", "db_meta tags_id_max")},
    ),
    "another db_version": (
        sql("UPDATE db_meta SET value = '1' WHERE key = 'db_version'"),
        {("meta_wrong", "db_meta db_version")},
    ),
    "no db_version": (
        sql("DELETE FROM db_meta WHERE key = 'db_version'"),
        {("meta_wrong", "db_meta db_version")},
    ),
}
PATHS: dict[str, tuple[Callable[[Planted], None], Told]] = {
    "two active models of one path": (
        sql(
            "UPDATE models SET path = (SELECT path FROM models WHERE sha256 = ?) WHERE sha256 = ?",
            ONE,
            TWO,
        ),
        {("path_twice", "1.safetensors")},
    ),
    "a waiting path that is active": (
        sql(
            "UPDATE pending_import SET path = (SELECT path FROM models WHERE sha256 = ?) "
            "WHERE id = ?",
            ONE,
            WAITS_TOO,
        ),
        {("path_twice", "1.safetensors")},
    ),
    "a waiting hash that is active, of a file of other content": (
        sql("UPDATE pending_import SET sha256 = ? WHERE id = ?", ONE, CLAIMS),
        {("hash_mismatch", "7.safetensors")},
    ),
}
FOLDERS: dict[str, tuple[Callable[[Planted], None], Told]] = {
    "a folder among the images": (
        lambda planted: (planted.images / "mine").mkdir(),
        {("folder_stray", "mine")},
    ),
    "a folder among the originals": (
        lambda planted: (planted.pending / "写真").mkdir(),
        {("folder_stray", "写真")},
    ),
    "a stray original": (
        write("pending/mine.png", picture(7)),
        {("pending_image_stray", "mine.png")},
    ),
    "a stray original that is no image": (
        write("pending/notes.txt", b"mine"),
        {("pending_image_stray", "notes.txt")},
    ),
}


def unguarded(statement: str, *values: object) -> Callable[[Planted], None]:
    """An edit of an item as nobody but a hand with SQL can make it: past its triggers."""

    def edit(planted: Planted) -> None:
        path = planted.library / "hikaze_model_manager.db"
        with closing(sqlite3.connect(path)) as connection, connection:
            triggers = connection.execute(SELECT_TRIGGERS).fetchall()
            for name, _ in triggers:
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute("PRAGMA ignore_check_constraints = ON")
            connection.execute(statement, values)
            for _, made in triggers:
                connection.execute(made)

    return edit


ITEM_1, ITEM_4 = ("journal_wrong", "1.safetensors"), ("journal_wrong", "4.safetensors")
RUN_1, RUN_2 = ("journal_wrong", "run 1"), ("journal_wrong", "run 2")
OF_4 = "(SELECT id FROM migration_items WHERE path LIKE '%/4.safetensors')"
OF_1 = "(SELECT id FROM migration_items WHERE path LIKE '%/1.safetensors')"
TABLES = (
    "counts", "discarded", "hashes", "history", "originals", "previews", "promotions", "removals",
    "rows", "runs", "sources", "warnings",
)  # fmt: skip
TRIGGERS = (
    "birth", "guard", "moved", "born_pending", "born_imported", "born_images_done",
    "born_promoted", "born_failed",
)  # fmt: skip
LAX = """
CREATE TRIGGER migration_items_guard BEFORE UPDATE OF state ON migration_items BEGIN SELECT 1; END
"""


def let_all_pass(planted: Planted) -> None:
    planted.sql("DROP TRIGGER migration_items_guard")
    planted.sql(LAX)


JOURNAL: dict[str, tuple[Callable[[Planted], None], Told]] = {
    **{
        f"no table {name}": (
            sql(f"DROP TABLE migration_{name}"),
            {("journal_wrong", f"migration_{name}")},
        )
        for name in TABLES
    },
    **{
        f"no trigger items_{name}": (
            sql(f"DROP TRIGGER migration_items_{name}"),
            {("journal_wrong", f"migration_items_{name}")},
        )
        for name in TRIGGERS
    },
    "a trigger that lets all pass": (
        let_all_pass,
        {("journal_wrong", "migration_items_guard")},
    ),
    "no index": (
        sql("DROP INDEX migration_items_work"),
        {("journal_wrong", "migration_items_work")},
    ),
    "a count too large": (
        sql("UPDATE migration_counts SET n = n + 1 WHERE run_id = 1 AND name = 'promoted'"),
        {RUN_1},
    ),
    "a count that is gone": (
        sql("DELETE FROM migration_counts WHERE run_id = 1 AND name = 'pending'"),
        {RUN_1},
    ),
    "a count below nothing": (
        sql("UPDATE migration_counts SET n = -1 WHERE run_id = 1 AND name = 'previews'"),
        {RUN_1},
    ),
    "work where there is none": (
        sql("INSERT OR REPLACE INTO migration_counts VALUES (1, 'work', 2)"),
        {RUN_1},
    ),
    "a warning that is gone": (
        sql("INSERT OR REPLACE INTO migration_counts VALUES (2, 'warnings', 3)"),
        {RUN_2},
    ),
    "a waiting item that is promoted": (
        unguarded(f"UPDATE migration_items SET state = 'promoted' WHERE id = {OF_4}"),
        {ITEM_4, RUN_1},
    ),
    "a promoted item that waits": (
        unguarded(f"UPDATE migration_items SET state = 'pending' WHERE id = {OF_1}"),
        {ITEM_1, RUN_1},
    ),
    "a state that there is not": (
        unguarded(f"UPDATE migration_items SET state = 'lost' WHERE id = {OF_1}"),
        {ITEM_1, RUN_1},
    ),
    "an item that lost its hash": (
        sql(f"UPDATE migration_items SET sha256 = '' WHERE id = {OF_1}"),
        {ITEM_1},
    ),
    "an item whose hash is none": (
        sql(f"UPDATE migration_items SET sha256 = 'abc' WHERE id = {OF_1}"),
        {ITEM_1},
    ),
    "an item that lost its place": (
        sql(f"UPDATE migration_items SET pending_id = NULL WHERE id = {OF_4}"),
        {ITEM_4},
    ),
    "an item with work that cannot be done": (
        sql(f"UPDATE migration_items SET work = 'originals' WHERE id = {OF_4}"),
        {ITEM_4, RUN_1},
    ),
    "an item that is gone": (
        sql(f"DELETE FROM migration_items WHERE id = {OF_4}"),
        {("journal_wrong", "item 4"), RUN_1},
    ),
    "a row that is gone": (
        sql(f"DELETE FROM migration_rows WHERE item_id = {OF_4}"),
        {ITEM_4},
    ),
    "a row of nobody": (
        sql("INSERT INTO migration_rows VALUES (99, '{}')"),
        {("journal_wrong", "item 99")},
    ),
    "a history that is gone": (
        sql(f"DELETE FROM migration_history WHERE item_id = {OF_4}"),
        {ITEM_4},
    ),
    "a history with a gap": (
        sql(f"DELETE FROM migration_history WHERE item_id = {OF_1} AND to_state = 'imported'"),
        {ITEM_1},
    ),
    "a history of nobody": (
        sql("INSERT INTO migration_history (item_id, to_state, at) VALUES (99, 'pending', 0)"),
        {("journal_wrong", "item 99")},
    ),
    "a run that goes on": (
        sql("UPDATE migration_runs SET status = 'running' WHERE id = 1"),
        {RUN_1},
    ),
    "a run without an end": (
        sql("UPDATE migration_runs SET finished_at = NULL WHERE id = 1"),
        {RUN_1},
    ),
    "a run in no state": (
        sql("UPDATE migration_runs SET status = 'lost' WHERE id = 1"),
        {RUN_1},
    ),
    "a run that has not read its source": (
        sql("UPDATE migration_runs SET intake_done = 0 WHERE id = 1"),
        {RUN_1},
    ),
    "a run that is gone": (
        sql("DELETE FROM migration_runs WHERE id = 2"),
        {
            ("journal_wrong", "migration_items"),
            ("journal_wrong", "migration_counts"),
            ("journal_wrong", "migration_promotions"),
        },
    ),
    "an outcome that did not come": (
        sql("UPDATE migration_promotions SET outcome = 'success'"),
        {("journal_wrong", "copy.safetensors")},
    ),
    "an outcome that is gone": (
        sql("UPDATE migration_promotions SET outcome = NULL"),
        {("journal_wrong", "copy.safetensors")},
    ),
    "a deletion that did not happen": (
        sql("UPDATE migration_promotions SET outcome = 'deleted'"),
        {("journal_wrong", "copy.safetensors")},
    ),
}
PLANTED = {**JOURNAL, **LINKS, **TAGS, **META, **PATHS, **FOLDERS}


async def test_the_good_library_has_no_problem(planted: Planted) -> None:
    assert await problems(planted) == []


@pytest.mark.parametrize("name", PLANTED)
async def test_what_was_planted_is_named_and_nothing_else(name: str, planted: Planted) -> None:
    plant, expected = PLANTED[name]
    plant(planted)
    assert await told(planted) == expected
