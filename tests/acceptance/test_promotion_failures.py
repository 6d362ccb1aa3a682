"""What fails in stage 2: one model alone, with a code and a sentence, until its cause is gone."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from engine.facts.promotion_report import PromotionReport, Refusal
from engine.facts.status import RunFailure
from engine.service import MigrationService
from tests.waiting_library import (
    Legacy,
    Row,
    WatchedModels,
    active,
    migrate,
    opened,
    query,
    sha_of,
)

pytestmark = pytest.mark.anyio

CONTENT = b"the one that fails"


class Fickle(WatchedModels):
    """Model files, one of which changes after each of its next readings."""

    def __init__(self) -> None:
        super().__init__()
        self.path = Path()
        self.changes = 0

    def after(self, path: str) -> None:
        if path == str(self.path) and self.changes:
            self.changes -= 1
            with self.path.open("ab") as file:
                file.write(b"!")


@pytest.fixture
def legacy(tmp_path: Path) -> Legacy:
    rows = [Row(1, b"before it"), Row(2, CONTENT, description="two"), Row(3, b"after it")]
    return Legacy(tmp_path / "legacy", rows)


@pytest.fixture
def model(legacy: Legacy) -> Path:
    """The file of model 2, which is to fail."""
    return legacy.models / "2.safetensors"


@pytest.fixture
def models(model: Path) -> Fickle:
    fickle = Fickle()
    fickle.path = model
    return fickle


@pytest.fixture
async def service(
    legacy: Legacy, models: Fickle, tmp_path: Path, anyio_backend: str
) -> AsyncIterator[MigrationService]:
    async with opened(tmp_path / "library", models=models) as service:
        await migrate(service, legacy)
        yield service


async def failures(service: MigrationService) -> list[RunFailure]:
    status = await service.status()
    assert status.run is not None
    return await service.failures(status.run.id, 0, 100)


async def waiting_ids(service: MigrationService) -> list[int]:
    return [record.id for record in await service.pending(0, 100)]


# --- files


def remove(path: Path) -> None:
    path.unlink()


def become_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def become_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def become_device(path: Path) -> None:
    path.unlink()
    path.symlink_to(os.devnull)


def become_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


def become_link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


SPOILS: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (remove, "file_missing"),
    "a dangling link": (become_dangling_link, "file_missing"),
    "a link to itself": (become_link_to_itself, "file_unreadable"),
    "a folder": (become_folder, "file_unreadable"),
    "a FIFO": (become_fifo, "file_unreadable"),
    "a device": (become_device, "file_unreadable"),
}
SPOILED = {spoil: key for key, spoil in enumerate(SPOILS, start=2)}
"""Their ids; model 1, and the last one, are sound."""


def restore(path: Path) -> None:
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    path.write_bytes(path.name.encode())


class Story(msgspec.Struct):
    """What was told while all models were spoiled, and when the causes were gone."""

    spoiled: PromotionReport
    listed: list[int]
    reasons: list[RunFailure]
    cured: PromotionReport


async def told(service: MigrationService, ids: list[int], cure: Callable[[], None]) -> Story:
    spoiled = await service.promote(ids, None)
    listed, reasons = await waiting_ids(service), await failures(service)
    cure()
    return Story(spoiled, listed, reasons, await service.promote(listed, None))


def plain_rows(count: int) -> list[Row]:
    """Rows whose content is the name of their file."""
    return [Row(key, f"{key}.safetensors".encode()) for key in range(1, count + 1)]


@pytest.fixture(scope="module")
async def files(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> Story:
    folder = tmp_path_factory.mktemp("files")
    rows = plain_rows(len(SPOILS) + 2)
    legacy = Legacy(folder / "legacy", rows)
    async with opened(folder / "library") as service:
        await migrate(service, legacy)
        for (spoil, _), key in zip(SPOILS.values(), SPOILED.values(), strict=True):
            spoil(legacy.path(rows[key - 1]))

        def cure() -> None:
            for key in SPOILED.values():
                restore(legacy.path(rows[key - 1]))

        return await told(service, [row.key for row in rows], cure)


async def test_models_beside_those_with_spoiled_files_are_promoted(files: Story) -> None:
    assert files.spoiled.success == [1, len(SPOILS) + 2]


@pytest.mark.parametrize("spoil", SPOILS)
async def test_a_file_that_cannot_be_hashed_fails_its_model(spoil: str, files: Story) -> None:
    codes = {refusal.id: refusal.code for refusal in files.spoiled.failed}
    assert codes[SPOILED[spoil]] == SPOILS[spoil][1]


@pytest.mark.parametrize("spoil", SPOILS)
async def test_a_sentence_names_the_file_that_cannot_be_hashed(spoil: str, files: Story) -> None:
    sentences = {refusal.id: refusal.error for refusal in files.spoiled.failed}
    assert f"/{SPOILED[spoil]}.safetensors" in sentences[SPOILED[spoil]]


async def test_models_whose_files_cannot_be_hashed_stay_listed(files: Story) -> None:
    assert files.listed == list(SPOILED.values())


async def test_the_journal_keeps_why_a_file_could_not_be_hashed(files: Story) -> None:
    kept = {Path(reason.path).stem: reason.code for reason in files.reasons}
    assert kept == {str(SPOILED[spoil]): code for spoil, (_, code) in SPOILS.items()}


async def test_models_are_promoted_when_their_files_are_back(files: Story) -> None:
    assert files.cured.success == list(SPOILED.values())


async def test_a_file_that_keeps_changing_fails_its_model_alone(
    service: MigrationService, models: Fickle
) -> None:
    models.changes = 100
    report = await service.promote([1, 2, 3], None)
    assert (report.success, [(found.id, found.code) for found in report.failed]) == (
        [1, 3],
        [(2, "file_unstable")],
    )


async def test_a_file_that_keeps_changing_is_not_read_for_ever(
    service: MigrationService, models: Fickle
) -> None:
    models.changes = 100
    await service.promote([2], None)
    assert 2 <= models.read[str(models.path)] <= 5


async def test_a_file_that_changed_once_is_promoted_as_what_it_has_become(
    service: MigrationService, models: Fickle, tmp_path: Path
) -> None:
    models.changes = 1
    await service.promote([2], None)
    assert set(active(tmp_path / "library")) == {sha_of(CONTENT + b"!")}


async def test_the_size_of_a_file_that_changed_is_what_was_hashed(
    service: MigrationService, models: Fickle, tmp_path: Path
) -> None:
    models.changes = 1
    await service.promote([2], None)
    (record,) = active(tmp_path / "library").values()
    assert record["size_bytes"] == len(CONTENT) + 1


async def test_a_file_that_holds_still_again_is_promoted(
    service: MigrationService, models: Fickle, tmp_path: Path
) -> None:
    models.changes = 100
    await service.promote([2], None)
    models.changes = 0
    assert (await service.promote([2], None)).success == [2]


# --- records

DAMAGES = {
    "no JSON": "meta_json = '{not json'",
    "no object": "meta_json = '[]'",
    "images that are no list": """meta_json = '{"images": 5}'""",
    "a null in meta_json": """meta_json = '{"description": null}'""",
    "a size that is text": "size_bytes = 'many'",
    "a size that is a fraction": "size_bytes = 1.5",
    "a time that is text": "created_at = 'once'",
    "a name that is a blob": "name = x'00ff'",
    "a type that is a blob": "type = x'00'",
    "a path that is a blob": "path = CAST(path AS BLOB)",
}
DAMAGED = {damage: key for key, damage in enumerate(DAMAGES, start=2)}
UNDECODABLE = {
    "name": "name = CAST(x'61ff' AS TEXT)",
    "path": "path = CAST(x'2fff' AS TEXT)",
    "meta_json": "meta_json = CAST(x'7b22ff227d' AS TEXT)",
}
COLUMNS = "path, name, type, size_bytes, created_at, meta_json"


def damage(library: Path, key: int, assignment: str) -> tuple[object, ...]:
    """Damage the record of a model; returns what it held."""
    (before,) = query(library, f"SELECT {COLUMNS} FROM pending_import WHERE id = ?", key)
    query(library, f"UPDATE pending_import SET {assignment} WHERE id = ?", key)
    return before


def mend(library: Path, key: int, record: tuple[object, ...]) -> None:
    assignments = COLUMNS.replace(",", " = ?,") + " = ?"
    query(library, f"UPDATE pending_import SET {assignments} WHERE id = ?", *record, key)


@pytest.fixture(scope="module")
async def records(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> Story:
    folder = tmp_path_factory.mktemp("records")
    library, rows = folder / "library", plain_rows(len(DAMAGES) + 2)
    legacy = Legacy(folder / "legacy", rows)
    async with opened(library) as service:
        await migrate(service, legacy)
        held = {DAMAGED[name]: damage(library, DAMAGED[name], DAMAGES[name]) for name in DAMAGES}

        def cure() -> None:
            for key, record in held.items():
                mend(library, key, record)

        return await told(service, [row.key for row in rows], cure)


async def test_models_beside_damaged_records_are_promoted(records: Story) -> None:
    assert records.spoiled.success == [1, len(DAMAGES) + 2]


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_record_fails_its_model(damage: str, records: Story) -> None:
    codes = {refusal.id: refusal.code for refusal in records.spoiled.failed}
    assert codes[DAMAGED[damage]] == "record_invalid"


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_sentence_names_the_damaged_record(damage: str, records: Story) -> None:
    sentences = {refusal.id: refusal.error for refusal in records.spoiled.failed}
    assert f"(id {DAMAGED[damage]})" in sentences[DAMAGED[damage]]


async def test_damaged_records_stay_listed(records: Story) -> None:
    assert records.listed == list(DAMAGED.values())


async def test_records_that_were_mended_are_promoted(records: Story) -> None:
    assert records.cured.success == list(DAMAGED.values())


@pytest.mark.parametrize("assignment", UNDECODABLE.values(), ids=UNDECODABLE)
async def test_text_that_is_no_utf8_fails_its_model_alone(
    assignment: str, service: MigrationService, tmp_path: Path
) -> None:
    damage(tmp_path / "library", 2, assignment)
    report = await service.promote([1, 2, 3], None)
    assert (report.success, [(found.id, found.code) for found in report.failed]) == (
        [1, 3],
        [(2, "record_invalid")],
    )


# --- company

REFUSING = """
CREATE TRIGGER refuses BEFORE INSERT ON {table} WHEN NEW.path LIKE '%/2.safetensors'
BEGIN SELECT RAISE(ABORT, 'not this one'); END
"""


@pytest.mark.parametrize("table", ["migration_hashes", "models"], ids=["hashed", "active"])
async def test_a_model_that_the_database_refuses_fails_alone_though_many_share_a_commit(
    table: str, service: MigrationService, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    query(library, REFUSING.format(table=table))
    report = await service.promote([1, 2, 3], None)
    assert (report.success, [(found.id, found.code) for found in report.failed]) == (
        [1, 3],
        [(2, "unexpected_error")],
    )
    assert "not this one" in report.failed[0].error
    query(library, "DROP TRIGGER refuses")
    assert (await service.promote([2], None)).success == [2]


# --- ids


async def test_an_unknown_id_is_refused_alone(service: MigrationService) -> None:
    report = await service.promote([1, 99], None)
    assert (report.success, [(found.id, found.code) for found in report.failed]) == (
        [1],
        [(99, "unknown_id")],
    )


@pytest.mark.parametrize("given", ["2", 2.0, None, True, {"id": 2}, [2], 2**63, -(2**63) - 1])
async def test_what_is_no_id_is_refused_alone(given: object, service: MigrationService) -> None:
    report = await service.promote([1, given], None)
    expected = Refusal(given, "This id is not an integer.", "invalid_id")
    assert (report.success, report.failed, report.total) == ([1], [expected], 2)


@pytest.mark.parametrize("given", [2**63 - 1, 0, -1])
async def test_an_integer_that_no_model_can_have_is_unknown(
    given: int, service: MigrationService
) -> None:
    report = await service.promote([given], None)
    assert [(found.id, found.code) for found in report.failed] == [(given, "unknown_id")]


async def test_an_id_given_twice_is_told_of_once(service: MigrationService) -> None:
    report = await service.promote([2, 1, 2, 2], None)
    assert (report.success, report.total) == ([2, 1], 2)


async def test_no_ids_are_no_promotion(service: MigrationService) -> None:
    before = await service.status()
    report = await service.promote([], None)
    assert (report.total, await service.status()) == (0, before)
