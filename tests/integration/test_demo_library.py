from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path, PureWindowsPath
from random import Random
from typing import Any

import pytest
from PIL import ExifTags, Image, UnidentifiedImageError

from adapters.demo.catalogue import CATALOGUE, Quirk
from adapters.demo.library import DemoLibrary, make_legacy_library
from adapters.demo.pictures import STYLES, paint

SAMPLE = Path(__file__).parents[3] / "shared" / "legacy-sample" / "hikaze_mm.sqlite3"

# The whole schema: columns as type, NOT NULL, default and place in the key; indexes as unique or
# not; references with what follows when their target is deleted.
LEGACY_SCHEMA = {
    "schema_version.version INTEGER 1 - 0",
    "directories.id INTEGER 0 - 1",
    "directories.path TEXT 1 - 0",
    "directories.alias TEXT 0 - 0",
    "directories.parent_id INTEGER 0 - 0",
    "models.id INTEGER 0 - 1",
    "models.path TEXT 1 - 0",
    "models.name TEXT 0 - 0",
    "models.type TEXT 1 - 0",
    "models.size_bytes INTEGER 0 - 0",
    "models.hash_hex TEXT 1 - 0",
    "models.created_at INTEGER 1 - 0",
    "models.meta_json TEXT 0 - 0",
    "models.extra_json TEXT 0 - 0",
    "tags.id INTEGER 0 - 1",
    "tags.name TEXT 1 - 0",
    "tags.color TEXT 0 - 0",
    "tags.created_at INTEGER 0 - 0",
    "model_tags.model_id INTEGER 1 - 1",
    "model_tags.tag_id INTEGER 1 - 2",
    "directories index 1 path",
    "models index 1 path",
    "models index 0 path",
    "models index 0 hash_hex",
    "models index 0 type",
    "tags index 1 name",
    "model_tags index 1 model_id,tag_id",
    "directories.parent_id to directories.id NO ACTION",
    "model_tags.model_id to models.id CASCADE",
    "model_tags.tag_id to tags.id CASCADE",
}

SELECT_SCHEMA = """
    WITH tables AS (
        SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'sqlite_sequence'
    )
    SELECT tables.name || '.' || held.name || ' ' || held.type || ' ' || held."notnull"
           || ' ' || coalesce(held.dflt_value, '-') || ' ' || held.pk AS line
    FROM tables, pragma_table_info(tables.name) AS held
    UNION ALL
    SELECT tables.name || ' index ' || held."unique" || ' '
           || (SELECT group_concat(part.name) FROM pragma_index_info(held.name) AS part)
    FROM tables, pragma_index_list(tables.name) AS held
    UNION ALL
    SELECT tables.name || '.' || held."from" || ' to ' || held."table" || '.' || held."to"
           || ' ' || held.on_delete
    FROM tables, pragma_foreign_key_list(tables.name) AS held
"""
SELECT_VERSION = "SELECT version FROM schema_version"
SELECT_MODELS = """
    SELECT id, path, name, type, size_bytes, hash_hex, created_at, meta_json, extra_json
    FROM models ORDER BY id
"""
SELECT_TAGS = "SELECT id, name, color, created_at FROM tags ORDER BY id"
SELECT_LINKS = "SELECT model_id, tag_id FROM model_tags ORDER BY model_id, tag_id"


def select(database: Path, sql: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql)]


def schema(database: Path) -> set[str]:
    return {row["line"] for row in select(database, SELECT_SCHEMA)}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> DemoLibrary:
    return make_legacy_library(tmp_path_factory.mktemp("demo"), seed=7)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> DemoLibrary:
    """The same library in a folder that does not exist yet and has an awkward name."""
    return make_legacy_library(tmp_path_factory.mktemp("demo") / "my 模型 🎨 & more #1", seed=7)


@pytest.fixture(scope="module")
def rows(library: DemoLibrary) -> list[dict[str, Any]]:
    return select(library.database, SELECT_MODELS)


def row_of(rows: list[dict[str, Any]], quirk: Quirk) -> dict[str, Any]:
    """The one row whose own text says that it has this quirk."""
    (row,) = [row for row in rows if str(quirk) in (row["extra_json"] or "")]
    return row


def image_of(library: DemoLibrary, row: dict[str, Any]) -> Path:
    (image,) = json.loads(row["extra_json"])["images"]
    return library.images / str(image).removeprefix("/media/")


def file_hash(row: dict[str, Any]) -> str:
    return hashlib.sha256(Path(row["path"]).read_bytes()).hexdigest()


def test_the_schema_is_the_legacy_one_column_by_column(library: DemoLibrary) -> None:
    assert schema(library.database) == LEGACY_SCHEMA
    assert select(library.database, SELECT_VERSION) == [{"version": 2}]


