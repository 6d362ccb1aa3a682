"""The command line's contract: documents, streams, exit codes, signals. `serve` is not here."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import pytest

from adapters.cli.main import run
from adapters.composition import Reshelve
from adapters.files.library import is_owned, owned_library
from tests import commands
from tests.faults.disks import small_disk
from tests.faults.libraries import SCHEMA, make_library
from tests.sources import request

ENDED = {"completed", "completed_with_failures"}
STATES = ("pending", "imported", "images_done", "promoted", "failed")
INSERT_ITEM = """
INSERT INTO migration_items (run_id, path, state, failed_in, error_code, error_message, updated_at)
VALUES (1, ?, ?, ?, ?, ?, 0)
"""
STRANGE = "[red]x[/red] :smile: [link=http://a.example]b"
"""Markup and an emoji code, as a name that must be printed as it is."""

needs_posix = pytest.mark.skipif(os.name != "posix", reason="signals and limits are those of POSIX")


class Migrated(NamedTuple):
    """A small legacy library, and the library that was made from it."""

    database: Path
    library: Path


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Migrated:
    """Of 8 rows two wait, and row 5 has the content of row 4. Tests that read share it."""
    folder = tmp_path_factory.mktemp("migrated")
    where = Migrated(make_library(folder / "legacy", 8), folder / "library")
    carry(where)
    return where


@pytest.fixture
def own(tmp_path: Path) -> Migrated:
    """A library for one test, which may change it."""
    where = Migrated(make_library(tmp_path / "legacy", 6), tmp_path / "library")
    carry(where)
    return where


@pytest.fixture
def copied(migrated: Migrated, tmp_path: Path) -> Migrated:
    """A library that one test may spoil; its legacy library and model files it may not."""
    library = Path(shutil.copytree(migrated.library, tmp_path / "library"))
    return Migrated(migrated.database, library)


def carry(where: Migrated) -> None:
    """Stage 1, in this process: where another command is what is tested."""

    async def stage_1() -> None:
        async with Reshelve().service(where.library, 2) as service:
            images = where.database.parent / "images"
            begun = await service.start(request(str(where.database), str(images)))
            assert begun.run is not None
            await service.wait(begun.run.id)

    anyio.run(stage_1)


def legacy_rows(folder: Path, *rows: tuple[str, str, bytes, dict[str, Any]]) -> Path:
    """A legacy library of hashed rows: path, name, content, `extra_json`."""
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / "hikaze_mm.sqlite3"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executescript(SCHEMA)
        for path, name, content, extra in rows:
            connection.execute(
                "INSERT INTO models (path, name, type, size_bytes, hash_hex, created_at,"
                " extra_json) VALUES (?, ?, 'loras', ?, ?, 0, ?)",
                (path, name, len(content), sha256_of(content), json.dumps(extra)),
            )
    return database


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest() if content else ""


def models_of(library: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(library / "hikaze_model_manager.db")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM models ORDER BY path")]


def arguments_of(command: str, where: Migrated) -> list[str | Path]:
    """A command as it may be given again and again to a library where nothing is left to do."""
    given: dict[str, list[str | Path]] = {
        "migrate": ["migrate", where.database],
        "promote": ["promote", "999"],
        "scan": ["scan", "--root", f"loras={where.database.parent / 'models'}"],
    }
    return [*given.get(command, [command]), "--library", where.library]


EVERY = ("migrate", "resume", "status", "items", "pending", "promote", "scan", "verify")


# --- documents


STATUS_FIELDS = {"run", "counts", "warnings", "images", "bytes_hashed", "eta_seconds"}
RUN_FIELDS = {"id", "kind", "status", "resumable", "started_at", "updated_at", "finished_at"}
DOCUMENTS = {
    "migrate": STATUS_FIELDS | {"report", "failures"},
    "resume": STATUS_FIELDS | {"report", "failures"},
    "promote": STATUS_FIELDS | {"report", "failures"},
    "status": STATUS_FIELDS,
    "items": {"items"},
    "pending": {"models"},
    "scan": {"scanned", "added", "pending_ids", "skipped"},
    "verify": {"ok", "models", "images", "problems"},
}


@pytest.fixture(scope="module")
def spoken(
    migrated: Migrated, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, subprocess.CompletedProcess[bytes]]:
    """What each command says with `--json`, its progress not silenced."""
    folder = tmp_path_factory.mktemp("spoken")
    copy = folder / "library"
    database = make_library(folder / "legacy", 6)
    there = Migrated(database, copy)
    said = {"migrate": commands.run(*arguments_of("migrate", there), "--json")}
    interrupt_in_the_journal(copy)
    for command in ("resume", *EVERY[2:]):
        said[command] = commands.run(*arguments_of(command, there), "--json")
    return said


def interrupt_in_the_journal(library: Path) -> None:
    """Leave a library as one whose process was killed when all its rows had been carried."""
    with closing(sqlite3.connect(library / "hikaze_model_manager.db")) as connection, connection:
        connection.execute("UPDATE migration_runs SET status = 'running', finished_at = NULL")


@pytest.mark.parametrize("command", EVERY)
def test_json_is_one_document_with_the_fields_of_the_contract(
    spoken: dict[str, subprocess.CompletedProcess[bytes]], command: str
) -> None:
    document = json.loads(spoken[command].stdout)
    assert document.keys() >= DOCUMENTS[command]


@pytest.mark.parametrize("command", ["migrate", "resume", "promote", "status"])
def test_a_run_says_what_it_is_and_where_it_stands(
    spoken: dict[str, subprocess.CompletedProcess[bytes]], command: str
) -> None:
    document = json.loads(spoken[command].stdout)
    assert document["run"].keys() >= RUN_FIELDS
    assert document["counts"].keys() == {"total", *STATES}
    assert document["images"].keys() >= {"done", "failed"}
    assert document["bytes_hashed"].keys() >= {"done", "total"}


@pytest.mark.parametrize("command", ["migrate", "resume"])
def test_a_migration_reports_what_became_of_rows_and_images(
    spoken: dict[str, subprocess.CompletedProcess[bytes]], command: str
) -> None:
    report = json.loads(spoken[command].stdout)["report"]
    assert report.keys() == {"migrated", "pending", "errors", "images_processed", "image_errors"}


def test_a_promotion_reports_what_became_of_each_id(
    spoken: dict[str, subprocess.CompletedProcess[bytes]],
) -> None:
    report = json.loads(spoken["promote"].stdout)["report"]
    assert report.keys() == {"total", "success", "conflict", "ignored", "deleted", "failed"}


def test_each_warning_says_which_item_and_why(
    spoken: dict[str, subprocess.CompletedProcess[bytes]],
) -> None:
    warnings = json.loads(spoken["migrate"].stdout)["warnings"]
    assert [set(warning) for warning in warnings] == [{"item", "path", "code", "detail"}]


def test_each_failure_says_which_item_and_why(own: Migrated) -> None:
    with closing(sqlite3.connect(own.library / "hikaze_model_manager.db")) as connection:
        paths = connection.execute("SELECT path FROM pending_import").fetchall()
    for (path,) in paths:
        Path(path).unlink()
    report = commands.document("migrate", own.database, "--library", own.library, "--promote")
    told = [(failure.keys(), failure["code"]) for failure in report["failures"]]
    assert told == [({"item", "path", "code", "message"}, "file_missing")] * len(paths)


def test_an_item_says_all_that_is_known_of_it(migrated: Migrated) -> None:
    items = commands.document("items", "--library", migrated.library)["items"]
    fields = {"id", "source_key", "source_id", "path", "name", "type", "state", "sha256"}
    fields |= {"claimed_sha256", "claimed_by", "warnings", "error", "verbatim"}
    assert [item.keys() for item in items] == [fields] * 8


def test_an_item_says_what_its_warnings_are(migrated: Migrated) -> None:
    items = commands.document("items", "--library", migrated.library)["items"]
    told = [(item["source_id"], warning) for item in items for warning in item["warnings"]]
    assert [(key, warning.keys(), warning["code"]) for key, warning in told] == [
        (5, {"code", "detail"}, "duplicate_hash"),
        (7, {"code", "detail"}, "image_unreadable"),
    ]


def test_a_model_that_waits_is_a_whole_record(
    spoken: dict[str, subprocess.CompletedProcess[bytes]],
) -> None:
    fields = {"id", "path", "sha256", "name", "type", "size_bytes", "created_at", "meta_json"}
    models = json.loads(spoken["pending"].stdout)["models"]
    assert [model.keys() for model in models] == [fields | {"tags"}] * 2


def test_a_problem_says_what_and_where(copied: Migrated) -> None:
    lost = next((copied.library / "images").glob("*_low.webp"))
    lost.unlink()
    problems = commands.document("verify", "--library", copied.library)["problems"]
    assert all(problem.keys() == {"code", "path", "detail"} for problem in problems)
    assert ("image_missing", str(lost)) in {(told["code"], told["path"]) for told in problems}


# --- the two streams


@pytest.mark.parametrize("command", EVERY)
def test_quiet_commands_write_nothing_to_standard_error(copied: Migrated, command: str) -> None:
    done = commands.run(*arguments_of(command, copied), "--quiet")
    assert done.stderr == b""


def test_remarks_go_to_standard_error(migrated: Migrated) -> None:
    done = commands.run("pending", "--library", migrated.library)
    assert b"wait for promotion" in done.stderr
    assert b"wait for promotion" not in done.stdout


@needs_posix
def test_bars_on_a_terminal_leave_the_document_alone(tmp_path: Path) -> None:
    import pty

    database = make_library(tmp_path / "legacy", 12)
    ours, terminal = pty.openpty()
    shown: list[bytes] = []
    reader = threading.Thread(target=_read_all, args=(ours, shown))
    reader.start()
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", commands.PROGRAM, "migrate", str(database)),
            *("--library", str(tmp_path / "library"), "--json"),
        ],
        stdout=subprocess.PIPE,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(terminal)
    done = commands.finish(process)
    reader.join(timeout=10)
    os.close(ours)
    assert json.loads(done.stdout)["run"]["status"] == "completed"
    assert "models" in b"".join(shown).decode()


def _read_all(descriptor: int, found: list[bytes]) -> None:
    try:
        while data := os.read(descriptor, 65536):
            found.append(data)
    except OSError:
        pass  # EIO: the other side of a terminal is closed


@pytest.mark.parametrize("command", ["migrate", "items", "pending"])
def test_names_are_printed_as_they_are(tmp_path: Path, command: str) -> None:
    path = f"/models/{STRANGE}/:smile: [b]bold[/b].safetensors"
    content = b"" if command == "pending" else b"content"
    database = legacy_rows(tmp_path / "legacy", (path, STRANGE, content, {}))
    where = Migrated(database, tmp_path / "library")
    if command != "migrate":
        carry(where)
    said = commands.run(*arguments_of(command, where))
    assert path in said.stdout.decode()


def test_tags_are_printed_as_they_are(tmp_path: Path) -> None:
    database = legacy_rows(tmp_path / "legacy", ("/models/a", "a", b"", {}))
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("INSERT INTO tags VALUES (1, ?, NULL, 0)", (STRANGE,))
        connection.execute("INSERT INTO model_tags VALUES (1, 1)")
    carry(Migrated(database, tmp_path / "library"))
    said = commands.run("pending", "--library", tmp_path / "library")
    assert STRANGE in said.stdout.decode()


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_names_are_printed_whatever_the_terminal_can_show(
    migrated: Migrated, encoding: str
) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = commands.run("items", "--library", migrated.library, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"model ") >= 8


@needs_posix
@pytest.mark.parametrize(
    ("command", "options"),
    [*((command, ()) for command in EVERY), ("migrate", ("--json",)), ("items", ("--json",))],
)
def test_a_reader_that_has_gone_away_is_no_error(
    copied: Migrated, command: str, options: tuple[str, ...]
) -> None:
    read, write = os.pipe()
    os.close(read)
    arguments = [str(argument) for argument in (*arguments_of(command, copied), *options)]
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", commands.PROGRAM, *arguments, "--quiet"],
            stdout=write,
            stderr=subprocess.PIPE,
        )
    finally:
        os.close(write)
    done = commands.finish(process)
    expected = 3 if command == "promote" else 0
    assert (done.returncode, done.stderr) == (expected, b"")


@needs_posix
def test_the_first_line_of_many_can_be_had_through_head(tmp_path: Path) -> None:
    names = [f"/models/{number}{'x' * 200}" for number in range(1500)]
    database = legacy_rows(tmp_path / "legacy", *((name, "", b"", {}) for name in names))
    carry(Migrated(database, tmp_path / "library"))
    items = commands.start("items", "--library", tmp_path / "library")
    assert items.stdout is not None
    head = subprocess.run(["head", "-n1"], stdin=items.stdout, capture_output=True, timeout=60)
    items.stdout.close()
    items.stdout = None
    done = commands.finish(items)
    assert head.stdout.count(b"\n") == 1
    assert (done.returncode, done.stderr) == (0, b"")


@needs_posix
@pytest.mark.parametrize("stream", [1, 2], ids=["output", "error"])
def test_a_standard_stream_that_is_closed_is_no_defect(migrated: Migrated, stream: int) -> None:
    done = commands.run(
        "status", "--library", migrated.library, preexec_fn=lambda: os.close(stream)
    )
    assert (done.returncode, done.stderr) == (0, b"")


@needs_posix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("options", [(), ("--json",)], ids=["for a person", "json"])
def test_a_standard_output_that_takes_nothing_is_told_of_in_a_sentence(
    migrated: Migrated, options: tuple[str, ...]
) -> None:
    with Path("/dev/full").open("wb") as full:
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", commands.PROGRAM, "items"),
                *("--library", str(migrated.library), *options),
            ],
            stdout=full,
            stderr=subprocess.PIPE,
        )
        done = commands.finish(process)
    assert done.returncode != 0
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr


# --- options


@pytest.mark.parametrize("command", EVERY)
def test_every_command_runs_on_trio_with_one_worker(copied: Migrated, command: str) -> None:
    done = commands.run(*arguments_of(command, copied), "--backend", "trio", "--workers", "1")
    assert done.returncode == (3 if command == "promote" else 0)


@pytest.mark.parametrize("command", ["demo", *EVERY])
def test_every_command_explains_the_options_that_all_have(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(Reshelve(), [command, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert {"--json", "--workers", "--backend", "--quiet"} <= set(shown.replace(",", "").split())


def test_images_may_lie_elsewhere(tmp_path: Path) -> None:
    database = make_library(tmp_path / "legacy", 4)
    elsewhere = (tmp_path / "legacy" / "images").rename(tmp_path / "pictures")
    where = Migrated(database, tmp_path / "library")
    done = commands.run(*arguments_of("migrate", where), "--images", elsewhere, "--json")
    report = json.loads(done.stdout)["report"]
    assert report["images_processed"] > 0
    assert report["image_errors"] == 0


def test_migrate_and_promote_leaves_nothing_waiting(tmp_path: Path) -> None:
    database = make_library(tmp_path / "legacy", 6)
    options = ("--library", tmp_path / "library", "--promote")
    document = commands.document("migrate", database, *options)
    assert document["counts"]["promoted"] == document["counts"]["total"] == 6
    assert commands.document("pending", "--library", tmp_path / "library") == {"models": []}


@pytest.fixture(scope="module")
def scattered(migrated: Migrated, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with items in every state, as it is seen in the middle of a run."""
    copy = shutil.copytree(migrated.library, tmp_path_factory.mktemp("scattered") / "library")
    with closing(sqlite3.connect(copy / "hikaze_model_manager.db")) as connection, connection:
        for state in STATES:
            failed = ("pending", "broke", "It broke.") if state == "failed" else (None,) * 3
            connection.execute(INSERT_ITEM, (f"/models/{state}.safetensors", state, *failed))
    return copy


