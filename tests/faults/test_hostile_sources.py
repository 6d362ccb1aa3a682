"""Legacy libraries that are damaged or made to mislead, through the command line: the good rows
come across or the exit code says why not, and the source stays as it was."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from tests import commands
from tests.integration import legacy_libraries as legacy

ROWS = 300
LOSSES = {"rows_unreadable", "tag_links_unreadable"}

needs_posix = pytest.mark.skipif(os.name != "posix", reason="FIFOs and devices are those of POSIX")


class Outcome(NamedTuple):
    """How a migration from a hostile source ended, and the source before and after it."""

    code: int
    stderr: str
    report: dict[str, Any]
    items: list[dict[str, Any]]
    before: dict[str, tuple[int, str]]
    after: dict[str, tuple[int, str]]

    @property
    def keys(self) -> set[int]:
        return {item["source_id"] for item in self.items}

    @property
    def codes(self) -> list[str]:
        return sorted(warning["code"] for warning in self.report["warnings"])


def migrate(database: Path, library: Path) -> Outcome:
    before = commands.facts(database.parent)
    done = commands.run("migrate", database, "--library", library, "--json")
    after = commands.facts(database.parent)
    report = json.loads(done.stdout) if done.stdout else {}
    items = commands.document("items", "--library", library)["items"] if report else []
    return Outcome(done.returncode, done.stderr.decode(), report, items, before, after)


# --- the sources


def truncated(share: float) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        database = legacy.make(folder / "legacy.sqlite3", rows=ROWS)
        os.truncate(database, int(database.stat().st_size * share))
        return database

    return make


def cut_within_its_header(folder: Path) -> Path:
    database = legacy.make(folder / "legacy.sqlite3", rows=ROWS)
    os.truncate(database, 60)
    return database


def damaged_in_the_middle(folder: Path) -> Path:
    database = legacy.make(folder / "legacy.sqlite3", rows=ROWS)
    offset, length = legacy.page_of(database, b'"model 150"')
    legacy.overwrite(database, offset, b"\xa5" * length)
    return database


def with_rows_in_its_wal(folder: Path) -> Path:
    """As it lies there when the application was killed: the last rows are in the log alone."""
    live = folder.parent / "live"
    live.mkdir()
    database = legacy.make(live / "legacy.sqlite3", rows=ROWS - 50)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        with connection:
            rows = (legacy.model(number) for number in range(ROWS - 49, ROWS + 1))
            connection.executemany(legacy.ADD_MODEL, rows)
        for path in live.iterdir():
            shutil.copy(path, folder / path.name)
    assert (folder / "legacy.sqlite3-wal").stat().st_size > 0
    return folder / "legacy.sqlite3"


def with_views_of_tags(folder: Path) -> Path:
    script = """
        DROP TABLE tags; DROP TABLE model_tags;
        CREATE VIEW tags AS SELECT 1 AS id, 'style' AS name;
        CREATE VIEW model_tags AS
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
            SELECT i AS model_id, 1 AS tag_id FROM n;
    """
    return legacy.make(folder / "legacy.sqlite3", rows=ROWS, script=script)


def with_triggers(folder: Path) -> Path:
    script = """
        CREATE TRIGGER spoil_models BEFORE DELETE ON models BEGIN DELETE FROM tags; END;
        CREATE TRIGGER spoil_tags AFTER INSERT ON tags BEGIN DELETE FROM models; END;
        CREATE TABLE costly (a DEFAULT (hex(zeroblob(1000000000))));
    """
    return legacy.make(folder / "legacy.sqlite3", rows=ROWS, script=script)


def with_a_view_of_models(folder: Path) -> Path:
    script = "ALTER TABLE models RENAME TO hidden; CREATE VIEW models AS SELECT * FROM hidden;"
    return legacy.make(folder / "legacy.sqlite3", rows=ROWS, script=script)


WRONG = ("NULL", "5", "-1.5", "9e999", "'text'", "X'00ff'", "CAST(X'ff41' AS TEXT)", "''")
WRONG_COLUMNS = ("name", "type", "size_bytes", "hash_hex", "created_at", "meta_json", "extra_json")
PATHLESS = ("NULL", "5", "X'00ff'", "''")


def with_wrong_types_everywhere(folder: Path) -> Path:
    """Row 1 is good; one row for each wrong value in each column; then those without a path."""
    rows = ["INSERT INTO models (path, name, type) VALUES ('/good', 'good', 'lora');"]
    for column in WRONG_COLUMNS:
        for value in WRONG:
            path = f"/{len(rows)}"
            rows.append(f"INSERT INTO models (path, {column}) VALUES ('{path}', {value});")
    rows += [f"INSERT INTO models (path) VALUES ({value});" for value in PATHLESS]
    database = folder / "legacy.sqlite3"
    return legacy.make(database, schema=legacy.LOOSE_SCHEMA, script="".join(rows))


def with_text_that_is_no_utf_8(folder: Path) -> Path:
    script = """
        UPDATE models SET name = CAST(X'ff41' AS TEXT) WHERE id = 7;
        UPDATE models SET path = CAST(X'2f6dff' AS TEXT) WHERE id = 8;
        INSERT INTO tags (id, name) VALUES (3, CAST(X'74e9' AS TEXT));
    """
    return legacy.make(folder / "legacy.sqlite3", rows=ROWS, script=script)


def with_nul_characters(folder: Path) -> Path:
    script = """
        UPDATE models SET name = 'a' || char(0) || 'b' WHERE id = 7;
        UPDATE models SET extra_json = '{"description": "a\\u0000b"}' WHERE id = 8;
        UPDATE models SET path = '/m' || char(0) WHERE id = 9;
        INSERT INTO tags (id, name) VALUES (3, 'a'), (4, 'a' || char(0) || 'b'), (5, char(0));
        INSERT INTO model_tags (model_id, tag_id) VALUES (10, 3), (10, 4), (10, 5);
    """
    return legacy.make(folder / "legacy.sqlite3", rows=ROWS, script=script)


def in_a_folder_that_may_only_be_read(folder: Path) -> Path:
    database = legacy.make(folder / "legacy.sqlite3", rows=ROWS)
    database.chmod(0o444)
    folder.chmod(0o555)
    return database


class Hostile(NamedTuple):
    """A source, the exit code it leads to, the rows that come across, and what is warned about."""

    make: Callable[[Path], Path]
    code: int
    rows: set[int]
    codes: list[str]


EVERY = set(range(1, ROWS + 1))
TYPED = set(range(1, 2 + len(WRONG_COLUMNS) * len(WRONG) + len(PATHLESS)))

WHOLE = {
    "rows in its wal": Hostile(with_rows_in_its_wal, 0, EVERY, []),
    "views of tags": Hostile(with_views_of_tags, 0, EVERY, ["tags_unreadable"] * 2),
    "triggers": Hostile(with_triggers, 0, EVERY, []),
    "a read-only folder": Hostile(in_a_folder_that_may_only_be_read, 0, EVERY, []),
}
REFUSED: dict[str, Callable[[Path], Path]] = {
    "cut within its header": cut_within_its_header,
    "truncated to a hundredth": truncated(0.01),
    "a view of models": with_a_view_of_models,
}
SALVAGED: dict[str, Callable[[Path], Path]] = {
    "truncated to a half": truncated(0.5),
    "truncated to nine tenths": truncated(0.9),
    "a damaged page": damaged_in_the_middle,
}
OTHERS: dict[str, Callable[[Path], Path]] = {
    "wrong types": with_wrong_types_everywhere,
    "no UTF-8": with_text_that_is_no_utf_8,
    "NUL": with_nul_characters,
}
SOURCES = {name: hostile.make for name, hostile in WHOLE.items()} | REFUSED | SALVAGED | OTHERS

OutcomeOf = Callable[[str], Outcome]


@pytest.fixture(scope="module")
def outcome_of(tmp_path_factory: pytest.TempPathFactory) -> OutcomeOf:
    """How a migration from a source ended; each is migrated once."""
    known: dict[str, Outcome] = {}

    def of(name: str) -> Outcome:
        if name not in known:
            folder = tmp_path_factory.mktemp("hostile")
            source = folder / "source"
            source.mkdir()
            known[name] = migrate(SOURCES[name](source), folder / "library")
            source.chmod(0o755)
        return known[name]

    return of


@pytest.mark.parametrize("name", SOURCES)
def test_a_hostile_database_is_left_as_it_is(outcome_of: OutcomeOf, name: str) -> None:
    found = outcome_of(name)
    assert found.after == found.before


@pytest.mark.parametrize("name", SOURCES)
def test_a_hostile_database_causes_no_defect(outcome_of: OutcomeOf, name: str) -> None:
    assert "Traceback" not in outcome_of(name).stderr


@pytest.mark.parametrize("name", WHOLE)
def test_every_row_of_a_database_that_only_looks_odd_comes_across(
    outcome_of: OutcomeOf, name: str
) -> None:
    found = outcome_of(name)
    assert (found.code, found.keys) == (WHOLE[name].code, WHOLE[name].rows)


@pytest.mark.parametrize("name", WHOLE)
def test_what_a_database_lacks_is_warned_about(outcome_of: OutcomeOf, name: str) -> None:
    assert outcome_of(name).codes == WHOLE[name].codes


@pytest.mark.parametrize("name", REFUSED)
def test_a_database_of_which_nothing_can_be_read_ends_with_5(
    outcome_of: OutcomeOf, name: str
) -> None:
    found = outcome_of(name)
    assert (found.code, found.items) == (5, [])


@pytest.mark.parametrize("name", REFUSED)
def test_a_database_of_which_nothing_can_be_read_is_told_of_in_a_sentence(
    outcome_of: OutcomeOf, name: str
) -> None:
    assert "legacy.sqlite3 cannot be read: " in outcome_of(name).stderr


@pytest.mark.parametrize("name", SALVAGED)
def test_a_database_that_is_damaged_ends_with_5(outcome_of: OutcomeOf, name: str) -> None:
    assert outcome_of(name).code == 5


@pytest.mark.parametrize("name", SALVAGED)
def test_the_loss_of_a_damaged_database_is_named(outcome_of: OutcomeOf, name: str) -> None:
    assert LOSSES & set(outcome_of(name).codes)


@pytest.mark.parametrize(
    ("name", "least"),
    [("truncated to a half", 30), ("truncated to nine tenths", 200), ("a damaged page", 240)],
)
def test_the_good_rows_of_a_damaged_database_come_across(
    outcome_of: OutcomeOf, name: str, least: int
) -> None:
    found = outcome_of(name).keys
    assert found <= EVERY
    assert least <= len(found)


def test_only_the_rows_of_the_damaged_page_are_lost(outcome_of: OutcomeOf) -> None:
    lost = EVERY - outcome_of("a damaged page").keys
    assert 150 in lost
    assert lost == set(range(min(lost), max(lost) + 1))


@pytest.mark.parametrize("name", SALVAGED)
def test_a_salvaged_row_is_the_row_that_it_was(outcome_of: OutcomeOf, name: str) -> None:
    for item in outcome_of(name).items:
        assert item["path"] == f"/models/{item['source_id']}.safetensors"


def test_of_wrong_types_every_row_is_accounted_for(outcome_of: OutcomeOf) -> None:
    found = outcome_of("wrong types")
    assert found.keys == TYPED


def test_of_wrong_types_only_rows_without_a_path_fail(outcome_of: OutcomeOf) -> None:
    found = outcome_of("wrong types")
    failed = {item["source_id"] for item in found.items if item["state"] == "failed"}
    assert failed <= set(sorted(TYPED)[-len(PATHLESS) :])
    assert found.code == (3 if failed else 0)


def test_a_good_row_among_wrong_types_is_not_warned_about(outcome_of: OutcomeOf) -> None:
    (good,) = [item for item in outcome_of("wrong types").items if item["source_id"] == 1]
    assert (good["path"], good["state"], good["warnings"]) == ("/good", "pending", [])


def test_only_a_row_whose_path_is_no_utf_8_fails(outcome_of: OutcomeOf) -> None:
    found = outcome_of("no UTF-8")
    failed = {item["source_id"] for item in found.items if item["state"] == "failed"}
    assert (found.code, found.keys, failed) == (3, EVERY, {8})


def test_a_name_that_is_no_utf_8_is_warned_about(outcome_of: OutcomeOf) -> None:
    (item,) = [item for item in outcome_of("no UTF-8").items if item["source_id"] == 7]
    assert [warning["code"] for warning in item["warnings"]] == ["invalid_text"]


def test_a_tag_that_is_no_utf_8_is_warned_about_and_no_others(outcome_of: OutcomeOf) -> None:
    assert outcome_of("no UTF-8").codes == ["invalid_text", "tag_unreadable"]


def test_of_rows_with_a_nul_only_that_with_one_in_its_path_fails(outcome_of: OutcomeOf) -> None:
    found = outcome_of("NUL")
    failed = {item["source_id"] for item in found.items if item["state"] == "failed"}
    assert (found.code, found.keys, failed) == (3, EVERY, {9})


def test_each_text_and_each_tag_with_a_nul_is_warned_about(outcome_of: OutcomeOf) -> None:
    found = outcome_of("NUL")
    warned = [item["source_id"] for item in found.items if item["warnings"]]
    assert (found.codes, warned) == (["invalid_text"] * 4, [7, 8])


# --- the images


def png(width: int, height: int) -> bytes:
    """A PNG of black pixels, one bit each: its size in memory is a hundred times its own."""
    data = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    pixels = b"".join([data.compress(row) for _ in range(height)]) + data.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def picture() -> bytes:
    stream = BytesIO()
    noise = Image.effect_noise((120, 90), 40).convert("RGB")
    noise.save(stream, "PNG")
    return stream.getvalue()


GOOD = {"good.png": 1, "mislabelled.jpg": 1}
BAD = {
    "bomb.png": "image_too_large",
    "truncated.png": "image_unreadable",
    "fifo.png": "image_unreadable",
    "folder.png": "image_unreadable",
    "zero.png": "image_unreadable",
    "huge.png": "image_too_large",
    "../outside.png": "image_missing",
}
NAMES = (*GOOD, *BAD)


class Peaked(NamedTuple):
    """A library made from hostile images: items by image name, and the most memory it took."""

    code: int
    items: dict[str, dict[str, Any]]
    counts: dict[str, int]
    megabytes: float
    library: Path


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Peaked:
    if os.name != "posix":
        pytest.skip("FIFOs and devices are those of POSIX")
    root = tmp_path_factory.mktemp("images")
    folder = root / "legacy"
    there = folder / "images"
    there.mkdir(parents=True)
    (there / "good.png").write_bytes(picture())
    (there / "mislabelled.jpg").write_bytes(picture())
    (there / "bomb.png").write_bytes(png(20_000, 20_000))
    (there / "truncated.png").write_bytes(picture()[:4000])
    os.mkfifo(there / "fifo.png")
    (there / "folder.png").mkdir()
    (there / "zero.png").symlink_to("/dev/zero")
    with (there / "huge.png").open("wb") as sparse:
        sparse.truncate(2**33)
    (folder / "outside.png").write_bytes(picture())
    database = legacy.make(folder / "legacy.sqlite3")
    with closing(sqlite3.connect(database)) as connection, connection:
        for number, name in enumerate(NAMES, 1):
            extra = json.dumps({"images": [f"/media/{name}"]})
            row = (f"/models/{name}", name, "lora", None, f"{number:064x}", 0, extra)
            connection.execute(legacy.ADD_MODEL, row)
    code, megabytes = migrate_measured(database, root / "library")
    items = commands.document("items", "--library", root / "library")["items"]
    counts = commands.document("status", "--library", root / "library")["counts"]
    by_name = {NAMES[item["source_id"] - 1]: item for item in items}
    return Peaked(code, by_name, counts, megabytes, root / "library")


def migrate_measured(database: Path, library: Path) -> tuple[int, float]:
    """Migrate with four workers; returns the exit code and the peak of resident memory in MB."""
    options = ("--library", library, "--workers", "4")
    return commands.measured(library.with_name("peak"), "migrate", database, *options)


def images_count(found: Peaked, name: str) -> int:
    with closing(sqlite3.connect(found.library / "hikaze_model_manager.db")) as connection:
        ((text,),) = connection.execute(
            "SELECT meta_json FROM models WHERE sha256 = ?", (found.items[name]["sha256"],)
        ).fetchall()
    return int(json.loads(text)["images_count"])


def test_hostile_images_do_not_fail_a_migration(images: Peaked) -> None:
    assert images.code == 0


def test_every_model_of_a_hostile_image_is_promoted(images: Peaked) -> None:
    assert images.counts["promoted"] == images.counts["total"] == len(NAMES)


@pytest.mark.parametrize("name", BAD)
def test_a_hostile_image_is_one_warning(images: Peaked, name: str) -> None:
    # The files of the models are absent, which is a warning of its own.
    warnings = [warning["code"] for warning in images.items[name]["warnings"]]
    assert sorted(set(warnings) - {"file_missing"}) == [BAD[name]]


@pytest.mark.parametrize("name", BAD)
def test_a_hostile_image_is_no_preview(images: Peaked, name: str) -> None:
    assert images_count(images, name) == 0


@pytest.mark.parametrize("name", GOOD)
def test_an_image_is_used_by_its_content_whatever_its_name(images: Peaked, name: str) -> None:
    assert images_count(images, name) == GOOD[name]


@pytest.mark.parametrize("name", GOOD)
def test_an_image_that_is_used_is_not_warned_about(images: Peaked, name: str) -> None:
    warnings = [warning["code"] for warning in images.items[name]["warnings"]]
    assert warnings == ["file_missing"]


def test_hostile_images_take_little_memory(images: Peaked) -> None:
    # Decoded, the bomb alone would take 400 MB; the program itself takes about 70.
    assert images.megabytes < 200


@contextmanager
def many_bombs(folder: Path) -> Iterator[Path]:
    """A library of images that are just small enough to be decoded, each into 85 MB or more."""
    (folder / "images").mkdir(parents=True)
    for number in range(4):
        (folder / "images" / f"{number}.png").write_bytes(png(9_200, 9_200))
    database = legacy.make(folder / "legacy.sqlite3")
    with closing(sqlite3.connect(database)) as connection, connection:
        for number in range(4):
            extra = json.dumps({"images": [f"{number}.png"]})
            row = (f"/models/{number}", None, "lora", None, f"{number:064x}", 0, extra)
            connection.execute(legacy.ADD_MODEL, row)
    yield database


@needs_posix
def test_images_at_the_limit_are_not_decoded_all_at_once(tmp_path: Path) -> None:
    with many_bombs(tmp_path / "legacy") as database:
        code, megabytes = migrate_measured(database, tmp_path / "library")
    assert code == 0
    assert len(list((tmp_path / "library" / "images").glob("*_low.webp"))) == 4
    # One of them takes 85 MB at a byte a pixel, and 340 MB with the four bytes of RGBX.
    assert megabytes < 500