@pytest.mark.skipif(not SAMPLE.exists(), reason="the legacy sample lies beside the checkout")
def test_the_schema_is_that_of_the_legacy_sample(tmp_path: Path) -> None:
    # A copy, because SQLite writes beside a database in WAL mode even to read it.
    sample = Path(shutil.copyfile(SAMPLE, tmp_path / "sample.sqlite3"))
    assert schema(sample) == LEGACY_SCHEMA


def test_the_database_is_in_wal_mode_and_was_closed_cleanly(elsewhere: DemoLibrary) -> None:
    header = elsewhere.database.read_bytes()[:20]
    assert header[18:20] == b"\x02\x02"
    found = {path.name for path in elsewhere.database.parent.iterdir()}
    assert found == {elsewhere.database.name, "images", "models"}


def test_the_same_seed_writes_the_same_bytes_wherever_the_library_lies(
    library: DemoLibrary, elsewhere: DemoLibrary
) -> None:
    for one, two in ((library.images, elsewhere.images), (library.models, elsewhere.models)):
        files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
        assert files == sorted(path.relative_to(two) for path in two.rglob("*") if path.is_file())
        assert [
            name for name in files if (one / name).read_bytes() != (two / name).read_bytes()
        ] == []
    first, second = (select(place.database, SELECT_MODELS) for place in (library, elsewhere))
    for one_row, other_row, entry in zip(first, second, CATALOGUE, strict=True):
        if entry.quirk is not Quirk.WINDOWS_PATH:
            path = Path(one_row.pop("path")).relative_to(library.models)
            assert Path(other_row.pop("path")) == elsewhere.models / path
        assert one_row == other_row
    for sql in (SELECT_TAGS, SELECT_LINKS):
        assert select(library.database, sql) == select(elsewhere.database, sql)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_is_painted_at_its_size_and_differs_by_seed(style: str) -> None:
    pictures = [paint(style, (160, 224), 0, Random(seed)) for seed in (1, 1, 2)]
    assert {(picture.mode, picture.size) for picture in pictures} == {("RGB", (160, 224))}
    assert pictures[0].tobytes() == pictures[1].tobytes()
    assert pictures[0].tobytes() != pictures[2].tobytes()


def test_a_library_that_is_there_already_is_left_alone(tmp_path: Path) -> None:
    database = tmp_path / "hikaze_mm.sqlite3"
    database.write_bytes(b"somebody's own")
    with pytest.raises(FileExistsError):
        make_legacy_library(tmp_path)
    assert database.read_bytes() == b"somebody's own"
    assert list(tmp_path.iterdir()) == [database]


def test_about_a_third_of_the_rows_are_unhashed_and_most_have_previews(
    library: DemoLibrary, rows: list[dict[str, Any]]
) -> None:
    assert len(rows) == library.rows == len(CATALOGUE)
    assert 0.25 < sum(row["hash_hex"] == "" for row in rows) / len(rows) < 0.4
    assert sum(len(entry.pictures) > 0 for entry in CATALOGUE) / len(rows) > 0.7
    assert sum(len(entry.pictures) == 0 for entry in CATALOGUE) >= 4
    assert {row["type"] for row in rows} == {
        "checkpoints", "loras", "vae", "embeddings", "upscale", "controlnet",
    }  # fmt: skip


def test_hashes_and_sizes_are_those_of_the_files_in_all_other_rows(
    rows: list[dict[str, Any]],
) -> None:
    odd = {Quirk.HASHED_ABSENT, Quirk.WINDOWS_PATH, Quirk.STALE_HASH, Quirk.SHORT_HASH}
    checked = 0
    for row, entry in zip(rows, CATALOGUE, strict=True):
        if entry.quirk not in odd | {Quirk.UNHASHED_ABSENT}:
            assert Path(row["path"]).stat().st_size == row["size_bytes"]
            assert row["hash_hex"].lower() in {"", file_hash(row)}
            checked += 1
    assert checked == len(rows) - 5


def test_every_model_file_has_a_safetensors_header_that_covers_its_weights(
    library: DemoLibrary,
) -> None:
    files = list(library.models.rglob("*.safetensors"))
    assert len(files) == len(CATALOGUE) - 3
    for file in files:
        data = file.read_bytes()
        length = int.from_bytes(data[:8], "little")
        tensors = json.loads(data[8 : 8 + length])
        assert tensors.pop("__metadata__")["format"] == "pt"
        place = 0
        for tensor in tensors.values():
            start, place_after = tensor["data_offsets"]
            assert start == place
            assert place_after - start == 2 * tensor["shape"][0] * tensor["shape"][1]
            place = place_after
        assert place == len(data) - 8 - length


def test_every_tag_is_lower_case_unique_and_linked(library: DemoLibrary) -> None:
    tags = select(library.database, SELECT_TAGS)
    links = select(library.database, SELECT_LINKS)
    assert all(tag["name"] == tag["name"].lower() for tag in tags)
    assert sum(not tag["name"].isascii() for tag in tags) >= 5
    assert {link["tag_id"] for link in links} == {tag["id"] for tag in tags}
    assert {link["model_id"] for link in links} == set(range(1, len(CATALOGUE) + 1))