@pytest.mark.parametrize("state", STATES)
def test_items_of_one_state_can_be_asked_for(scattered: Path, state: str) -> None:
    every = commands.document("items", "--library", scattered)["items"]
    asked = commands.document("items", "--library", scattered, "--state", state)["items"]
    assert asked == [item for item in every if item["state"] == state] != []


def test_items_of_all_states_are_told_where_none_is_asked_for(scattered: Path) -> None:
    every = commands.document("items", "--library", scattered)["items"]
    assert {item["state"] for item in every} == set(STATES)


def test_only_the_ids_that_are_named_are_promoted(own: Migrated) -> None:
    first, *others = [
        model["id"] for model in commands.document("pending", "--library", own.library)["models"]
    ]
    report = commands.document("promote", str(first), "--library", own.library)["report"]
    assert report["success"] == [first]
    left = commands.document("pending", "--library", own.library)["models"]
    assert [model["id"] for model in left] == others


def test_all_that_wait_are_promoted(own: Migrated) -> None:
    document = commands.document("promote", "--all", "--library", own.library)
    assert len(document["report"]["success"]) == 2


@pytest.mark.parametrize(
    ("strategy", "where"),
    [
        (None, "conflict"),
        ("override", "success"),
        ("merge", "success"),
        ("ignore", "ignored"),
        ("delete", "deleted"),
    ],
)
def test_a_conflict_ends_where_its_strategy_says(
    own: Migrated, strategy: str | None, where: str
) -> None:
    waiting = commands.document("pending", "--library", own.library)["models"]
    active = models_of(own.library)[0]
    Path(waiting[0]["path"]).write_bytes(Path(active["path"]).read_bytes())
    chosen = ("--on-conflict", strategy) if strategy else ()
    arguments = ("promote", str(waiting[0]["id"]), "--library", own.library, *chosen)
    report = commands.document(*arguments)["report"]
    assert report["total"] == len(report[where]) == 1


