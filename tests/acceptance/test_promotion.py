"""Stage 2 as a whole: the sample library promoted, and what a strategy leaves alone."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from adapters.composition import Reshelve
from engine.facts.conflicts import ConflictStrategy
from engine.facts.promotion_report import PromotionReport
from engine.facts.status import RunNotice
from engine.service import MigrationService
from tests.sources import request
from tests.waiting_library import (
    Legacy,
    Row,
    active,
    expected_previews,
    migrate,
    opened,
    originals,
    pair_of_copies,
    previews,
    query,
    sha_of,
    version_2,
    waiting,
)

pytestmark = pytest.mark.anyio

SAMPLE = Path(__file__).resolve().parents[3] / "shared" / "legacy-sample"
COMMAND = Path(sys.executable).with_name("reshelve")
PROMOTED = {3, 5, 6, 9, 10, 11, 13, 14, 17, 23, 25, 28, 31, 32, 34, 36, 38, 39, 40, 51, 58, 59}
"""The rows of the sample that wait, have a file, and are like no other row."""
LEGACY_TAGS = """
SELECT m.path, lower(m.hash_hex), t.name FROM models m JOIN model_tags l ON l.model_id = m.id
JOIN tags t ON t.id = l.tag_id
"""


# --- the sample library


@pytest.fixture(scope="module")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's database, images and models, where nobody writes them."""
    if not SAMPLE.is_dir():
        pytest.skip("the sample library does not lie at ../shared/legacy-sample")
    folder = tmp_path_factory.mktemp("sample")
    subprocess.run(
        [sys.executable, SAMPLE / "prepare", folder], check=True, stdout=subprocess.DEVNULL
    )
    return folder


