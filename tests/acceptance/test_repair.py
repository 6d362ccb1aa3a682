"""What a repair mends, what it leaves with advice, and that it tells beforehand what it will do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.composition import Reshelve
from engine.facts.repair_report import ADVICE, RepairReport
from tests import commands
from tests.acceptance.planting import (
    BARE,
    ONE,
    TWO,
    WAITS,
    WAITS_TOO,
    Planted,
    picture,
)
from tests.waiting_library import active, opened, query, sha_of, waiting

pytestmark = pytest.mark.anyio

NONE = sha_of(BARE)
COUNT = """
UPDATE models SET meta_json = json_set(meta_json, '$.images_count', ?) WHERE sha256 = ?
"""


async def problems(planted: Planted) -> list[tuple[str, str]]:
    async with Reshelve().verification(planted.library, None, 2) as verification:
        return [(p.code, p.path) async for p in verification.faults()]


async def plan(planted: Planted) -> RepairReport:
    async with Reshelve().repair_plan(planted.library, 2) as repair:
        return await repair.run()


async def repaired(planted: Planted) -> RepairReport:
    async with opened(planted.library) as service:
        return await service.repairs.carry_out()


def images(planted: Planted) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in planted.images.iterdir() if path.is_file()}


# --- what is mended


def sql(statement: str, *values: object) -> Callable[[Planted], None]:
    return lambda planted: planted.sql(statement, *values)


def lose(sha256: str, seq: int, *tiers: str) -> Callable[[Planted], None]:
    def plant(planted: Planted) -> None:
        for tier in tiers:
            planted.tier(sha256, seq, tier).unlink()

    return plant


def cut(sha256: str, seq: int, tier: str) -> Callable[[Planted], None]:
    def plant(planted: Planted) -> None:
        path = planted.tier(sha256, seq, tier)
        path.write_bytes(path.read_bytes()[:-30])

    return plant


def cut_and_lack(planted: Planted) -> None:
    cut(ONE, 1, "high")(planted)
    sql(COUNT, 1, ONE)(planted)


MENDED: dict[str, tuple[Callable[[Planted], None], set[str]]] = {
    "a link of nobody": (
        sql("INSERT INTO model_tags VALUES (?, 1)", sha_of(b"gone")),
        {"tag_link_dangling"},
    ),
    "a link to no tag": (
        sql("INSERT INTO pending_model_tags VALUES (?, 77)", WAITS),
        {"tag_link_dangling"},
    ),
    "tags_id_max too low": (
        sql("UPDATE db_meta SET value = '1' WHERE key = 'tags_id_max'"),
        {"meta_wrong"},
    ),
    "tags_id_max that is no number": (
        sql("UPDATE db_meta SET value = 'many' WHERE key = 'tags_id_max'"),
        {"meta_wrong"},
    ),
    "no db_version": (sql("DELETE FROM db_meta WHERE key = 'db_version'"), {"meta_wrong"}),
    "a name and a type that are missing": (
        sql("UPDATE models SET name = NULL, type = NULL WHERE sha256 = ?", ONE),
        {"record_invalid"},
    ),
    "a waiting record without metadata": (
        sql("UPDATE pending_import SET meta_json = NULL WHERE id = ?", WAITS_TOO),
        {"record_invalid"},
    ),
    "metadata of an active model that are missing": (
        sql("UPDATE models SET meta_json = NULL WHERE sha256 = ?", ONE),
        {"record_invalid", "images_count_wrong"},
    ),
    "a count of the journal": (
        sql("UPDATE migration_counts SET n = n + 1 WHERE run_id = 1 AND name = 'promoted'"),
        {"journal_wrong"},
    ),
    "a count of the journal that is gone": (
        sql("DELETE FROM migration_counts WHERE run_id = 1"),
        {"journal_wrong"},
    ),
    "a trigger that is gone": (sql("DROP TRIGGER migration_items_guard"), {"journal_wrong"}),
    "an index that is gone": (sql("DROP INDEX migration_items_work"), {"journal_wrong"}),
    "a count that lacks a set": (sql(COUNT, 1, ONE), {"images_count_wrong"}),
    "a count that lacks a set whose tier is cut": (
        cut_and_lack,
        {"images_count_wrong", "image_unreadable"},
    ),
    "a count of none": (sql(COUNT, 0, TWO), {"images_count_wrong"}),
    "a count of sets that never were": (
        sql(COUNT, 2, NONE),
        {"images_count_wrong", "image_missing"},
    ),
    "a low tier that is lost": (
        lose(ONE, 0, "low"),
        {"image_missing", "images_count_wrong"},
    ),
    "a high tier that is lost": (
        lose(ONE, 1, "high"),
        {"image_missing", "images_count_wrong"},
    ),
    "a set that is lost, whose original is there": (
        lose(ONE, 0, "high", "medium", "low"),
        {"image_missing", "images_count_wrong"},
    ),
    "an uploaded tier that is lost": (
        lose(TWO, 2, "medium"),
        {"image_missing", "images_count_wrong"},
    ),
    "the last set, uploaded, that is lost": (
        lose(TWO, 2, "high", "medium", "low"),
        {"image_missing", "images_count_wrong"},
    ),
    "a medium tier that is cut": (cut(ONE, 0, "medium"), {"image_unreadable"}),
    "a high tier that is cut": (cut(ONE, 0, "high"), {"image_unreadable"}),
    "a waiting model of an active path": (
        sql(
            "INSERT INTO pending_import SELECT 90, path, '', 'its name', 'loras', 1, 1, '{}' "
            "FROM models WHERE sha256 = ?",
            NONE,
        ),
        {"path_twice"},
    ),
}


@pytest.mark.parametrize("name", MENDED)
async def test_what_is_certain_is_mended_as_was_told_before(name: str, planted: Planted) -> None:
    plant, codes = MENDED[name]
    plant(planted)
    told = await plan(planted)
    report = await repaired(planted)
    assert ({mended.code for mended in report.repaired}, report.left) == (codes, [])
    assert told == report
    assert await problems(planted) == []


@pytest.mark.parametrize("name", MENDED)
async def test_a_plan_changes_nothing(name: str, planted: Planted) -> None:
    MENDED[name][0](planted)
    before = commands.files_of(planted.library)
    await plan(planted)
    assert commands.files_of(planted.library) == before


@pytest.mark.parametrize(
    "plant",
    [
        lose(ONE, 0, "high", "medium", "low"),
        lose(ONE, 1, "high"),
        lose(ONE, 1, "medium", "low"),
        cut(ONE, 1, "high"),
        lose(TWO, 0, "high", "low"),
    ],
)
async def test_what_its_original_is_left_of_comes_back_byte_for_byte(
    plant: Callable[[Planted], None], planted: Planted
) -> None:
    before = images(planted)
    plant(planted)
    await repaired(planted)
    assert images(planted) == before


async def test_a_count_that_is_mended_counts_what_is_there(planted: Planted) -> None:
    lose(TWO, 2, "high", "medium", "low")(planted)
    sql(COUNT, 0, ONE)(planted)
    await repaired(planted)
    counts = {sha: record["images_count"] for sha, record in active(planted.library).items()}
    assert counts == {ONE: 2, TWO: 2, NONE: 0}


async def test_a_waiting_model_that_is_active_fills_what_the_active_one_lacks(
    planted: Planted,
) -> None:
    MENDED["a waiting model of an active path"][0](planted)
    await repaired(planted)
    assert 90 not in waiting(planted.library)
    assert active(planted.library)[NONE]["type"] == "loras"


# --- what is left


def lay(name: str, content: bytes) -> Callable[[Planted], None]:
    def plant(planted: Planted) -> None:
        (planted.images / name).write_bytes(content)

    return plant


def lack_a_set_that_is_cut(planted: Planted) -> None:
    for tier in ("high", "medium"):
        cut(ONE, 1, tier)(planted)
    sql(COUNT, 1, ONE)(planted)
    for path in (planted.folder / "legacy" / "images").glob("1 *"):
        path.unlink()


def lose_with_originals(planted: Planted) -> None:
    lose(TWO, 0, "high", "medium", "low")(planted)
    for path in [*(planted.folder / "legacy" / "images").glob("2 *")]:
        path.unlink()


SAME_PATH = "(SELECT path FROM models WHERE sha256 = ?)"

LEFT: dict[str, tuple[Callable[[Planted], None], set[str]]] = {
    "a stray": (lay("mine.webp", b"mine"), {"image_stray"}),
    "a folder": (lambda planted: (planted.images / "mine").mkdir(), {"folder_stray"}),
    "a stray original": (lay("pending/mine.png", picture(5)), {"pending_image_stray"}),
    "a tag without a name": (
        sql("UPDATE tags SET name = '' WHERE id = 1"),
        {"tag_invalid"},
    ),
    "two active models of a path": (
        sql(f"UPDATE models SET path = {SAME_PATH} WHERE sha256 = ?", ONE, TWO),
        {"path_twice"},
    ),
    "a model file that is gone": (
        lambda planted: (planted.models / "1.safetensors").unlink(),
        {"file_missing"},
    ),
    "a set that is gone from the front, and its original": (
        lose_with_originals,
        {"image_missing", "images_count_wrong"},
    ),
    "a set that no count speaks of, cut, and its original": (
        lack_a_set_that_is_cut,
        {"image_unreadable", "images_count_wrong"},
    ),
    "a row that is gone": (
        sql("DELETE FROM migration_rows WHERE item_id = 1"),
        {"journal_wrong"},
    ),
}


@pytest.mark.parametrize("name", LEFT)
async def test_what_is_not_certain_is_left_as_it_is_with_advice(
    name: str, planted: Planted
) -> None:
    plant, codes = LEFT[name]
    plant(planted)
    found, before = await problems(planted), images(planted)
    report = await repaired(planted)
    assert {left.code for left in report.left} == codes
    assert [(left.code, left.path) for left in report.left] == found
    assert all(left.advice == ADVICE[left.code] for left in report.left)
    assert await problems(planted) == found
    assert images(planted) == before


async def test_a_waiting_path_whose_file_is_another_is_left(planted: Planted) -> None:
    MENDED["a waiting model of an active path"][0](planted)
    (planted.models / "3.safetensors").write_bytes(b"another")
    report = await repaired(planted)
    assert [left.code for left in report.left] == ["path_twice"]
    assert query(planted.library, "SELECT id FROM pending_import WHERE id = 90") == [(90,)]


async def test_a_picture_that_somebody_put_there_is_not_replaced(planted: Planted) -> None:
    lose(ONE, 0, "high", "medium")(planted)
    planted.tier(ONE, 0, "low").write_bytes(picture(123))
    before = planted.tier(ONE, 0, "low").read_bytes()
    await repaired(planted)
    assert planted.tier(ONE, 0, "low").read_bytes() == before


# --- the command


def test_the_command_mends_and_tells(planted: Planted) -> None:
    lose(ONE, 0, "low")(planted)
    (planted.images / ".reshelve-0123.tmp").write_bytes(b"half")
    (planted.images / "notes.txt").write_text("mine")
    told = commands.run("repair", "--library", planted.library, "--json", "--dry-run")
    done = commands.run("repair", "--library", planted.library, "--json")
    assert (told.returncode, done.returncode) == (3, 3)
    assert json.loads(told.stdout) == json.loads(done.stdout)
    document = json.loads(done.stdout)
    assert [mended["code"] for mended in document["repaired"]] == [
        "image_missing",
        "images_count_wrong",
        "temporary_left",
    ]
    assert [(left["code"], Path(left["path"]).name) for left in document["left"]] == [
        ("image_stray", "notes.txt")
    ]


def test_the_command_finds_nothing_to_mend(planted: Planted) -> None:
    done = commands.run("repair", "--library", planted.library, "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"repaired": [], "left": []})


def test_the_command_shows_what_it_did_and_what_is_left(planted: Planted) -> None:
    lose(ONE, 0, "low")(planted)
    (planted.images / "notes.txt").write_text("mine")
    done = commands.run("repair", "--library", planted.library)
    shown = done.stdout.decode()
    assert "it is made again" in shown
    assert ADVICE["image_stray"] in shown
    assert "Mended 2, and 1 are left" in shown


async def test_the_command_is_refused_while_somebody_owns_the_library(planted: Planted) -> None:
    async with opened(planted.library):
        done = commands.run("repair", "--library", planted.library, "--json")
    assert done.returncode == 4


def test_the_command_makes_no_library(tmp_path: Path) -> None:
    done = commands.run("repair", "--library", tmp_path / "none")
    assert done.returncode == 5
    assert not (tmp_path / "none").exists()


def test_every_code_of_verification_has_advice() -> None:
    assert {
        "image_missing", "image_unreadable", "image_stray", "images_count_wrong",
        "record_invalid", "temporary_left", "file_missing", "hash_mismatch",
        "tag_link_dangling", "tag_invalid", "path_twice", "pending_image_wrong",
        "pending_image_stray", "preview_wrong", "meta_wrong", "journal_wrong", "folder_stray",
    } == set(ADVICE)  # fmt: skip