def test_several_folders_are_scanned(tmp_path: Path) -> None:
    roots: list[str | Path] = []
    for name in ("loras", "vae"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.safetensors").write_bytes(name.encode())
        roots += ["--root", f"{name}={tmp_path / name}"]
    commands.document("scan", "--library", tmp_path / "library", *roots)
    found = commands.document("pending", "--library", tmp_path / "library")["models"]
    assert {model["type"] for model in found} == {"loras", "vae"}


def test_verify_hashes_the_model_files_when_asked(own: Migrated) -> None:
    path = Path(models_of(own.library)[0]["path"])
    path.write_bytes(path.read_bytes()[::-1])
    assert commands.document("verify", "--library", own.library)["ok"]
    found = commands.document("verify", "--library", own.library, "--hash")["problems"]
    assert [(problem["code"], problem["path"]) for problem in found] == [
        ("hash_mismatch", str(path))
    ]


def test_the_subsets_together_hash_every_model_once(own: Migrated) -> None:
    for model in models_of(own.library):
        path = Path(model["path"])
        path.write_bytes(path.read_bytes()[::-1])
    whole = commands.document("verify", "--library", own.library, "--hash")["problems"]
    parts = [
        problem
        for part in ("1/2", "2/2")
        for problem in commands.document(
            "verify", "--library", own.library, "--hash", "--subset", part
        )["problems"]
    ]
    order = ["code", "path"]
    key: Callable[[dict[str, str]], list[str]] = lambda problem: [problem[k] for k in order]  # noqa: E731
    assert sorted(parts, key=key) == sorted(whole, key=key)
    assert len(whole) >= 3


# --- two rows of one hash


class Twins(NamedTuple):
    """The one model that two rows of one content have become, and how the run ended."""

    model: dict[str, Any]
    meta: dict[str, Any]
    tags: set[str]
    items: list[dict[str, Any]]


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Twins]:
    made: dict[str, Twins] = {}

    def made_with(strategy: str) -> Twins:
        if strategy not in made:
            made[strategy] = make_twins(tmp_path_factory.mktemp(strategy), strategy)
        return made[strategy]

    return made_with


