"""What verification finds: a good library damaged in one way, and nothing told but that."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from adapters.composition import Reshelve
from adapters.files.stored import DiskStoredFiles
from engine.facts.findings import Fault, Sample
from engine.facts.previews import UnusableImage
from tests.waiting_library import (
    Legacy,
    Row,
    active,
    migrate,
    opened,
    picture,
    preview_names,
    query,
    sha_of,
    waiting,
)

pytestmark = pytest.mark.anyio

COMMAND = Path(sys.executable).with_name("reshelve")
TWO, NONE = sha_of(b"two images"), sha_of(b"no image")
WAITING = 3
EVERYTHING = Sample(1, 1)
SET_COUNT = """
UPDATE models SET meta_json = json_set(meta_json, '$.images_count', ?) WHERE sha256 = ?
"""


class Shelved:
    """A library that is as it should be: two active models, one that waits with an image."""

    def __init__(self, folder: Path) -> None:
        self.library = folder / "library"
        self.images = self.library / "images"
        self.models = folder / "legacy" / "models"

    def sql(self, sql: str, *values: object) -> None:
        query(self.library, sql, *values)

    def preview(self, seq: int, tier: str) -> Path:
        return self.images / f"{TWO}_{seq}_{tier}.webp"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    two = (("a.png", picture(1)), ("b.png", picture(2)))
    rows = [
        Row(1, b"two images", hashed=True, name="one", images=two, tags=("tag",)),
        Row(2, b"no image", hashed=True, name="two"),
        Row(WAITING, b"waits", name="three", images=(("c.png", picture(3)),)),
    ]
    legacy = Legacy(folder / "legacy", rows)

    async def shelve() -> None:
        async with opened(folder / "library") as service:
            await migrate(service, legacy)

    anyio.run(shelve)
    return folder


@pytest.fixture
def shelved(good: Path, tmp_path: Path) -> Shelved:
    """A copy of the good library, with model files of its own, to be damaged."""
    shutil.copytree(good, tmp_path / "copy")
    copy = Shelved(tmp_path / "copy")
    for table in ("models", "pending_import"):
        copy.sql(
            f"UPDATE {table} SET path = replace(path, ?, ?)", str(good), str(tmp_path / "copy")
        )
    return copy


async def problems(shelved: Shelved, rehash: Sample | None = None) -> list[Fault]:
    async with Reshelve().verification(shelved.library, rehash, 2) as verification:
        return [fault async for fault in verification.faults()]


async def told(shelved: Shelved, rehash: Sample | None = None) -> list[tuple[str, str]]:
    """(code, file name) of all problems, in order."""
    found = await problems(shelved, rehash)
    return sorted((problem.code, Path(problem.path).name) for problem in found)


async def test_a_good_library_has_no_problems(shelved: Shelved) -> None:
    assert await told(shelved, EVERYTHING) == []


async def test_what_was_looked_at_is_counted(shelved: Shelved) -> None:
    async with Reshelve().verification(shelved.library, None, 2) as verification:
        assert [fault async for fault in verification.faults()] == []
    assert (verification.models, verification.images) == (2, 6)


# --- damages: each told by exactly these


def lose_preview(shelved: Shelved) -> None:
    shelved.preview(1, "low").unlink()


def lose_original(shelved: Shelved) -> None:
    (shelved.images / "pending" / "c.png").unlink()


def cut_preview(shelved: Shelved) -> None:
    path = shelved.preview(0, "medium")
    path.write_bytes(path.read_bytes()[:-9])


def empty_preview(shelved: Shelved) -> None:
    shelved.preview(0, "medium").write_bytes(b"")


def fold_preview(shelved: Shelved) -> None:
    shelved.preview(0, "medium").unlink()
    shelved.preview(0, "medium").mkdir()


def add_preview_of_nobody(shelved: Shelved) -> None:
    shutil.copy(shelved.preview(0, "low"), shelved.images / f"{sha_of(b'nobody')}_0_low.webp")


def add_preview_beyond_the_last(shelved: Shelved) -> None:
    shutil.copy(shelved.preview(0, "low"), shelved.preview(2, "low"))


def add_foreign_file(shelved: Shelved) -> None:
    (shelved.images / "notes.txt").write_text("mine")


def count_too_few(shelved: Shelved) -> None:
    shelved.sql(SET_COUNT, 1, TWO)


def count_too_many(shelved: Shelved) -> None:
    shelved.sql(SET_COUNT, 1, NONE)


def leave_temporary_preview(shelved: Shelved) -> None:
    (shelved.images / ".reshelve-0123.tmp").write_bytes(b"half")


def leave_temporary_original(shelved: Shelved) -> None:
    (shelved.images / "pending" / ".reshelve-0123.tmp").write_bytes(b"half")


def lose_file(shelved: Shelved) -> None:
    (shelved.models / "1.safetensors").unlink()


def lose_waiting_file(shelved: Shelved) -> None:
    (shelved.models / "3.safetensors").unlink()


def damaged(assignment: str, table: str = "models") -> Callable[[Shelved], None]:
    def damage(shelved: Shelved) -> None:
        shelved.sql(f"UPDATE {table} SET {assignment} WHERE path LIKE '%/{number}.safetensors'")

    number = 2 if table == "models" else WAITING
    return damage


SET_OF_NONE = sorted(("image_missing", name) for name in preview_names(NONE, 1))
ACTIVE_RECORD = [("record_invalid", "2.safetensors")]
WAITING_RECORD = [("record_invalid", "3.safetensors")]
Told = list[tuple[str, str]]

DAMAGES: dict[str, tuple[Callable[[Shelved], None], Told]] = {
    # A set without one of its tiers is no complete set, so its model counts one too many.
    "a preview is lost": (
        lose_preview,
        [("image_missing", f"{TWO}_1_low.webp"), ("images_count_wrong", "1.safetensors")],
    ),
    "an original is lost": (lose_original, [("image_missing", "3.safetensors")]),
    "a preview is cut": (cut_preview, [("image_unreadable", f"{TWO}_0_medium.webp")]),
    "a preview is empty": (empty_preview, [("image_unreadable", f"{TWO}_0_medium.webp")]),
    "a preview is a folder": (fold_preview, [("image_unreadable", f"{TWO}_0_medium.webp")]),
    "a preview of nobody": (
        add_preview_of_nobody,
        [("image_stray", f"{sha_of(b'nobody')}_0_low.webp")],
    ),
    "a preview beyond the last": (
        add_preview_beyond_the_last,
        [("image_stray", f"{TWO}_2_low.webp")],
    ),
    "a foreign file": (add_foreign_file, [("image_stray", "notes.txt")]),
    # What lies complete behind the count is as good as any other set: only the count is wrong.
    "a count too small": (count_too_few, [("images_count_wrong", "1.safetensors")]),
    "a count too large": (count_too_many, [*SET_OF_NONE, ("images_count_wrong", "2.safetensors")]),
    "half a preview": (leave_temporary_preview, [("temporary_left", ".reshelve-0123.tmp")]),
    "half an original": (leave_temporary_original, [("temporary_left", ".reshelve-0123.tmp")]),
    "a file is lost": (lose_file, [("file_missing", "1.safetensors")]),
    "a waiting file is lost": (lose_waiting_file, [("file_missing", "3.safetensors")]),
    "no name": (damaged("name = NULL"), ACTIVE_RECORD),
    "a type that is a blob": (damaged("type = x'00ff'"), ACTIVE_RECORD),
    "a name that is no UTF-8": (damaged("name = CAST(x'61ff' AS TEXT)"), ACTIVE_RECORD),
    "a size that is text": (damaged("size_bytes = 'many'"), ACTIVE_RECORD),
    "a time that is a fraction": (damaged("created_at = 0.5"), ACTIVE_RECORD),
    "no metadata": (damaged("meta_json = NULL"), ACTIVE_RECORD),
    "metadata that is no JSON": (damaged("meta_json = '{'"), ACTIVE_RECORD),
    "a null in the metadata": (
        damaged("""meta_json = '{"description": null}'"""),
        ACTIVE_RECORD,
    ),
    "a hash that is none": (damaged("sha256 = 'not a hash'"), ACTIVE_RECORD),
    "a hash in upper case": (damaged("sha256 = upper(sha256)"), ACTIVE_RECORD),
    "an empty hash": (damaged("sha256 = ''"), ACTIVE_RECORD),
    "a hash that is a blob": (damaged("sha256 = CAST(sha256 AS BLOB)"), ACTIVE_RECORD),
    "a waiting record without a name": (damaged("name = NULL", "pending_import"), WAITING_RECORD),
    "a waiting record with a bad hash": (
        damaged("sha256 = 'abc'", "pending_import"),
        WAITING_RECORD,
    ),
    "waiting metadata that is no JSON": (
        damaged("meta_json = '{'", "pending_import"),
        WAITING_RECORD,
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
async def test_a_damage_is_told_and_nothing_else(name: str, shelved: Shelved) -> None:
    damage, expected = DAMAGES[name]
    damage(shelved)
    with anyio.fail_after(5):
        assert await told(shelved) == sorted(expected)


async def test_every_code_of_the_contract_but_the_hash_is_among_the_damages() -> None:
    codes = {code for _, expected in DAMAGES.values() for code, _ in expected}
    assert codes == {
        "image_missing",
        "image_unreadable",
        "image_stray",
        "images_count_wrong",
        "record_invalid",
        "temporary_left",
        "file_missing",
    }


class Unreadable(DiskStoredFiles):
    """An image folder of which nothing can be read, and that loses its patience."""

    def __init__(self, library: Path, patience: int) -> None:
        super().__init__(library)
        self._patience = patience

    def preview(self, name: str) -> bytes | None:
        self._patience -= 1
        assert self._patience > 0, "it is read again and again"
        raise UnusableImage("image_unreadable", "the disk does not give it")


async def test_images_that_cannot_be_read_are_looked_for_no_further(shelved: Shelved) -> None:
    async with Reshelve().verification(shelved.library, None, 1) as verification:
        verification._inspection._files = Unreadable(shelved.library, 50)
        found = [fault async for fault in verification.faults()]
    assert sorted((p.code, Path(p.path).name) for p in found) == sorted(
        ("image_unreadable", name) for name in preview_names(TWO, 2)
    )


# --- hashes


def change_file(shelved: Shelved) -> None:
    (shelved.models / "1.safetensors").write_bytes(b"TWO IMAGES")


async def test_a_file_that_has_changed_is_not_seen_without_hashing(shelved: Shelved) -> None:
    change_file(shelved)
    assert await told(shelved) == []


async def test_a_file_that_has_changed_is_seen_by_its_hash(shelved: Shelved) -> None:
    change_file(shelved)
    assert await told(shelved, EVERYTHING) == [("hash_mismatch", "1.safetensors")]


async def test_a_file_that_is_lost_is_not_hashed(shelved: Shelved) -> None:
    lose_file(shelved)
    assert await told(shelved, EVERYTHING) == [("file_missing", "1.safetensors")]


@pytest.mark.parametrize("name", ["a preview is lost", "a count too small"])
async def test_a_file_that_has_changed_is_seen_beside_another_problem(
    shelved: Shelved, name: str
) -> None:
    damage, expected = DAMAGES[name]
    damage(shelved)
    change_file(shelved)
    assert await told(shelved, EVERYTHING) == sorted(
        [*expected, ("hash_mismatch", "1.safetensors")]
    )


async def test_a_file_that_has_changed_is_seen_of_a_damaged_record(shelved: Shelved) -> None:
    damaged("name = NULL")(shelved)
    (shelved.models / "2.safetensors").write_bytes(b"NO IMAGE")
    assert await told(shelved, EVERYTHING) == [
        ("hash_mismatch", "2.safetensors"),
        *ACTIVE_RECORD,
    ]


async def test_a_file_that_is_lost_beside_other_problems_is_not_hashed(shelved: Shelved) -> None:
    lose_file(shelved)
    lose_preview(shelved)
    assert {code for code, _ in await told(shelved, EVERYTHING)} == {
        "file_missing",
        "image_missing",
        "images_count_wrong",
    }


async def test_a_record_without_a_hash_is_told_when_hashing_too(shelved: Shelved) -> None:
    shelved.sql("UPDATE models SET sha256 = 'not a hash' WHERE sha256 = ?", NONE)
    assert ("record_invalid", "2.safetensors") in await told(shelved, EVERYTHING)


async def test_the_parts_of_a_subset_are_the_whole_each_once(shelved: Shelved) -> None:
    for name in ("1.safetensors", "2.safetensors"):
        (shelved.models / name).write_bytes(b"changed")
    found = [problem for part in range(1, 5) for problem in await told(shelved, Sample(part, 4))]
    assert sorted(found) == [
        ("hash_mismatch", "1.safetensors"),
        ("hash_mismatch", "2.safetensors"),
    ]


# --- nothing is changed


def everything(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and modification time of every file below a folder."""
    return {
        str(path.relative_to(folder)): (
            path.read_bytes() if path.is_file() else b"",
            path.stat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
    }


async def test_verification_changes_no_byte_and_no_time(shelved: Shelved) -> None:
    count_too_many(shelved)
    leave_temporary_preview(shelved)
    before = everything(shelved.library.parent)
    await problems(shelved, EVERYTHING)
    after = everything(shelved.library.parent)
    # SQLite keeps its own two files beside the database for as long as somebody reads it.
    assert {name: after[name] for name in after if name != "library"} == {
        name: before[name] for name in before if name != "library"
    }


async def test_verification_beside_the_owner_sees_what_was_committed(shelved: Shelved) -> None:
    async with opened(shelved.library) as service:
        await service.promote([WAITING], None)
        assert await told(shelved) == []


async def test_a_killed_process_leaves_a_library_that_verification_does_not_mend(
    shelved: Shelved, tmp_path: Path
) -> None:
    """What lies on the disk at some moment is what a power cut leaves: a log not yet folded in."""
    async with opened(shelved.library) as service:
        await service.promote([WAITING], None)
        shutil.copytree(shelved.library, tmp_path / "left" / "library")
    left = Shelved(tmp_path / "left")
    before = (active(left.library), waiting(left.library), everything(left.images))
    await problems(left)
    assert (active(left.library), waiting(left.library), everything(left.images)) == before


# --- the command


def verify(library: Path, *options: str) -> tuple[int, dict[str, object]]:
    done = subprocess.run(
        [COMMAND, "verify", "--library", library, "--json", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    document: dict[str, object] = json.loads(done.stdout)
    return done.returncode, document


def test_the_command_finds_a_good_library_good(shelved: Shelved) -> None:
    document = {"ok": True, "models": 2, "images": 6, "problems": []}
    assert verify(shelved.library, "--hash") == (0, document)


def test_the_command_names_what_it_finds(shelved: Shelved) -> None:
    change_file(shelved)
    code, document = verify(shelved.library, "--hash")
    detail = f"recorded {TWO}, found {sha_of(b'TWO IMAGES')}"
    path = str(shelved.models / "1.safetensors")
    problem = {"code": "hash_mismatch", "path": path, "detail": detail}
    assert (code, document["ok"], document["problems"]) == (3, False, [problem])


def test_the_command_hashes_a_part(shelved: Shelved) -> None:
    change_file(shelved)
    codes = sorted(verify(shelved.library, "--hash", "--subset", f"{n}/2")[0] for n in (1, 2))
    assert codes == [0, 3]
