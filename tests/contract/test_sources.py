"""A source of another kind takes every step that Hikaze's takes, and the engine stays as it is."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from adapters.cli.arguments import KINDS
from adapters.composition import Reshelve
from engine.errors import OptionRefused, RunActive, SourceMissing, UnknownSourceKind
from engine.facts.files import Root
from engine.facts.requests import ImportRequest
from engine.facts.source import HashClaims, SourceOptions, SourceRef, number_of
from engine.facts.status import ItemView, RunSource, RunState
from engine.service import MigrationService
from tests import commands
from tests.contract.bench import query
from tests.contract.notebook import KIND, NOTES, ROLL, Composition, Line, request
from tests.sources import hikaze1
from tests.waiting_library import active, originals, picture, previews, sha_of, waiting

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
ROLLED = [picture(number) for number in (31, 32)]
TORN = b'{"called": "torn", "file'


def in_roll(place: int) -> str:
    """Where a picture lies in the roll."""
    start = sum(map(len, ROLLED[:place]))
    return f"roll {start} {len(ROLLED[place])}"


LINES = [
    Line(
        "anna's",
        "loras/a.safetensors",
        sha_of(b"anna"),
        (("near.png", "beside"), ("far.png", "album"), ("rolled.png", in_roll(0))),
        ("style",),
    ),
    Line("plain", "loras/b.safetensors", sha_of(b"plain")),
    Line(
        "waits",
        "vae/c.safetensors",
        pictures=(
            ("near too.png", "beside"),
            ("odd/name: of.png", in_roll(1)),
            ("gone.png", "album"),
        ),
    ),
    Line("写真 4", "vae/d.safetensors"),
]
CONTENTS = {"a": b"anna", "b": b"plain", "c": b"waits", "d": b"four"}


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    folder = tmp_path / "my notes 写真"
    for line in LINES:
        path = folder / line.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CONTENTS[path.stem])
    (folder / "loras" / "near.png").write_bytes(picture(1))
    (folder / "vae" / "near too.png").write_bytes(picture(2))
    (folder / "album").mkdir()
    (folder / "album" / "far.png").write_bytes(picture(3))
    (folder / ROLL).write_bytes(b"".join(ROLLED))
    write(folder, LINES)
    return folder


def write(folder: Path, lines: list[Line]) -> None:
    """The notebook with these lines, and a torn one in the end."""
    (folder / NOTES).write_bytes(b"\n".join([*map(msgspec.json.encode, lines), TORN]))


async def migrated(library: Path, folder: Path) -> tuple[int, list[ItemView]]:
    """Stage 1 to its end: the run, and its items."""
    async with Composition().service(library, 2) as service:
        ended = await service.import_legacy(request(folder))
        assert ended.run is not None
        page = await service.items(ended.run.id, None, 0, 100)
        return ended.run.id, page.items


def killed(library: Path, folder: Path, name: str) -> None:
    """Stage 1 in a process that dies before the row or picture of this name is read."""
    words = [sys.executable, "-m", "tests.contract.notebook", str(folder), str(library), name]
    assert subprocess.run(words, cwd=ROOT, check=False, timeout=60).returncode == -signal.SIGKILL


async def test_every_row_ends_where_it_belongs(notebook: Path, tmp_path: Path) -> None:
    _, items = await migrated(tmp_path / "library", notebook)
    assert [(item.source_key, item.source_id, item.state) for item in items] == [
        ("anna's", None, "promoted"),
        ("plain", None, "promoted"),
        ("waits", None, "pending"),
        ("写真 4", None, "pending"),
        ("line 5", None, "failed"),
    ]


async def test_images_come_from_each_place_that_the_source_has(
    notebook: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    await migrated(library, notebook)
    assert active(library)[sha_of(b"anna")]["images_count"] == 3
    assert len(previews(library)) == 9
    kept = {path.read_bytes() for path in (library / "images" / "pending").iterdir()}
    assert kept == {picture(2), ROLLED[1]}


async def test_an_original_has_a_name_that_a_file_can_have(notebook: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    await migrated(library, notebook)
    odd, near = sorted(originals(library), key=lambda name: name == "near too.png")
    assert near == "near too.png"
    assert odd.startswith("name of-")
    assert odd.endswith(".png")


async def test_an_image_that_is_not_there_is_a_warning_by_its_name(
    notebook: Path, tmp_path: Path
) -> None:
    _, items = await migrated(tmp_path / "library", notebook)
    (warning,) = [warning for item in items for warning in item.warnings]
    assert (warning.code, warning.detail.split(":")[0]) == ("image_missing", "gone.png")


async def test_rows_without_a_number_are_numbered_in_the_order_of_the_source(
    notebook: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    await migrated(library, notebook)
    assert {number: model["name"] for number, model in waiting(library).items()} == {
        1: "waits",
        2: "写真 4",
    }


async def test_what_waits_is_promoted_with_the_images_it_waited_with(
    notebook: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    async with Composition().service(library, 2) as service:
        await service.import_legacy(request(notebook))
        report = await service.promote([1, 2], None)
    assert report.success == [1, 2]
    assert active(library)[sha_of(b"waits")]["images_count"] == 2


async def test_a_second_run_of_an_unchanged_source_changes_nothing(
    notebook: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    first, _ = await migrated(library, notebook)
    before = commands.rows(library), commands.files(library)
    again, _ = await migrated(library, notebook)
    assert (again, commands.rows(library), commands.files(library)) == (first, *before)


async def test_a_second_run_records_the_row_alone_that_has_changed(
    notebook: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    first, _ = await migrated(library, notebook)
    write(notebook, [*LINES[:-1], msgspec.structs.replace(LINES[-1], tags=("new",))])
    again, items = await migrated(library, notebook)
    assert again > first
    assert [item.source_key for item in items] == ["写真 4"]


async def test_rows_are_recorded_anew_where_their_images_are_looked_for_elsewhere(
    notebook: Path, tmp_path: Path
) -> None:
    library, album = tmp_path / "library", tmp_path / "another album"
    await migrated(library, notebook)
    album.mkdir()
    (album / "gone.png").write_bytes(picture(9))
    async with Composition().service(library, 2) as service:
        ended = await service.import_legacy(request(notebook, album))
    assert ended.counts.total == len(LINES) + 1
    assert "gone.png" in originals(library)


KILLS = ["写真 4", "far.png", "near too.png", "waits", "odd/name: of.png"]
"""Rows and pictures, before the one of which is read the process dies."""


@pytest.mark.parametrize("last", KILLS)
async def test_a_killed_run_is_resumed_to_the_end_that_it_would_have_come_to(
    notebook: Path, tmp_path: Path, last: str
) -> None:
    whole, library = tmp_path / "whole", tmp_path / "library"
    await migrated(whole, notebook)
    killed(library, notebook, last)
    async with Composition().service(library, 2) as service:
        resumed = await service.resume()
        assert resumed.run is not None
        await service.wait(resumed.run.id)
    assert commands.rows(library) == commands.rows(whole)
    assert commands.files(library) == commands.files(whole)


async def test_a_run_goes_on_behind_what_was_read(notebook: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    killed(library, notebook, "gone.png")
    read: list[str] = []
    async with Composition(read.append).service(library, 1) as service:
        resumed = await service.resume()
        assert resumed.run is not None
        await service.wait(resumed.run.id)
    assert "gone.png" in read
    assert "anna's" not in read


async def test_a_run_tells_its_source(notebook: Path, tmp_path: Path) -> None:
    async with Composition().service(tmp_path / "library", 2) as service:
        status = await service.import_legacy(request(notebook))
    assert status.run is not None
    assert status.run.source == RunSource(KIND, "", str(notebook))
    assert status.run.images_folder == str(notebook / "album")


async def test_a_migration_is_foretold(notebook: Path, tmp_path: Path) -> None:
    async with Composition().service(tmp_path / "library", 2) as service:
        told = await service.surveyor.look(request(notebook))
    found = told.database
    assert (found.rows, found.hashed, found.unhashed, found.images) == (5, 2, 3, 6)
    assert (told.images.path, told.images.missing) == (str(notebook / "album"), 1)
    assert told.can_start


async def test_a_place_outside_the_folders_that_were_named_is_not_opened(
    notebook: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(picture(66))
    line = Line("spy", "../outside/x.pt", pictures=(("secret.png", "beside"),))
    write(notebook, [line])
    library = tmp_path / "library"
    _, items = await migrated(library, notebook)
    assert [warning.code for item in items for warning in item.warnings] == ["image_unreadable"]
    assert originals(library) == set()


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("roll 0 999999", "image_unreadable"),
        ("roll 999999 10", "image_unreadable"),
        ("roll 5 20", "image_unreadable"),
        (f"roll 0 {2**40}", "image_too_large"),
        ("nowhere", "image_unreadable"),
    ],
)
async def test_a_place_that_leads_to_no_image_is_a_warning(
    notebook: Path, tmp_path: Path, place: str, code: str
) -> None:
    write(notebook, [Line("odd", "vae/d.safetensors", pictures=(("odd.png", place),))])
    _, items = await migrated(tmp_path / "library", notebook)
    assert [(item.state, [w.code for w in item.warnings]) for item in items] == [
        ("pending", [code]),
        ("failed", []),
    ]


# --- what is refused


async def refused(service: MigrationService, source: SourceRef) -> None:
    """Ask for it in both ways."""
    for ask in (service.start, service.surveyor.look):
        with pytest.raises((UnknownSourceKind, OptionRefused)) as error:
            await ask(ImportRequest(source))
        assert source.kind in str(error.value)


@pytest.mark.parametrize("kind", [KIND, "hikaze1"])
@pytest.mark.parametrize(
    "options",
    [SourceOptions(hashes=HashClaims.TRUST), SourceOptions(roots=(Root("loras", "/a"),))],
    ids=["hashes", "roots"],
)
async def test_an_option_that_a_kind_does_not_know_is_refused(
    notebook: Path, tmp_path: Path, kind: str, options: SourceOptions
) -> None:
    async with Composition().service(tmp_path / "library", 1) as service:
        await refused(service, SourceRef(kind, str(notebook), options))
        assert (await service.status()).run is None


async def test_a_kind_that_nobody_knows_is_refused(notebook: Path, tmp_path: Path) -> None:
    async with Composition().service(tmp_path / "library", 1) as service:
        await refused(service, SourceRef("scroll", str(notebook)))


async def test_a_notebook_that_is_not_there_is_missing(tmp_path: Path) -> None:
    async with Composition().service(tmp_path / "library", 1) as service:
        with pytest.raises(SourceMissing):
            await service.start(request(tmp_path))


async def test_a_run_of_a_kind_that_is_not_known_here_stays_as_it_is(
    notebook: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    killed(library, notebook, "waits")
    async with Reshelve().service(library, 1) as service:
        with pytest.raises(UnknownSourceKind, match="notebook"):
            await service.resume()
        status = await service.status()
    assert status.run is not None
    assert status.run.status is RunState.INTERRUPTED


async def test_two_kinds_at_one_place_are_two_sources(notebook: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    killed(library, notebook, "waits")
    other = notebook / "hikaze_mm.sqlite3"
    other.touch()
    query(library, "UPDATE migration_sources SET location = ?", str(other))
    async with Composition().service(library, 1) as service:
        with pytest.raises(RunActive):
            await service.start(ImportRequest(hikaze1(other)))


# --- what the house promises


def test_the_command_line_knows_every_kind() -> None:
    assert set(KINDS) == set(Reshelve().sources())


def test_nothing_in_the_engine_names_a_kind() -> None:
    modules = sorted((ROOT / "engine").rglob("*.py"))
    assert len(modules) > 20
    named = [
        (module.name, node.value)
        for module in modules
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in {*KINDS, KIND}
    ]
    assert named == []


@pytest.mark.parametrize(
    ("key", "number"),
    [
        ("0", 0),
        ("17", 17),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775807", 2**63 - 1),
        *(
            (key, None)
            for key in ("", "017", "+1", "-0", "1.0", "１", "a", "1\n", "9" * 19, "9" * 40, None)
        ),
    ],
)
def test_a_key_is_a_number_where_it_is_written_as_one(key: str | None, number: int | None) -> None:
    assert number_of(key) == number