def make_twins(folder: Path, strategy: str) -> Twins:
    from PIL import Image

    (folder / "legacy" / "images").mkdir(parents=True)
    rows = []
    for name, extra in (
        ("first", {"description": "first", "images": ["first.png"]}),
        ("second", {"description": "second", "community_links": "links", "images": ["second.png"]}),
    ):
        (folder / name).write_bytes(b"one content")
        shade = 40 if name == "first" else 200
        Image.new("RGB", (30, 20), (shade, 9, 9)).save(folder / "legacy/images" / f"{name}.png")
        rows.append((str(folder / name), name, b"one content", extra))
    database = legacy_rows(folder / "legacy", *rows)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("INSERT INTO tags VALUES (1, 'one', NULL, 0), (2, 'two', NULL, 0)")
        connection.execute("INSERT INTO model_tags VALUES (1, 1), (2, 2)")
    library = folder / "library"
    done = commands.run("migrate", database, "--library", library, "--on-conflict", strategy)
    assert done.returncode == 0, done.stderr
    (model,) = models_of(library)
    with closing(sqlite3.connect(library / "hikaze_model_manager.db")) as connection:
        tags = connection.execute("SELECT name FROM tags JOIN model_tags ON id = tag_id")
        names = {name for (name,) in tags}
    items = commands.document("items", "--library", library)["items"]
    return Twins(model, json.loads(model["meta_json"]), names, items)