@pytest.fixture(scope="module")
def after_stage_1(legacy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that stage 1 makes of the sample; tests work on copies of it."""
    library = tmp_path_factory.mktemp("stage_1") / "library"

    async def stage_1() -> None:
        async with Reshelve().service(library, 2) as service:
            database, images = legacy / "hikaze_mm.sqlite3", legacy / "images"
            begun = await service.start(request(str(database), str(images)))
            assert begun.run is not None
            await service.wait(begun.run.id)

    anyio.run(stage_1)
    return library


def copied(library: Path, folder: Path) -> Path:
    return Path(shutil.copytree(library, folder / "library"))


class Promoted:
    """What promoting all, and promoting the rest by merging, has made of the sample."""

    def __init__(self, library: Path, reports: list[PromotionReport]) -> None:
        self.library = library
        self.without_strategy, self.merged, self.all_ids_again = reports
        self.warnings: list[RunNotice] = []


@pytest.fixture(scope="module")
async def promoted(
    after_stage_1: Path, tmp_path_factory: pytest.TempPathFactory, anyio_backend: str
) -> Promoted:
    library = copied(after_stage_1, tmp_path_factory.mktemp(anyio_backend))
    reports = []
    async with Reshelve().service(library, 2) as service:
        everything = await service.pending_ids()
        reports.append(await service.promote(everything, None))
        status = await service.status()
        assert status.run is not None
        warnings = [found for _, found in await service.warnings(status.run.id, 0, 100)]
        rest = await service.pending_ids()
        reports.append(await service.promote(rest, ConflictStrategy.MERGE))
        reports.append(await service.promote(everything, ConflictStrategy.MERGE))
    found = Promoted(library, reports)
    found.warnings = warnings
    return found


def failures(report: PromotionReport) -> dict[object, str]:
    return {refusal.id: refusal.code for refusal in report.failed}


async def test_every_waiting_row_that_is_like_no_other_is_promoted(promoted: Promoted) -> None:
    assert set(promoted.without_strategy.success) == PROMOTED


async def test_the_two_rows_of_the_same_bytes_conflict_with_the_active_one(
    promoted: Promoted,
) -> None:
    conflicts = {
        found.pending.id: Path(found.existing.path).name
        for found in promoted.without_strategy.conflict
    }
    assert conflicts == {1: "duplicate_of_1.safetensors", 44: "duplicate_of_1.safetensors"}


async def test_only_the_row_without_a_file_fails(promoted: Promoted) -> None:
    assert failures(promoted.without_strategy) == {42: "file_missing"}


async def test_all_twenty_five_ids_are_told_of(promoted: Promoted) -> None:
    report = promoted.without_strategy
    told = [len(report.success), len(report.conflict), len(report.ignored), len(report.deleted)]
    assert (report.total, [*told, len(report.failed)]) == (25, [22, 2, 0, 0, 1])


async def test_merging_what_is_left_promotes_the_two_conflicting_rows(promoted: Promoted) -> None:
    assert promoted.merged.success == [1, 44]


async def test_merging_what_is_left_fails_the_row_without_a_file_again(promoted: Promoted) -> None:
    assert failures(promoted.merged) == {42: "file_missing"}


async def test_ids_that_are_promoted_already_are_unknown_ones(promoted: Promoted) -> None:
    found = failures(promoted.all_ids_again)
    assert found == {**dict.fromkeys(PROMOTED | {1, 44}, "unknown_id"), 42: "file_missing"}


async def test_in_the_end_only_the_row_without_a_file_waits(promoted: Promoted) -> None:
    assert set(waiting(promoted.library)) == {42}


async def test_a_model_with_a_truncated_image_has_none(promoted: Promoted, legacy: Path) -> None:
    content = (legacy / "models" / "lora" / "model_051.safetensors").read_bytes()
    assert active(promoted.library)[sha_of(content)]["images_count"] == 0


async def test_a_truncated_image_is_a_warning(promoted: Promoted) -> None:
    found = [(Path(warning.path).name, warning.code) for warning in promoted.warnings]
    assert found == [("model_051.safetensors", "image_unreadable")]


async def test_only_the_original_that_became_no_preview_is_kept(promoted: Promoted) -> None:
    assert originals(promoted.library) == {"cut.png"}


async def test_the_previews_on_disk_are_those_of_the_records(promoted: Promoted) -> None:
    assert previews(promoted.library) == expected_previews(promoted.library)


def tags_by_content(legacy: Path) -> dict[str, set[str]]:
    """The tags of all rows of each content; a hash that is claimed counts where no file is."""
    with closing(sqlite3.connect(legacy / "hikaze_mm.sqlite3")) as connection:
        rows = connection.execute(LEGACY_TAGS).fetchall()
    tags: dict[str, set[str]] = {}
    for path, claimed, tag in rows:
        file = Path(path)
        sha = sha_of(file.read_bytes()) if file.exists() else claimed
        tags.setdefault(sha, set()).add(tag)
    return {sha: found for sha, found in tags.items() if sha}


async def test_the_tags_of_every_model_are_those_of_all_rows_of_its_bytes(
    promoted: Promoted, legacy: Path
) -> None:
    found = {sha: record["tags"] for sha, record in active(promoted.library).items()}
    assert found == tags_by_content(legacy)


async def test_the_counts_of_the_import_follow_its_promoted_rows(promoted: Promoted) -> None:
    async with Reshelve().service(promoted.library, 2) as service:
        counts = (await service.status(1)).counts
    assert (counts.total, counts.promoted, counts.pending, counts.failed) == (60, 59, 0, 1)


@pytest.mark.parametrize("run_id", [1, 2, 3, 4])
async def test_a_run_lists_as_many_items_as_it_counts(run_id: int, promoted: Promoted) -> None:
    async with Reshelve().service(promoted.library, 2) as service:
        counts = (await service.status(run_id)).counts
        listed = Counter(item.state for item in (await service.items(run_id, None, 0, 100)).items)
    counted = msgspec.structs.asdict(counts)
    del counted["total"]
    assert listed == {state: number for state, number in counted.items() if number}


# --- the command


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments, "--quiet", "--json"], capture_output=True, text=True, check=False
    )


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def commanded(after_stage_1: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """`promote --all` without a strategy, then with one."""
    library = copied(after_stage_1, tmp_path_factory.mktemp("commanded"))
    first = run("promote", "--all", "--library", library)
    return [first, run("promote", "--all", "--on-conflict", "merge", "--library", library)]


def test_the_command_reports_conflicts_and_failures_by_exit_3(
    commanded: list[subprocess.CompletedProcess[str]],
) -> None:
    assert [done.returncode for done in commanded] == [3, 3]


def test_the_command_reports_the_same_outcomes(
    commanded: list[subprocess.CompletedProcess[str]],
) -> None:
    report = document(commanded[0])["report"]
    conflicts = [conflict["pending"]["id"] for conflict in report["conflict"]]
    assert (set(report["success"]), conflicts) == (PROMOTED, [1, 44])


def test_the_command_names_the_failed_row(
    commanded: list[subprocess.CompletedProcess[str]],
) -> None:
    (failure,) = document(commanded[0])["failures"]
    assert (Path(failure["path"]).name, failure["code"]) == (
        "model_042.safetensors",
        "file_missing",
    )


def test_the_command_merges(commanded: list[subprocess.CompletedProcess[str]]) -> None:
    assert document(commanded[1])["report"]["success"] == [1, 44]


def test_promoting_within_the_migration_merges_as_the_migration_does(
    legacy: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    done = run("migrate", legacy / "hikaze_mm.sqlite3", "--library", library, "--promote")
    promotion = document(done)["promotion"]
    failed = [refusal["id"] for refusal in promotion["failed"]]
    assert (done.returncode, len(promotion["success"]), failed) == (3, 24, [42])


# --- what a strategy leaves alone


@pytest.fixture
def pair(tmp_path: Path) -> Legacy:
    return pair_of_copies(tmp_path / "legacy")


@pytest.fixture
async def service(
    pair: Legacy, tmp_path: Path, anyio_backend: str
) -> AsyncIterator[MigrationService]:
    async with opened(tmp_path / "library") as service:
        await migrate(service, pair)
        yield service


async def test_a_reported_conflict_changes_nothing(
    service: MigrationService, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    before = version_2(library), previews(library), originals(library)
    await service.promote([2], None)
    assert (version_2(library), previews(library), originals(library)) == before


async def test_a_reported_conflict_leaves_an_unknown_size_unknown(
    service: MigrationService, pair: Legacy, tmp_path: Path
) -> None:
    pair.add(Row(4, b"same", sized=False))
    await migrate(service, pair)
    before = version_2(tmp_path / "library")
    await service.promote([4], None)
    assert version_2(tmp_path / "library") == before


async def test_an_ignored_conflict_changes_nothing(
    service: MigrationService, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    before = version_2(library), previews(library), originals(library)
    report = await service.promote([2], ConflictStrategy.IGNORE)
    after = version_2(library), previews(library), originals(library)
    assert (report.ignored, after) == ([2], before)


@pytest.mark.parametrize("strategy", [None, *ConflictStrategy])
async def test_a_model_without_a_conflict_is_promoted_whatever_the_strategy(
    strategy: ConflictStrategy | None, service: MigrationService
) -> None:
    assert (await service.promote([3], strategy)).success == [3]


async def test_the_first_of_two_waiting_models_of_one_content_wins(
    service: MigrationService, pair: Legacy
) -> None:
    pair.add(Row(4, b"twins", name="four"), Row(5, b"twins", name="five"))
    await migrate(service, pair)
    report = await service.promote([5, 4], None)
    assert (report.success, [found.pending.id for found in report.conflict]) == ([5], [4])


async def test_deleting_takes_the_model_from_the_queue(
    service: MigrationService, tmp_path: Path
) -> None:
    report = await service.promote([2], ConflictStrategy.DELETE)
    assert (report.deleted, set(waiting(tmp_path / "library"))) == ([2], {3})


async def test_deleting_never_touches_the_model_file(
    service: MigrationService, pair: Legacy
) -> None:
    path = pair.models / "2.safetensors"
    before = path.read_bytes(), path.stat()
    await service.promote([2], ConflictStrategy.DELETE)
    after = path.read_bytes(), path.stat()
    assert (after[0], after[1].st_mtime_ns, after[1].st_ino) == (
        before[0],
        before[1].st_mtime_ns,
        before[1].st_ino,
    )


async def test_deleting_leaves_the_active_model_alone(
    service: MigrationService, tmp_path: Path
) -> None:
    before = active(tmp_path / "library")
    await service.promote([2], ConflictStrategy.DELETE)
    assert active(tmp_path / "library") == before


async def test_what_was_deleted_does_not_come_back_with_its_source(
    service: MigrationService, pair: Legacy, tmp_path: Path
) -> None:
    await service.promote([2], ConflictStrategy.DELETE)
    await migrate(service, pair)
    assert set(waiting(tmp_path / "library")) == {3}


async def test_what_was_deleted_does_not_come_back_when_its_source_has_grown(
    service: MigrationService, pair: Legacy, tmp_path: Path
) -> None:
    await service.promote([2], ConflictStrategy.DELETE)
    pair.add(Row(4, b"new"))
    await migrate(service, pair)
    assert set(waiting(tmp_path / "library")) == {3, 4}


async def test_deleting_a_row_that_was_edited_meanwhile_leaves_no_item_that_waits(
    service: MigrationService, pair: Legacy, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(pair.database)) as connection, connection:
        connection.execute("UPDATE models SET name = 'edited' WHERE id = 2")
    await migrate(service, pair)
    await service.promote([2], ConflictStrategy.DELETE)
    left = query(tmp_path / "library", "SELECT path FROM migration_items WHERE state = 'pending'")
    assert left == [(str(pair.models / "3.safetensors"),)]