def test_every_usable_picture_opens_and_every_picture_file_is_listed(
    library: DemoLibrary, rows: list[dict[str, Any]]
) -> None:
    unusable = {
        image_of(library, row_of(rows, quirk)).name
        for quirk in (Quirk.IMAGE_MISSING, Quirk.IMAGE_FAKE, Quirk.IMAGE_TRUNCATED)
    }
    listed = {
        str(image).removeprefix("/media/")
        for row, entry in zip(rows, CATALOGUE, strict=True)
        if entry.pictures
        for image in json.loads(row["extra_json"])["images"]
    }
    assert len(listed) == sum(len(entry.pictures) for entry in CATALOGUE)
    opened = 0
    for name in listed - unusable:
        with Image.open(library.images / name) as image:
            image.load()
            opened += 1
    assert opened == len(listed) - 3
    on_disk = {path.name for path in library.images.iterdir()}
    assert listed - on_disk == {image_of(library, row_of(rows, Quirk.IMAGE_MISSING)).name}
    assert on_disk <= listed


@pytest.mark.parametrize("quirk", [quirk for quirk in Quirk if quirk is not Quirk.NONE])
def test_each_quirk_is_named_in_the_text_of_its_own_row(
    rows: list[dict[str, Any]], quirk: Quirk
) -> None:
    (number,) = [index for index, entry in enumerate(CATALOGUE, 1) if entry.quirk is quirk]
    assert row_of(rows, quirk)["id"] == number


def test_absent_files_are_absent(rows: list[dict[str, Any]]) -> None:
    hashed = row_of(rows, Quirk.HASHED_ABSENT)
    unhashed = row_of(rows, Quirk.UNHASHED_ABSENT)
    assert not Path(hashed["path"]).exists()
    assert not Path(unhashed["path"]).exists()
    assert (len(hashed["hash_hex"]), unhashed["hash_hex"]) == (64, "")


def test_twins_share_the_bytes_of_another_row(rows: list[dict[str, Any]]) -> None:
    same, copy = row_of(rows, Quirk.SAME_HASH), row_of(rows, Quirk.UNHASHED_COPY)
    assert sum(row["hash_hex"] == same["hash_hex"] for row in rows) == 2
    assert copy["hash_hex"] == ""
    assert sum(row["hash_hex"] == file_hash(copy) for row in rows) == 1


def test_odd_hashes_are_odd_in_the_way_they_say(rows: list[dict[str, Any]]) -> None:
    stale, short = row_of(rows, Quirk.STALE_HASH), row_of(rows, Quirk.SHORT_HASH)
    upper = row_of(rows, Quirk.UPPER_HASH)
    assert stale["size_bytes"] != Path(stale["path"]).stat().st_size
    assert stale["hash_hex"] != file_hash(stale)
    assert 0 < len(short["hash_hex"]) < 64
    assert upper["hash_hex"] == file_hash(upper).upper()


def test_odd_paths_and_metadata_are_odd_in_the_way_they_say(rows: list[dict[str, Any]]) -> None:
    odd, windows = row_of(rows, Quirk.ODD_PATH), row_of(rows, Quirk.WINDOWS_PATH)
    assert all(mark in Path(odd["path"]).name for mark in ("🌸", " ", "桜"))
    assert Path(odd["path"]).is_file()
    assert PureWindowsPath(windows["path"]).drive == "C:"
    with pytest.raises(json.JSONDecodeError):
        json.loads(row_of(rows, Quirk.NOT_JSON)["extra_json"])


def test_odd_images_are_odd_in_the_way_they_say(
    library: DemoLibrary, rows: list[dict[str, Any]]
) -> None:
    def image(quirk: Quirk) -> Image.Image:
        return Image.open(image_of(library, row_of(rows, quirk)))

    with image(Quirk.ORIENTATION) as turned:
        assert turned.getexif()[ExifTags.Base.Orientation] == 6
        assert turned.width * turned.height > 2_000_000
        assert turned.width > turned.height
    with image(Quirk.ALPHA) as alpha:
        assert (alpha.format, alpha.mode) == ("PNG", "RGBA")
        assert alpha.getchannel("A").getextrema() == (0, 255)
    with image(Quirk.PALETTE) as palette:
        assert (palette.format, palette.mode) == ("PNG", "P")
    with image(Quirk.ANIMATED) as animated:
        assert animated.format == "GIF"
        assert getattr(animated, "n_frames", 1) > 1
    with image(Quirk.CMYK) as cmyk:
        assert (cmyk.format, cmyk.mode) == ("JPEG", "CMYK")
    with image(Quirk.IMAGE_TRUNCATED) as truncated, pytest.raises(OSError, match="truncated"):
        truncated.load()
    with pytest.raises(UnidentifiedImageError):
        image(Quirk.IMAGE_FAKE)
    assert not image_of(library, row_of(rows, Quirk.IMAGE_MISSING)).exists()