@pytest.mark.parametrize("strategy", ["merge", "override"])
def test_both_rows_of_one_hash_are_promoted(twins: Callable[[str], Twins], strategy: str) -> None:
    assert [item["state"] for item in twins(strategy).items] == ["promoted", "promoted"]


def test_the_second_row_of_one_hash_goes_on_waiting_when_it_is_to_be_ignored(
    twins: Callable[[str], Twins],
) -> None:
    assert [item["state"] for item in twins("ignore").items] == ["promoted", "pending"]


@pytest.mark.parametrize("strategy", ["merge", "override"])
def test_the_second_path_of_one_hash_is_kept_and_reported(
    twins: Callable[[str], Twins], strategy: str
) -> None:
    first, second = twins(strategy).items
    assert second["path"].endswith("second")
    assert [warning["code"] for warning in second["warnings"]] == ["duplicate_hash"]
    assert first["path"] in second["warnings"][0]["detail"]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("merge", ("first", "first", "links")),
        ("override", ("second", "second", "links")),
        ("ignore", ("first", "first", "")),
    ],
)
def test_the_record_of_one_hash_has_the_values_that_the_strategy_says(
    twins: Callable[[str], Twins], strategy: str, expected: tuple[str, str, str]
) -> None:
    found = twins(strategy)
    meta = found.meta
    assert (found.model["name"], meta["description"], meta["community_links"]) == expected


