"""What a scan makes of model folders, however files and links lie in them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from adapters.composition import Reshelve
from engine.errors import ScanFailed
from engine.facts.files import Root
from engine.facts.scan_report import MovedFile, ScanReport
from engine.runs.hashing import SMALL_BYTES
from engine.service import MigrationService
from tests.waiting_library import (
    Legacy,
    Row,
    WatchedModels,
    active,
    migrate,
    opened,
    sha_of,
    version_2,
    waiting,
)

pytestmark = pytest.mark.anyio

EXTENSIONS = [".safetensors", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".sft", ".onnx"]


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture
async def service(library: Path, anyio_backend: str) -> AsyncIterator[MigrationService]:
    async with Reshelve().service(library, 2) as service:
        yield service


def put(path: Path, content: bytes = b"model") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


async def scan(service: MigrationService, *folders: Path) -> ScanReport:
    return await service.scan([Root(f"type {place}", str(f)) for place, f in enumerate(folders)])


def found(library: Path) -> list[str]:
    """The paths of the models that wait, in the order of their ids."""
    return [record["path"] for _, record in sorted(waiting(library).items())]


# --- what is a model file


@pytest.mark.parametrize("extension", [*EXTENSIONS, ".SafeTensors", ".GGUF", ".Pt2"])
async def test_a_file_with_the_extension_of_a_model_is_added(
    extension: str, service: MigrationService, root: Path, library: Path
) -> None:
    path = put(root / f"model{extension}")
    await scan(service, root)
    assert found(library) == [str(path)]


@pytest.mark.parametrize(
    "name", ["a.txt", "a.safetensors.part", "safetensors", ".ckpt", "a.pt3", "a.json", "a"]
)
async def test_any_other_file_is_passed_over(
    name: str, service: MigrationService, root: Path
) -> None:
    put(root / name)
    assert await scan(service, root) == ScanReport(0, 0, [], 0, [])


async def test_a_folder_named_like_a_model_is_looked_into(
    service: MigrationService, root: Path, library: Path
) -> None:
    path = put(root / "folder.safetensors" / "inner.safetensors")
    await scan(service, root)
    assert found(library) == [str(path)]


async def test_a_fifo_named_like_a_model_is_passed_over(
    service: MigrationService, root: Path
) -> None:
    os.mkfifo(root / "pipe.safetensors")
    assert (await scan(service, root)).scanned == 0


async def test_a_broken_link_is_passed_over(service: MigrationService, root: Path) -> None:
    (root / "gone.safetensors").symlink_to(root / "nowhere.safetensors")
    assert (await scan(service, root)).scanned == 0


async def test_a_name_that_is_no_text_is_passed_over(
    service: MigrationService, root: Path, library: Path
) -> None:
    put(Path(os.fsdecode(bytes(root) + b"/\xff.safetensors")))
    path = put(root / "text.safetensors")
    await scan(service, root)
    assert found(library) == [str(path)]


@pytest.mark.parametrize(
    "name", ["模型 ünï 🎨.safetensors", "e\u0301.pt", "é.pt", "' or 1=1 --.pt", "a\nb.pt", "[b].pt"]
)
async def test_a_name_in_any_script_is_kept_as_it_is(
    name: str, service: MigrationService, root: Path, library: Path
) -> None:
    put(root / name)
    await scan(service, root)
    assert [Path(path).name for path in found(library)] == [name]


# --- what is recorded


async def test_a_found_model_is_recorded_as_its_file_is(
    service: MigrationService, root: Path, library: Path
) -> None:
    path = put(root / "below" / "one.safetensors", b"12345")
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))
    await scan(service, root)
    (record,) = waiting(library).values()
    assert record == {
        "path": str(path),
        "name": "one.safetensors",
        "type": "type 0",
        "size_bytes": 5,
        "created_at": 1_700_000_000_123,
        "sha256": "",
        "description": "",
        "community_links": "",
        "images": [],
        "positive": "",
        "negative": "",
        "tags": set(),
    }


async def test_a_found_model_can_be_promoted(
    service: MigrationService, root: Path, library: Path
) -> None:
    put(root / "one.safetensors", b"12345")
    report = await scan(service, root)
    await service.promote(report.pending_ids, None)
    assert set(active(library)) == {sha_of(b"12345")}


async def test_the_report_tells_the_ids_that_now_wait(
    service: MigrationService, root: Path, library: Path
) -> None:
    for name in ("b", "a", "c/d"):
        put(root / f"{name}.safetensors", name.encode())
    report = await scan(service, root)
    assert (report.scanned, report.added, report.pending_ids) == (3, 3, sorted(waiting(library)))


async def test_the_same_folders_give_the_same_ids(tmp_path: Path, root: Path) -> None:
    for number in (7, 3, 12, 1):
        put(root / f"folder {number % 3}" / f"{number}.safetensors")
    orders = []
    for name in ("one", "two"):
        async with opened(tmp_path / name) as service:
            await scan(service, root)
        orders.append(found(tmp_path / name))
    assert orders[0] == orders[1] == sorted(orders[0])


async def test_more_files_than_one_transaction_takes_are_all_added(
    service: MigrationService, root: Path
) -> None:
    for number in range(1_100):
        put(root / f"{number}.pt", b"")
    report = await scan(service, root)
    assert (report.scanned, len(set(report.pending_ids))) == (1_100, 1_100)


async def test_a_found_model_is_numbered_after_those_that_wait(
    service: MigrationService, root: Path, tmp_path: Path
) -> None:
    await migrate(service, Legacy(tmp_path / "legacy", [Row(41, b"waits")]))
    put(root / "one.safetensors", b"new")
    assert (await scan(service, root)).pending_ids == [42]


# --- links and routes


async def test_a_link_to_a_folder_above_it_is_no_endless_way(
    service: MigrationService, root: Path, library: Path
) -> None:
    path = put(root / "below" / "one.safetensors")
    (root / "below" / "up").symlink_to(root)
    await scan(service, root)
    assert found(library) == [str(path)]


async def test_two_folders_that_link_to_each_other_are_no_endless_way(
    service: MigrationService, root: Path
) -> None:
    for here, there in (("a", "b"), ("b", "a")):
        put(root / here / f"{here}.safetensors", here.encode())
        (root / here / "other").symlink_to(root / there)
    assert (await scan(service, root)).added == 2


async def test_a_link_to_itself_is_passed_over(service: MigrationService, root: Path) -> None:
    (root / "self.safetensors").symlink_to(root / "self.safetensors")
    assert (await scan(service, root)).scanned == 0


async def test_a_file_beyond_a_link_is_added_by_the_way_that_leads_there(
    service: MigrationService, root: Path, tmp_path: Path, library: Path
) -> None:
    put(tmp_path / "elsewhere" / "one.safetensors")
    (root / "link").symlink_to(tmp_path / "elsewhere")
    await scan(service, root)
    assert found(library) == [str(root / "link" / "one.safetensors")]


async def test_a_file_with_two_routes_is_added_once(
    service: MigrationService, root: Path, library: Path
) -> None:
    path = put(root / "a.safetensors")
    (root / "b.safetensors").symlink_to(path)
    os.link(path, root / "c.safetensors")
    await scan(service, root)
    assert found(library) == [str(path)]


async def test_overlapping_roots_add_a_file_once_by_the_first_of_them(
    service: MigrationService, root: Path, library: Path
) -> None:
    put(root / "loras" / "one.safetensors")
    await scan(service, root / "loras", root, root)
    assert [record["type"] for record in waiting(library).values()] == ["type 0"]


async def test_a_file_that_a_record_reaches_by_a_link_is_skipped(
    service: MigrationService, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(root)
    for name in ("one", "two"):
        put(root / f"{name}.pt")
    await scan(service, tmp_path / "link")
    put(root / "three.pt")
    report = await scan(service, root)
    assert (report.scanned, report.added, report.skipped) == (3, 1, 2)


@pytest.mark.parametrize("known", ["a/one.safetensors", "z/one.safetensors"])
async def test_a_file_that_is_known_by_either_of_its_routes_is_skipped(
    known: str, service: MigrationService, root: Path, tmp_path: Path
) -> None:
    legacy = Legacy(tmp_path / "legacy")
    path = put(root / "a" / "one.safetensors")
    (root / "z").symlink_to(root / "a")
    legacy.models = root
    legacy.add(Row(1, path.read_bytes(), hashed=True, file=known))
    await migrate(service, legacy)
    report = await scan(service, root)
    assert (report.added, report.skipped) == (0, 1)


async def test_two_scans_at_once_add_each_file_once(
    service: MigrationService, root: Path, tmp_path: Path, library: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(root)
    for number in range(30):
        put(root / f"{number}.pt", str(number).encode())
    added: list[int] = []

    async def look(folder: Path) -> None:
        added.extend((await scan(service, folder)).pending_ids)

    async with anyio.create_task_group() as scans:
        for folder in (link, root, link):
            scans.start_soon(look, folder)
    assert sorted(added) == sorted(waiting(library)) == list(range(1, 31))


# --- what is known already


async def test_a_second_scan_adds_nothing(
    service: MigrationService, root: Path, library: Path
) -> None:
    put(root / "one.safetensors")
    await scan(service, root)
    before = version_2(library)
    assert (await scan(service, root), version_2(library)) == (ScanReport(1, 0, [], 1, []), before)


@pytest.mark.parametrize("hashed", [True, False], ids=["active", "waits"])
async def test_a_path_that_a_model_has_is_skipped(
    hashed: bool, service: MigrationService, root: Path, tmp_path: Path
) -> None:
    legacy = Legacy(tmp_path / "legacy")
    legacy.models = root
    legacy.add(Row(1, b"known", hashed=hashed))
    await migrate(service, legacy)
    report = await scan(service, root)
    assert (report.scanned, report.added, report.skipped) == (1, 0, 1)


async def test_a_scan_deletes_nothing(
    service: MigrationService, root: Path, tmp_path: Path, library: Path
) -> None:
    legacy = Legacy(tmp_path / "legacy", [Row(1, b"active", hashed=True), Row(2, b"waits")])
    await migrate(service, legacy)
    for path in list(legacy.models.iterdir()):
        path.unlink()
    before = version_2(library)
    await scan(service, legacy.models, root)
    assert version_2(library) == before


# --- what has moved


@pytest.fixture
async def moved(service: MigrationService, root: Path, tmp_path: Path) -> MovedFile:
    """An active model whose file lies below the root by now."""
    legacy = Legacy(tmp_path / "legacy", [Row(1, b"wanders", hashed=True)])
    await migrate(service, legacy)
    before, after = legacy.models / "1.safetensors", root / "found.safetensors"
    before.rename(after)
    return MovedFile(sha_of(b"wanders"), str(before), str(after))


async def test_a_file_that_moved_is_offered_as_such(
    service: MigrationService, moved: MovedFile, root: Path
) -> None:
    assert (await scan(service, root)).moved == [moved]


async def test_a_file_that_moved_is_not_added(
    service: MigrationService, moved: MovedFile, root: Path, library: Path
) -> None:
    report = await scan(service, root)
    assert (report.scanned, report.added, waiting(library)) == (1, 0, {})


async def test_the_record_of_a_file_that_moved_is_left_as_it_is(
    service: MigrationService, moved: MovedFile, root: Path, library: Path
) -> None:
    await scan(service, root)
    assert active(library)[moved.sha256]["path"] == moved.path


async def test_another_file_of_the_same_size_is_new(
    service: MigrationService, moved: MovedFile, root: Path
) -> None:
    put(Path(moved.found), b"WANDERS")
    report = await scan(service, root)
    assert (report.added, report.moved) == (1, [])


async def test_a_copy_of_a_file_that_is_still_there_is_new(
    service: MigrationService, moved: MovedFile, root: Path
) -> None:
    put(Path(moved.path), b"wanders")
    report = await scan(service, root)
    assert (report.added, report.moved) == (1, [])


async def test_only_files_of_the_size_of_one_that_is_gone_are_read(
    root: Path, tmp_path: Path
) -> None:
    models = WatchedModels()
    legacy = Legacy(tmp_path / "legacy", [Row(1, b"wanders", hashed=True)])
    async with opened(tmp_path / "library", models=models) as service:
        await migrate(service, legacy)
        (legacy.models / "1.safetensors").rename(root / "found.safetensors")
        put(root / "larger.safetensors", b"larger than that")
        await scan(service, root)
    assert models.read == {str(root / "found.safetensors"): 1}


async def test_a_file_that_was_compared_is_not_read_again(root: Path, tmp_path: Path) -> None:
    models = WatchedModels()
    legacy = Legacy(tmp_path / "legacy", [Row(1, b"wanders", hashed=True)])
    async with opened(tmp_path / "library", models=models) as service:
        await migrate(service, legacy)
        (legacy.models / "1.safetensors").rename(root / "found.safetensors")
        put(root / "other.safetensors", b"WANDERS")
        await scan(service, root)
        models.read.clear()
        await scan(service, root)
        await service.promote(list(waiting(tmp_path / "library")), None)
    assert models.read == {}


async def test_each_record_is_looked_at_once_however_many_files_have_its_size(
    root: Path, tmp_path: Path
) -> None:
    models = WatchedModels()
    legacy = Legacy(tmp_path / "legacy", [Row(key, b"alike") for key in range(50)])
    for number in range(50):
        put(root / f"{number}.pt", b"ALIKE")
    async with opened(tmp_path / "library", models=models) as service:
        await migrate(service, legacy)
        await scan(service, root)
    assert models.looked_at.total() == 100
    assert set(models.looked_at.values()) == {1}


async def test_of_many_files_those_that_moved_are_told_apart(
    service: MigrationService, root: Path, tmp_path: Path
) -> None:
    contents = [str(number).encode().rjust(4) for number in range(200)]
    legacy = Legacy(
        tmp_path / "legacy", [Row(key, text, hashed=True) for key, text in enumerate(contents)]
    )
    await migrate(service, legacy)
    for number, path in enumerate(sorted(legacy.models.iterdir())):
        path.rename(root / path.name)
        put(root / f"new {number}.pt", str(number).encode().rjust(4, b"-"))
    report = await scan(service, root)
    assert (report.added, report.skipped) == (200, 0)
    assert {file.sha256 for file in report.moved} == {sha_of(text) for text in contents}


async def test_a_large_file_that_moved_is_told_apart_as_well(
    service: MigrationService, root: Path, tmp_path: Path
) -> None:
    large = bytes(SMALL_BYTES + 1)
    legacy = Legacy(tmp_path / "legacy", [Row(1, large, hashed=True)])
    await migrate(service, legacy)
    (legacy.models / "1.safetensors").rename(root / "found.safetensors")
    put(root / "other.safetensors", bytes(SMALL_BYTES) + b"1")
    report = await scan(service, root)
    assert (report.added, [file.sha256 for file in report.moved]) == (1, [sha_of(large)])


# --- roots


async def test_a_root_that_is_not_there_is_told_of(service: MigrationService, root: Path) -> None:
    with pytest.raises(ScanFailed, match="nowhere"):
        await scan(service, root, root / "nowhere")


async def test_a_root_that_is_a_file_is_told_of(service: MigrationService, root: Path) -> None:
    path = put(root / "one.safetensors")
    with pytest.raises(ScanFailed, match=r"one\.safetensors"):
        await scan(service, path)


async def test_a_root_that_is_an_empty_folder_holds_nothing(
    service: MigrationService, root: Path
) -> None:
    assert await scan(service, root) == ScanReport(0, 0, [], 0, [])
