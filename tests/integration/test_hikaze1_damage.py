"""Legacy databases that are damaged: what can be read is read, and what is lost is named."""

from __future__ import annotations

import random
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import SourceUnreadable
from engine.facts.source import Notice
from tests.integration import legacy_libraries as legacy

ROWS = 2000


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A library of 2000 rows, about 20 on a page."""
    return legacy.make(tmp_path / "hikaze_mm.sqlite3", rows=ROWS)


def lost_keys(warnings: list[Notice]) -> set[int]:
    """The keys that warnings of lost rows speak of, as far as there were rows."""
    keys: set[int] = set()
    for warning in warnings:
        if warning.code != "rows_unreadable" or "index knows of" in warning.detail:
            continue
        found = re.match(r".*: rows? (?:from )?(\d+)(?: to (\d+)| (on))?\.$", warning.detail)
        assert found, warning
        last = ROWS if found[3] else int(found[2] or found[1])
        keys.update(range(int(found[1]), last + 1))
    return keys


def read_and_lost(path: Path, scratch: Path, size: int = 100) -> tuple[list[int], set[int]]:
    chunks = legacy.chunks(path, scratch, after="0", size=size)
    read = [model.number or 0 for chunk in chunks for model in chunk.models]
    assert read == sorted(set(read))
    return read, lost_keys([warning for chunk in chunks for warning in chunk.warnings])


def spoil_page_of(path: Path, content: bytes, filling: bytes = b"\xff") -> None:
    offset, length = legacy.page_of(path, content)
    legacy.overwrite(path, offset, (filling * length)[:length])


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0" * 4096, id="zeros"),
        pytest.param(b"PK\3\4" + b"x" * 5000, id="a zip"),
        pytest.param(random.Random(1).randbytes(8192), id="encrypted"),
        pytest.param(b"SQLite format 3\0", id="the first 16 bytes of one"),
        pytest.param(b"SQLite format 3\0" + b"\xff" * 4080, id="a senseless header"),
        pytest.param(b"SQLite format 3\0" + b"\0" * 4080, id="an empty header"),
    ],
)
def test_what_is_no_database_is_refused(tmp_path: Path, scratch: Path, content: bytes) -> None:
    path = tmp_path / "no.sqlite3"
    path.write_bytes(content)

    with pytest.raises(SourceUnreadable) as caught:
        legacy.models(path, scratch)

    assert caught.value.reason.endswith(".")
    assert path.read_bytes() == content


@pytest.mark.parametrize("filling", [b"\xff", b"\0", b"\x0d"])
def test_rows_around_a_damaged_page_are_read_and_its_own_are_named(
    path: Path, scratch: Path, filling: bytes
) -> None:
    spoil_page_of(path, b'"model 1000"', filling)

    read, lost = read_and_lost(path, scratch)

    assert 1000 in lost
    assert len(lost) < 50
    assert sorted([*read, *lost]) == list(range(1, ROWS + 1))
    with legacy.opened(path, scratch) as source:
        assert source.rows == ROWS  # an index still knows of all


def test_what_is_lost_does_not_depend_on_the_size_of_chunks(path: Path, scratch: Path) -> None:
    for number in (1, 300, 400, 1000, 2000):
        spoil_page_of(path, f'"model {number}"'.encode())

    outcomes = [read_and_lost(path, scratch, size) for size in (1, 7, 100, 5000)]

    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert sorted([*outcomes[0][0], *outcomes[0][1]]) == list(range(1, ROWS + 1))
    assert outcomes[0][1] >= {1, 300, 400, 1000, 2000}
    assert 350 in outcomes[0][0]


def test_reading_resumes_within_what_is_lost(path: Path, scratch: Path) -> None:
    spoil_page_of(path, b'"model 1000"')
    read, _ = read_and_lost(path, scratch)

    resumed = legacy.chunks(path, scratch, after="1000", size=100)

    found = [model.number for chunk in resumed for model in chunk.models]
    assert found == [key for key in read if key > 1000]
    assert resumed[0].warnings[0].code == "rows_unreadable"


def test_keys_far_apart_are_found_again_after_a_damaged_page(tmp_path: Path, scratch: Path) -> None:
    path = legacy.make(tmp_path / "sparse.sqlite3", schema=legacy.LOOSE_SCHEMA)
    keys = [number * 10**12 for number in range(-500, 500)]
    with closing(sqlite3.connect(path)) as connection, connection:
        add = "INSERT INTO models (id, path) VALUES (?, ?)"
        connection.executemany(add, ((key, f"/models/{key}".ljust(200)) for key in keys))
    spoil_page_of(path, f"/models/{keys[700]} ".encode())

    chunks = legacy.chunks(path, scratch)

    read = [model.number or 0 for chunk in chunks for model in chunk.models]
    assert set(read) < set(keys)
    assert len(keys) - len(read) < 25
    assert keys[700] not in read
    assert [warning.code for chunk in chunks for warning in chunk.warnings] == ["rows_unreadable"]


def test_a_damaged_page_between_root_and_leaves_loses_its_leaves_only(
    tmp_path: Path, scratch: Path
) -> None:
    path = tmp_path / "small.sqlite3"
    legacy.make(path, rows=ROWS, schema="PRAGMA page_size = 512;" + legacy.LOOSE_SCHEMA)
    data = path.read_bytes()
    leaves = {  # interior pages of tables, but for the first pages, which are roots
        offset: int.from_bytes(data[offset + 3 : offset + 5], "big")
        for offset in range(10 * 512, len(data), 512)
        if data[offset] == 5
    }
    offset = max(leaves, key=lambda offset: leaves[offset])
    legacy.overwrite(path, offset, b"\xff" * 512)

    read, lost = read_and_lost(path, scratch)

    assert 20 < len(lost) < ROWS / 2
    assert sorted([*read, *lost]) == list(range(1, ROWS + 1))


def test_a_damaged_cell_of_a_sound_row_is_missing_alone(tmp_path: Path, scratch: Path) -> None:
    path = legacy.make(tmp_path / "long.sqlite3", rows=50)
    with closing(sqlite3.connect(path)) as connection, connection:
        change = "UPDATE models SET extra_json = ? WHERE id = 7"
        connection.execute(change, ("x" * 9000 + "needle" + "x" * 9000,))
    offset, _ = legacy.page_of(path, b"needle")
    previous = offset // 4096 + 1
    data = path.read_bytes()
    chain = data.index(previous.to_bytes(4, "big") + b"x" * 100)
    legacy.overwrite(path, chain, b"\xff\xff\xff\xff")

    found = legacy.models(path, scratch)

    assert [model.number for model in found] == list(range(1, 51))
    assert [(model.number, model.warnings[0].code) for model in found if model.warnings] == [
        (7, "cell_unreadable")
    ]
    assert (found[6].path, found[6].tags) == ("/models/7.safetensors", ("style", "日本語"))


def test_a_damaged_index_hides_no_row(path: Path, scratch: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        roots = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE type = 'index' AND tbl_name <> 'tags'"
        ).fetchall()
    for (root,) in roots:
        legacy.overwrite(path, (root - 1) * 4096, b"\xff" * 4096)

    with legacy.opened(path, scratch) as source:
        found = [model for chunk in source.chunks("", 100) for model in chunk.models]
        assert source.rows == ROWS

    assert [model.number for model in found] == list(range(1, ROWS + 1))
    assert {model.tags for model in found} == {("style", "日本語")}


def test_a_damaged_page_of_links_loses_their_tags_and_is_named(
    tmp_path: Path, scratch: Path
) -> None:
    path = tmp_path / "loose.sqlite3"
    legacy.make(path, rows=ROWS, schema=legacy.LOOSE_SCHEMA)
    with closing(sqlite3.connect(path)) as connection:
        find = "SELECT rootpage FROM sqlite_master WHERE name = 'model_tags'"
        ((root,),) = connection.execute(find).fetchall()
    data = path.read_bytes()
    start = (root - 1) * 4096
    first_cell = int.from_bytes(data[start + 12 : start + 14], "big")
    child = int.from_bytes(data[start + first_cell : start + first_cell + 4], "big")
    legacy.overwrite(path, (child - 1) * 4096, b"\xff" * 4096)

    told = [warning.code for warning in legacy.warnings_of(path, scratch)]
    found = legacy.models(path, scratch)

    assert told == ["tag_links_unreadable"]
    assert [model.number for model in found] == list(range(1, ROWS + 1))
    assert (found[0].tags, found[-1].tags) == ((), ("style", "日本語"))


def test_a_damaged_table_of_tags_leaves_the_models(path: Path, scratch: Path) -> None:
    spoil_page_of(path, "日本語".encode())

    codes = {warning.code for warning in legacy.warnings_of(path, scratch)}
    found = legacy.models(path, scratch)

    assert codes == {"tags_damaged"}
    assert len(found) == ROWS
    assert {warning.code for warning in found[0].warnings} == {"tag_missing"}


def test_a_library_of_which_no_row_can_be_read_is_refused(path: Path, scratch: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        find = "SELECT rootpage FROM sqlite_master WHERE name = 'models'"
        ((root,),) = connection.execute(find).fetchall()
    legacy.overwrite(path, (root - 1) * 4096, b"\xff" * 4096)

    with pytest.raises(SourceUnreadable, match="not one row"):
        legacy.models(path, scratch)


def test_a_page_that_lies_where_another_belongs_is_seen_through(path: Path, scratch: Path) -> None:
    whole = path.read_bytes()
    offset, length = legacy.page_of(path, b'"model 1500"')
    for number in (1, 500, 2000):
        path.write_bytes(whole)
        page, _ = legacy.page_of(path, f'"model {number}"'.encode())
        legacy.overwrite(path, page, whole[offset : offset + length])

        read, lost = read_and_lost(path, scratch)

        assert sorted([*read, *lost]) == list(range(1, ROWS + 1))
        assert number in lost
        assert 1500 in read


def test_a_row_whose_key_was_overwritten_is_named(path: Path, scratch: Path) -> None:
    whole = path.read_bytes()
    offset, _ = legacy.page_of(path, b'"model 1000"')
    key = whole.index((0x8768).to_bytes(2, "big"), offset)  # 1000 as a varint

    for other in (0x8763, 0x8767, 0x8769, 0x8820, 0xFF7F, 0x8001):  # 995, 999, 1001, …
        path.write_bytes(whole)
        legacy.overwrite(path, key, other.to_bytes(2, "big"))

        read, lost = read_and_lost(path, scratch)

        assert {*read, *lost} >= set(range(1, ROWS + 1))
        assert 1000 in lost
        assert len(lost) < 50


def test_rows_that_only_an_index_still_knows_of_are_counted(path: Path, scratch: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        find = "SELECT rootpage FROM sqlite_master WHERE name = 'models'"
        ((root,),) = connection.execute(find).fetchall()
    offset, length = legacy.page_of(path, b'"model 1500"')
    legacy.overwrite(path, (root - 1) * length, path.read_bytes()[offset : offset + length])

    with legacy.opened(path, scratch) as source:
        chunks = list(source.chunks("", 1000))

    (kept,) = [len(chunk.models) for chunk in chunks if chunk.models]
    assert [warning.detail for chunk in chunks for warning in chunk.warnings] == [
        f"models: of {ROWS} rows that an index knows of, {kept} were found."
    ]


def test_gaps_in_the_keys_of_a_sound_table_are_no_damage(path: Path, scratch: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM models WHERE id % 7 <> 0 OR id BETWEEN 500 AND 1500")

    for after in (0, 6, 700, 1501):
        chunks = legacy.chunks(path, scratch, str(after), size=13)

        keys = [model.number for chunk in chunks for model in chunk.models]
        assert keys == [
            key for key in range(7, ROWS + 1, 7) if key > after and not 500 <= key <= 1500
        ]
        assert not any(chunk.warnings for chunk in chunks)


def test_a_truncated_database_gives_the_rows_that_are_left_or_is_refused(
    path: Path, scratch: Path
) -> None:
    whole = path.read_bytes()
    outcomes = []
    for length in [1, 15, 16, 99, 100, 512, 4095, 4096, *range(5000, len(whole), 40_961)]:
        path.write_bytes(whole[:length])
        try:
            read, lost = read_and_lost(path, scratch)
        except SourceUnreadable:
            outcomes.append(0)
        else:
            assert sorted([*read, *lost]) == list(range(1, ROWS + 1))
            outcomes.append(len(read))
        assert path.stat().st_size == length

    assert outcomes[:7] == [0] * 7
    assert outcomes[-1] > ROWS / 2
    assert outcomes == sorted(outcomes)


def test_a_database_whose_pages_lead_in_circles_comes_to_an_end(path: Path, scratch: Path) -> None:
    data = path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        find = "SELECT rootpage FROM sqlite_master WHERE name = 'models'"
        ((root,),) = connection.execute(find).fetchall()
    start = (root - 1) * 4096
    cells = int.from_bytes(data[start + 3 : start + 5], "big")
    places = [start + 12 + 2 * place for place in range(cells)]
    pointers = [start + int.from_bytes(data[place : place + 2], "big") for place in places]
    # The last children are the first ones once more.
    for earlier, later in zip(pointers[:3], pointers[-3:], strict=True):
        legacy.overwrite(path, later, data[earlier : earlier + 4])

    read, lost = read_and_lost(path, scratch)

    assert set(read) | lost == set(range(1, ROWS + 1))


@pytest.mark.parametrize("seed", range(60))
def test_whatever_is_damaged_reading_ends_in_order_or_with_a_reason(
    tmp_path: Path, scratch: Path, seed: int
) -> None:
    path = legacy.make(tmp_path / "hikaze_mm.sqlite3", rows=400)
    chance = random.Random(seed)
    for _ in range(chance.choice([1, 5, 50])):
        length = chance.choice([1, 4, 100, 4096])
        legacy.overwrite(path, chance.randrange(path.stat().st_size), chance.randbytes(length))

    refused = ""
    try:
        with legacy.opened(path, scratch) as source:
            assert source.rows >= 0
            source.tags()
            keys = [model.number or 0 for chunk in source.chunks("", 50) for model in chunk.models]
    except SourceUnreadable as refusal:
        refused = refusal.reason
        keys = []
    assert refused or keys == sorted(set(keys))