@pytest.mark.parametrize("strategy", ["merge", "override"])
def test_the_record_of_one_hash_has_the_tags_and_images_of_both(
    twins: Callable[[str], Twins], strategy: str
) -> None:
    found = twins(strategy)
    assert (found.tags, found.meta["images_count"]) == ({"one", "two"}, 2)


def test_a_row_that_is_ignored_adds_neither_tag_nor_image(twins: Callable[[str], Twins]) -> None:
    found = twins("ignore")
    assert (found.tags, found.meta["images_count"]) == ({"one"}, 1)


# --- exit 2: usage


@pytest.mark.parametrize(
    "arguments",
    [
        ("carry",),
        ("migrate",),
        ("migrate", "db", "--library", "l", "--on-conflict", "delete"),
        ("migrate", "db", "--library", "l", "--workers", "0"),
        ("migrate", "db", "--library", "l", "--workers", "-1"),
        ("migrate", "db", "--library", "l", "--workers", "many"),
        ("migrate", "db", "--library", "l", "--backend", "twisted"),
        ("items", "--library", "l", "--state", "lost"),
        ("status", "--library", ""),
        ("status", "--library", "~nobody-of-this-name/l"),
        ("status", "--library", "a" * 5000),
        ("serve", "--library", "l", "--frontend", "none"),
        ("promote", "--library", "l"),
        ("promote", "first", "--library", "l"),
        ("promote", "1", "--all", "--library", "l"),
        ("promote", "1", "--library", "l", "--on-conflict", "keep"),
        ("scan", "--library", "l"),
        ("scan", "--library", "l", "--root", "loras"),
        ("scan", "--library", "l", "--root", "=folder"),
        ("scan", "--library", "l", "--root", "loras="),
        ("verify", "--library", "l", "--subset", "3/2"),
        ("verify", "--library", "l", "--subset", "tenth"),
    ],
    ids=" ".join,
)
def test_a_command_that_is_not_understood_is_told_of_with_usage(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        run(Reshelve(), list(arguments))
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, "")
    assert said.err.startswith("usage: reshelve")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [("status",), ("migrate", "db"), ("serve", "--port", "0")])
