"""Legacy databases that SQLite can read in full, with whatever is in them."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from adapters.files.images import DiskImages
from adapters.sources.hikaze1 import tags
from adapters.sources.hikaze1.reader import Hikaze1
from adapters.sources.untrusted_sqlite import database
from engine.errors import SourceUnreadable
from engine.facts.records import Prompts
from engine.facts.source import ImageRef, SourceModel, SourceTag
from engine.ports.source import SourceKind
from tests.integration import legacy_libraries as legacy

SAMPLE = Path(__file__).parents[3] / "shared" / "legacy-sample"


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hikaze_mm.sqlite3"


def test_it_is_a_source_kind() -> None:
    kind: SourceKind = Hikaze1(DiskImages())
    assert isinstance(kind, Hikaze1)


def test_rows_come_in_order_with_their_tags(path: Path, scratch: Path) -> None:
    legacy.make(path, rows=250)

    with legacy.opened(path, scratch) as source:
        chunks = list(source.chunks("", 100))
        assert source.rows == 250
        assert source.tags() == ([SourceTag(1, "style"), SourceTag(2, "日本語")], [])

    assert [len(chunk.models) for chunk in chunks] == [100, 100, 50]
    found = [model for chunk in chunks for model in chunk.models]
    assert [model.number for model in found] == list(range(1, 251))
    assert {model.tags for model in found} == {("style", "日本語")}
    assert not any(model.warnings or model.defect for model in found)
    assert json.loads(found[6].verbatim)["path"] == found[6].path == "/models/7.safetensors"


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
@pytest.mark.parametrize("after", [-5, 0, 1, 123, 249, 250, 2**63 - 1])
def test_reading_resumes_after_any_cursor(path: Path, scratch: Path, after: int, size: int) -> None:
    legacy.make(path, rows=250)

    found = legacy.chunks(path, scratch, str(after), size)

    keys = [model.number for chunk in found for model in chunk.models]
    assert keys == list(range(max(after, 0) + 1, 251))
    assert all(0 < len(chunk.models) <= size for chunk in found)


def test_keys_below_one_are_keys_like_any_other(path: Path, scratch: Path) -> None:
    lowest, highest = -(2**63), 2**63 - 1
    script = f"INSERT INTO models (id, path) VALUES ({lowest}, '/a'), (0, '/b'), ({highest}, '/c');"
    legacy.make(path, schema=legacy.LOOSE_SCHEMA, script=script)

    for after, keys in (
        ("", [lowest, 0, highest]),
        (str(lowest), [0, highest]),
        ("0", [highest]),
        (str(highest), []),
    ):
        found = legacy.chunks(path, scratch, after, 2)
        assert [model.number for chunk in found for model in chunk.models] == keys


def test_a_chunk_holds_at_least_one_row(path: Path, scratch: Path) -> None:
    legacy.make(path, rows=1)

    with legacy.opened(path, scratch) as source, pytest.raises(ValueError, match="at least one"):
        list(source.chunks("", 0))


def test_an_empty_library_has_no_chunks(path: Path, scratch: Path) -> None:
    legacy.make(path)

    with legacy.opened(path, scratch) as source:
        assert (source.rows, source.tags(), list(source.chunks("", 10))) == (0, ([], []), [])


@pytest.mark.skipif(not SAMPLE.exists(), reason="the sample is not beside this checkout")
def test_the_sample_of_sixty_rows_is_read_in_full(tmp_path: Path, scratch: Path) -> None:
    home = tmp_path / "模型 home"
    subprocess.run([sys.executable, SAMPLE / "prepare", home], check=True, capture_output=True)

    with legacy.opened(home / "hikaze_mm.sqlite3", scratch) as source:
        listed, warnings = source.tags()
        found = {model.number: model for chunk in source.chunks("", 25) for model in chunk.models}

    assert (len(listed), warnings, list(found)) == (14, [], list(range(1, 61)))
    assert not any(model.defect for model in found.values())
    told = {key: [w.code for w in model.warnings] for key, model in found.items() if model.warnings}
    assert told == {57: ["metadata_unreadable"], 59: ["invalid_hash"]}
    # 35 are promoted by stage 1: these, without row 58, whose hash turns out to be stale.
    assert sum(1 for model in found.values() if model.sha256) == 36
    assert sum(len(model.tags) for model in found.values()) == 125
    assert sum(len(model.images) for model in found.values()) == 48
    assert found[60].sha256 == found[60].sha256.lower()
    assert found[52].path == str(home / "models" / "vae" / "模型 ünï 🎨.safetensors")
    assert found[56].images == (ImageRef("two_1.png"), ImageRef("two_2.png"))
    assert (found[58].size_bytes, found[57].description) == (1, "")
    assert json.loads(found[57].verbatim)["extra_json"] == "{not json"
    assert found[2] == SourceModel(
        key="2",
        verbatim=found[2].verbatim,
        path=str(home / "models" / "embedding" / "model_002.safetensors"),
        name="model_002.safetensors",
        type="embedding",
        size_bytes=30722,
        created_at=1700000000002,
        sha256="f9a4d7d92a04a31c7f2b854cd03be268c3f05767425e35e9537ad6fc80c60462",
        description="Sample model 2",
        community_links="https://civitai.com/models/1002",
        prompts=Prompts("masterpiece, best quality", "blurry"),
        tags=found[2].tags,
        number=2,
    )


def test_windows_and_unicode_paths_are_read_as_they_are(path: Path, scratch: Path) -> None:
    paths = ["C:\\models\\a.safetensors", "\\\\server\\share\\模型 🎨.pt", "/a 'b' \"c\"/?#%.pt"]
    legacy.make(path, schema=legacy.LOOSE_SCHEMA)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany("INSERT INTO models (path) VALUES (?)", ((name,) for name in paths))

    assert [model.path for model in legacy.models(path, scratch)] == paths


def test_reading_uses_no_more_memory_for_more_rows(path: Path, scratch: Path) -> None:
    def peak(rows: int) -> int:
        path.unlink(missing_ok=True)
        legacy.make(path, rows=rows)
        with legacy.opened(path, scratch) as source:
            source.tags()
            tracemalloc.start()
            try:
                assert sum(len(chunk.models) for chunk in source.chunks("", 500)) == rows
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    assert peak(20_000) < 1.2 * peak(2_000)


def test_large_rows_make_small_chunks(path: Path, scratch: Path) -> None:
    legacy.make(path, schema=legacy.LOOSE_SCHEMA)
    with closing(sqlite3.connect(path)) as connection, connection:
        add = "INSERT INTO models (path, extra_json) VALUES (?, zeroblob(?))"
        connection.executemany(add, ((f"/{n}", 3 * 1024**2 // 4) for n in range(7)))

    assert [len(chunk.models) for chunk in legacy.chunks(path, scratch)] == [3, 3, 1]


def test_rows_around_a_text_that_is_no_utf_8_come_once_and_in_order(
    path: Path, scratch: Path
) -> None:
    legacy.make(path, rows=9)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE models SET name = CAST(x'666fff' AS TEXT) WHERE id IN (4, 7)")

    models = legacy.models(path, scratch)
    assert [model.number for model in models] == list(range(1, 10))
    assert [model.number for model in models if model.warnings] == [4, 7]
    assert models[3].name == "fo\N{REPLACEMENT CHARACTER}"


def test_a_cell_beyond_the_limit_is_lost_and_its_row_is_not(path: Path, scratch: Path) -> None:
    legacy.make(path, rows=3)
    with closing(sqlite3.connect(path)) as connection, connection:
        change = "UPDATE models SET extra_json = zeroblob(?) WHERE id = 2"
        connection.execute(change, (database.MAX_CELL_BYTES + 1,))

    first, second, third = legacy.models(path, scratch)

    assert (first.warnings, third.warnings, third.description) == ((), (), "model 3")
    assert [warning.code for warning in second.warnings] == ["cell_unreadable"]
    assert (second.path, second.tags) == ("/models/2.safetensors", ("style", "日本語"))


@pytest.mark.parametrize("key", [1, 3])
def test_a_row_before_or_after_which_others_were_deleted_may_hold_too_large_a_cell(
    path: Path, scratch: Path, key: int
) -> None:
    legacy.make(path, rows=3)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM models WHERE id = 2")
        change = "UPDATE models SET extra_json = zeroblob(?), id = id * 7 WHERE id = ?"
        connection.execute(change, (database.MAX_CELL_BYTES + 1, key))

    found = list(legacy.chunks(path, scratch))

    assert sum(len(chunk.models) for chunk in found) == 2
    assert [chunk.warnings for chunk in found if chunk.warnings] == []


def test_wrong_types_in_every_column_lose_no_row(path: Path, scratch: Path) -> None:
    columns = ("path", "name", "type", "size_bytes", "hash_hex", "created_at", "extra_json")
    values = ("NULL", "5", "-1.5", "9e999", "'text'", "X'00ff'", "CAST(X'ff41' AS TEXT)", "''")
    script = "".join(
        f"INSERT INTO models (path, {column}) VALUES ('/a', {value});"
        if column != "path"
        else f"INSERT INTO models (path) VALUES ({value});"
        for column in columns
        for value in values
    )
    legacy.make(path, schema=legacy.LOOSE_SCHEMA, script=script)

    found = legacy.models(path, scratch)

    assert [model.number for model in found] == list(range(1, len(columns) * len(values) + 1))
    assert [model.number for model in found if model.defect] == [1, 2, 3, 4, 6, 7, 8]
    named = found[len(values) : 2 * len(values)]
    assert [model.name for model in named] == [
        "",
        "5",
        "-1.5",
        "inf",
        "text",
        "\ufffd\ufffd",
        "\ufffdA",
        "",
    ]


def test_a_database_in_utf_16_is_read(path: Path, scratch: Path) -> None:
    script = "INSERT INTO models (path, name) VALUES ('/模型', '🎨');"
    legacy.make(path, schema="PRAGMA encoding = 'UTF-16le';" + legacy.LOOSE_SCHEMA, script=script)

    assert [(model.path, model.name) for model in legacy.models(path, scratch)] == [("/模型", "🎨")]


def test_columns_may_be_missing_and_others_may_be_there(path: Path, scratch: Path) -> None:
    schema = """
        CREATE TABLE "Models" (
          "rowid" TEXT, "PATH" TEXT, "a ""b"" {c}" TEXT,
          evil TEXT GENERATED ALWAYS AS (hex(zeroblob(100000)))
        );
        INSERT INTO models ("rowid", path, "a ""b"" {c}") VALUES ('x', '/a', 'y');
    """
    legacy.make(path, schema=schema)

    (model,) = legacy.models(path, scratch)

    assert (model.number, model.path, model.size_bytes, model.warnings) == (1, "/a", None, ())
    assert json.loads(model.verbatim) == {
        "rowid": "x",
        "PATH": "/a",
        'a "b" {c}': "y",
        "tags": [],
    }


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ("CREATE TABLE other (path)", "no table `models`"),
        ("CREATE VIEW models AS SELECT 1 AS id, '/a' AS path", "no table `models`"),
        ("CREATE VIRTUAL TABLE models USING fts5(path)", "no table `models`"),
        ("CREATE TABLE models (id INTEGER PRIMARY KEY, file TEXT)", "no column `path`"),
        ("CREATE TABLE models (path TEXT PRIMARY KEY) WITHOUT ROWID", "have no number"),
    ],
)
def test_a_database_without_the_table_is_refused(
    path: Path, scratch: Path, schema: str, reason: str
) -> None:
    legacy.make(path, schema=schema)

    with pytest.raises(SourceUnreadable, match=reason) as caught:
        legacy.models(path, scratch)

    assert caught.value.path == str(path)
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("gone", ["tags", "model_tags"])
@pytest.mark.parametrize(
    "instead",
    [
        "",
        "CREATE VIEW {} AS SELECT 1 AS id, 'style' AS name, 1 AS model_id, 1 AS tag_id;",
        "CREATE TABLE {} (other);",
        "CREATE TABLE {} (id, name, model_id, tag_id, PRIMARY KEY (id)) WITHOUT ROWID;",
    ],
)
def test_models_go_on_without_tags_where_those_are_no_tables(
    path: Path, scratch: Path, gone: str, instead: str
) -> None:
    legacy.make(path, rows=3, script=f"DROP TABLE {gone}; {instead.format(gone)}")

    assert [warning.code for warning in legacy.warnings_of(path, scratch)] == ["tags_unreadable"]
    assert [(model.tags, model.warnings) for model in legacy.models(path, scratch)] == [
        ((), ())
    ] * 3


def test_tags_without_a_usable_name_are_told_of_and_links_to_them_too(
    path: Path, scratch: Path
) -> None:
    script = """
        INSERT INTO tags (id, name) VALUES
          (9, 'Kept  as it is '), (-4, 'below one'), (1, NULL), (2, ' '), (3, 5), (4, X'41'),
          (5, CAST(X'ff' AS TEXT)), (6, 'twice'), (7, 'twice');
        INSERT INTO models (path) VALUES ('/a'), ('/b'), ('/c');
        INSERT INTO model_tags (model_id, tag_id) VALUES
          (1, 7), (1, 6), (1, 9), (1, 5), (2, 404), (2, 404), (2, 'x'), (2, NULL), (2, 9),
          (50, 6), (NULL, 6), ('z', 6);
    """
    legacy.make(path, schema=legacy.LOOSE_SCHEMA, script=script)

    with legacy.opened(path, scratch) as source:
        listed, warnings = source.tags()
        found = [model for chunk in source.chunks("", 10) for model in chunk.models]

    assert [(tag.id, tag.name) for tag in listed] == [
        (-4, "below one"),
        (6, "twice"),
        (9, "Kept  as it is "),
    ]
    assert [warning.code for warning in warnings] == [
        *["tag_unreadable"] * 5,
        "tag_duplicate",
        "tag_link_orphaned",
    ]
    assert warnings[-1].detail.startswith("3 links")
    assert [model.tags for model in found] == [
        ("twice", "Kept  as it is "),
        ("Kept  as it is ",),
        (),
    ]
    assert [[warning.code for warning in model.warnings] for model in found] == [
        ["tag_missing"],
        ["tag_missing"] * 3,
        [],
    ]
    details = [warning.detail for model in found for warning in model.warnings]
    assert [detail.split(",")[0].rpartition(" ")[2] for detail in details] == [
        *("5", "None", "404", "'x'"),
    ]


def test_names_of_tags_that_differ_only_in_what_a_nul_replaces_are_one_tag(
    path: Path, scratch: Path
) -> None:
    script = """
        INSERT INTO tags (id, name) VALUES
          (1, 'a' || char(0) || 'b'), (2, 'a' || char(0xfffd) || 'b'), (3, 'a');
        INSERT INTO models (path) VALUES ('/a');
        INSERT INTO model_tags (model_id, tag_id) VALUES (1, 1), (1, 2), (1, 3);
    """
    legacy.make(path, schema=legacy.LOOSE_SCHEMA, script=script)

    with legacy.opened(path, scratch) as source:
        listed, warnings = source.tags()
        (found,) = [model for chunk in source.chunks("", 10) for model in chunk.models]

    assert listed == [SourceTag(1, "a\ufffdb"), SourceTag(3, "a")]
    assert [warning.code for warning in warnings] == ["invalid_text", "tag_duplicate"]
    assert (found.tags, found.warnings) == (("a\ufffdb", "a"), ())


def test_a_row_with_a_nul_in_its_texts_is_in_the_journal_as_it_was(
    path: Path, scratch: Path
) -> None:
    script = "UPDATE models SET name = 'a' || char(0) || 'b' WHERE id = 1;"
    legacy.make(path, rows=1, script=script)

    (found,) = legacy.models(path, scratch)

    assert (found.name, json.loads(found.verbatim)["name"]) == ("a\ufffdb", "a\0b")
    assert [warning.code for warning in found.warnings] == ["invalid_text"]


def test_links_without_an_index_are_read_as_those_with_one(path: Path, scratch: Path) -> None:
    legacy.make(path, rows=500)
    indexed = [model.tags for model in legacy.models(path, scratch)]
    path.unlink()
    legacy.make(path, rows=500, schema=legacy.LOOSE_SCHEMA)

    with legacy.opened(path, scratch) as source:
        unindexed = [model.tags for chunk in source.chunks("", 50) for model in chunk.models]
        assert (scratch / tags.COPY_NAME).exists()

    assert unindexed == indexed


def test_triggers_and_defaults_of_the_file_do_nothing(path: Path, scratch: Path) -> None:
    script = """
        CREATE TRIGGER t AFTER INSERT ON models BEGIN DELETE FROM models; END;
        CREATE INDEX i ON models (abs(size_bytes), path) WHERE name > 'a';
        CREATE TABLE evil (x DEFAULT (load_extension('x')), CHECK (x > 0));
    """
    legacy.make(path, rows=3, script=script)

    assert len(legacy.models(path, scratch)) == 3


def test_a_statement_that_does_not_end_is_ended(tmp_path: Path, path: Path) -> None:
    legacy.make(path, rows=1)
    connection = database.Database(path, "named", seconds=0.05)
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i FROM n"

    with (
        closing(connection),
        pytest.raises(SourceUnreadable, match=r"named .* took longer than"),
    ):
        for _ in connection.rows(endless):
            pass


def test_the_copy_cannot_be_written_through_the_connection(path: Path) -> None:
    legacy.make(path, rows=1)

    with (
        closing(database.Database(path, "named")) as connection,
        pytest.raises(SourceUnreadable, match="readonly"),
    ):
        connection.first("DELETE FROM models RETURNING id")


def test_reading_may_move_between_threads(path: Path, scratch: Path) -> None:
    legacy.make(path, rows=30)
    with legacy.opened(path, scratch) as source:
        chunks = source.chunks("", 10)
        sizes = []
        for _ in range(3):
            with ThreadPoolExecutor(1) as executor:
                sizes.append(len(executor.submit(next, chunks).result().models))

    assert sizes == [10, 10, 10]