def test_a_command_without_a_library_is_told_of_with_usage(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = commands.run(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"usage: reshelve " + words[0].encode())
    assert b"the following arguments are required: --library" in done.stderr
    assert list(tmp_path.iterdir()) == []


# --- exit 3: done, with failures that are named


def test_a_file_that_is_gone_fails_its_promotion_and_is_named(own: Migrated) -> None:
    waiting = commands.document("pending", "--library", own.library)["models"][0]
    Path(waiting["path"]).unlink()
    done = commands.run("promote", "--all", "--library", own.library)
    assert done.returncode == 3
    assert waiting["path"] in done.stdout.decode()


def test_a_conflict_is_named_on_both_sides(own: Migrated) -> None:
    waiting = commands.document("pending", "--library", own.library)["models"][0]
    active = models_of(own.library)[0]
    Path(waiting["path"]).write_bytes(Path(active["path"]).read_bytes())
    done = commands.run("promote", "--all", "--library", own.library)
    assert done.returncode == 3
    assert waiting["path"] in done.stdout.decode()
    assert active["path"] in done.stdout.decode()


def test_an_id_that_nobody_has_is_named(copied: Migrated) -> None:
    done = commands.run("promote", "999", "--library", copied.library)
    assert done.returncode == 3
    assert b"999" in done.stdout


def test_a_migration_whose_promotion_fails_ends_with_3(own: Migrated) -> None:
    waiting = commands.document("pending", "--library", own.library)["models"][0]
    Path(waiting["path"]).unlink()
    done = commands.run("migrate", own.database, "--library", own.library, "--promote")
    assert done.returncode == 3
    assert waiting["path"] in done.stdout.decode()


def test_a_problem_that_verify_finds_is_named(copied: Migrated) -> None:
    lost = next((copied.library / "images").glob("*_low.webp"))
    lost.unlink()
    done = commands.run("verify", "--library", copied.library)
    assert done.returncode == 3
    assert lost.name in done.stdout.decode()


# --- exit 4: in use


OWNING = ("migrate", "resume", "promote", "scan")


@contextmanager
def stopped_migration(folder: Path) -> Iterator[Migrated]:
    """A library whose owner is another process, which holds still in the midst of a run."""
    where = Migrated(make_library(folder / "legacy", 15), folder / "library")
    owner = commands.start(*arguments_of("migrate", where), "--quiet", "--workers", "1")
    try:
        wait_until(lambda: previews_of(where.library) > 0 or owner.poll() is not None)
        os.kill(owner.pid, signal.SIGSTOP)
        yield where
    finally:
        os.kill(owner.pid, signal.SIGKILL)
        owner.communicate(timeout=10)


def previews_of(library: Path) -> int:
    return len(list((library / "images").glob("*_low.webp")))


def wait_until(reached: Callable[[], object], seconds: float = 60) -> None:
    """Wait for a fact, which is looked for again and again."""
    limit = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < limit, "what was waited for did not come"
        time.sleep(0.005)


@needs_posix
def test_a_second_process_is_told_that_a_run_owns_the_library(tmp_path: Path) -> None:
    with stopped_migration(tmp_path) as where:
        assert is_owned(where.library)
        done = commands.run(*arguments_of("migrate", where))
    assert (done.returncode, done.stdout) == (4, b"")
    assert b"in use by another reshelve process" in done.stderr


@pytest.mark.parametrize("command", OWNING)
def test_a_command_that_would_write_gives_way_at_once(copied: Migrated, command: str) -> None:
    with owned_library(copied.library):
        done = commands.run(*arguments_of(command, copied))
    assert (done.returncode, done.stdout) == (4, b"")


@pytest.mark.parametrize("command", ["status", "items", "pending", "verify"])
def test_a_command_that_reads_is_not_kept_waiting_by_the_owner(
    copied: Migrated, command: str
) -> None:
    with owned_library(copied.library):
        done = commands.run(command, "--library", copied.library, "--json", "--quiet")
    assert done.returncode in (0, 3)  # verify finds the owner's scratch folder
    assert json.loads(done.stdout)


# --- exit 5: unreadable


def test_a_legacy_database_that_is_not_there_makes_no_library(tmp_path: Path) -> None:
    missing = tmp_path / "none.sqlite3"
    done = commands.run("migrate", missing, "--library", tmp_path / "library")
    assert (done.returncode, done.stdout) == (5, b"")
    assert str(missing) in done.stderr.decode()
    assert list(tmp_path.iterdir()) == []


def database_of(path: Path, script: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return path


UNREADABLE: dict[str, str] = {
    "no models table": "CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT)",
    "a view in place of models": """
        CREATE TABLE hidden (id INTEGER PRIMARY KEY, path, hash_hex, type);
        INSERT INTO hidden VALUES (1, '/a', '', 'lora');
        CREATE VIEW models AS SELECT * FROM hidden""",
}


@pytest.mark.parametrize("what", ["not SQLite", "empty file", "folder", *UNREADABLE])
def test_a_legacy_database_that_is_none_is_told_of_in_a_sentence(tmp_path: Path, what: str) -> None:
    database = tmp_path / "legacy.sqlite3"
    if what in UNREADABLE:
        database_of(database, UNREADABLE[what])
    elif what == "folder":
        database.mkdir()
    else:
        database.write_bytes(b"no database " * 1000 if what == "not SQLite" else b"")
    done = commands.run("migrate", database, "--library", tmp_path / "library", "--quiet")
    assert done.returncode == 5
    assert str(database) in done.stderr.decode()
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["resume", "status", "items", "pending", "promote", "verify"])
def test_a_command_without_a_library_makes_none(tmp_path: Path, command: str) -> None:
    where = Migrated(tmp_path / "none", tmp_path / "library")
    done = commands.run(*arguments_of(command, where))
    assert (done.returncode, done.stdout) == (5, b"")
    assert done.stderr.startswith(b"reshelve: There is no library")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("damage", "command"),
    [
        *(("no database", command) for command in EVERY),
        *(("overwritten", command) for command in ("migrate", "items", "verify")),
        ("version 3", "migrate"),
    ],
)
def test_a_damaged_library_is_told_of_in_a_sentence(
    copied: Migrated, command: str, damage: str
) -> None:
    database = copied.library / "hikaze_model_manager.db"
    if damage == "version 3":
        database_of(database, "UPDATE db_meta SET value = '3' WHERE key = 'db_version'")
    elif damage == "no database":
        database.write_bytes(b"no database " * 1000)
    else:
        size = database.stat().st_size
        with database.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * (size - 4096))
    done = commands.run(*arguments_of(command, copied), "--quiet")
    assert (done.returncode, b"Traceback" in done.stderr) == (5, False), done.stderr


# --- exit 6: no space


class Whole(NamedTuple):
    """A migration from beginning to end, with which others are compared."""

    database: Path
    rows: dict[str, list[tuple[Any, ...]]]
    files: dict[str, bytes]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    database = make_library(folder / "legacy", 40, seed=3)
    library = folder / "library"
    done = commands.run("migrate", database, "--library", library, "--quiet")
    assert done.returncode == 0, done.stderr
    return Whole(database, commands.rows(library), commands.files(library))


def assert_same(whole: Whole, library: Path) -> None:
    """A library equals that of an uninterrupted migration: rows, counts and files."""
    rows = commands.rows(library)
    for table, expected in whole.rows.items():
        if table != "counts":
            assert rows[table] == expected, table
    counted = [{k: v for k, v in of["counts"] if v} for of in (rows, whole.rows)]
    assert counted[0] == counted[1]
    assert commands.files(library) == whole.files
    assert not list(library.glob("**/.reshelve-*.tmp"))


@needs_posix
@pytest.mark.parametrize("kibibytes", [1, 160])
def test_what_was_done_before_the_disk_was_full_is_kept(
    whole: Whole, tmp_path: Path, kibibytes: int
) -> None:
    library = tmp_path / "library"
    limit = (kibibytes * 1024, kibibytes * 1024)
    full = commands.run(
        *("migrate", whole.database, "--library", library, "--quiet"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    assert (full.returncode, b"Traceback" in full.stderr) == (6, False), full.stderr
    done = commands.run("migrate", whole.database, "--library", library, "--quiet")
    assert done.returncode == 0, done.stderr
    assert_same(whole, library)


@needs_posix
def test_resume_goes_on_when_room_was_made_on_a_full_disk(whole: Whole, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 600) as resize:
        library = tmp_path / "disk" / "library"
        full = commands.run("migrate", whole.database, "--library", library, "--quiet")
        assert (full.returncode, b"Traceback" in full.stderr) == (6, False), full.stderr
        resize(64 * 1024)
        done = commands.run("resume", "--library", library, "--quiet")
        assert done.returncode == 0, done.stderr
        assert_same(whole, library)


# --- 130 and 143: interrupted


class Interrupted(NamedTuple):
    """A command that was sent a signal in the midst of a run with images."""

    done: subprocess.CompletedProcess[bytes]
    seconds: float
    group: int
    status: dict[str, Any]
    library: Path


@pytest.fixture(
    scope="module",
    params=[(signal.SIGINT, "asyncio"), (signal.SIGTERM, "trio")],
    ids=["SIGINT", "SIGTERM"],
)
def interrupted(
    request: pytest.FixtureRequest, whole: Whole, tmp_path_factory: pytest.TempPathFactory
) -> tuple[int, Interrupted]:
    number, backend = request.param
    library = tmp_path_factory.mktemp("interrupted") / "library"
    options = ("--library", library, "--backend", backend, "--workers", "1")
    process = commands.start("migrate", whole.database, *options, start_new_session=True)
    wait_until(lambda: previews_of(library) > 2 or process.poll() is not None)
    began = time.monotonic()
    os.kill(process.pid, number)
    done = commands.finish(process)
    seconds = time.monotonic() - began
    status = commands.document("status", "--library", library)
    return int(number), Interrupted(done, seconds, process.pid, status, library)


@needs_posix
def test_an_interrupted_command_ends_with_the_number_of_its_signal(
    interrupted: tuple[int, Interrupted],
) -> None:
    number, found = interrupted
    assert (found.done.returncode, b"Traceback" in found.done.stderr) == (128 + number, False)


@needs_posix
def test_an_interrupted_command_is_gone_within_five_seconds(
    interrupted: tuple[int, Interrupted],
) -> None:
    assert interrupted[1].seconds < 5


@needs_posix
def test_an_interrupted_command_leaves_no_process(interrupted: tuple[int, Interrupted]) -> None:
    with pytest.raises(ProcessLookupError):
        os.killpg(interrupted[1].group, 0)


@needs_posix
def test_an_interrupted_run_can_be_resumed(interrupted: tuple[int, Interrupted]) -> None:
    run = interrupted[1].status["run"]
    assert (run["status"], run["resumable"]) == ("interrupted", True)


@needs_posix
def test_an_interrupted_run_was_in_the_midst_of_its_work(
    interrupted: tuple[int, Interrupted],
) -> None:
    assert interrupted[1].status["counts"]["promoted"] > 0
    assert interrupted[1].status["work"] > 0


@needs_posix
def test_an_interrupted_run_that_is_resumed_ends_as_if_it_had_not_been(
    interrupted: tuple[int, Interrupted], whole: Whole
) -> None:
    library = interrupted[1].library
    done = commands.run("resume", "--library", library, "--quiet")
    assert (done.returncode, done.stderr) == (0, b"")
    assert_same(whole, library)
