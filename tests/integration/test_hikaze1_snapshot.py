"""Copies of legacy databases: complete, steady, and without a trace on the original."""

from __future__ import annotations

import itertools
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from adapters.sources.untrusted_sqlite import snapshot
from adapters.sources.untrusted_sqlite.database import Database
from engine.errors import SourceMissing, SourceUnreadable, StorageFailed
from tests.integration import legacy_libraries as legacy
from tests.sources import KINDS, hikaze1


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "legacy"
    folder.mkdir()
    return folder


@pytest.fixture
def live(home: Path) -> Iterator[Path]:
    """A database in WAL mode that an application holds open, with 3 rows in its -wal alone."""
    path = legacy.make(home / "hikaze_mm.sqlite3")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executemany(legacy.ADD_MODEL, [legacy.model(number) for number in (1, 2, 3)])
        connection.commit()
        yield path


def trace(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """All that a reader could have changed in a folder."""
    found = {}
    for path in [folder, *folder.iterdir()]:
        status = path.stat()
        content = path.read_bytes() if path.is_file() else b""
        found[path.name] = (status.st_mtime_ns, status.st_ctime_ns, status.st_ino, content)
    return found


def test_rows_in_the_wal_are_read_and_the_live_files_are_left_alone(
    live: Path, scratch: Path
) -> None:
    before = trace(live.parent)
    assert set(before) == {"legacy", live.name, f"{live.name}-wal", f"{live.name}-shm"}

    assert len(legacy.models(live, scratch)) == 3

    assert trace(live.parent) == before


def test_a_wal_that_was_cut_short_gives_its_last_whole_commit(live: Path, scratch: Path) -> None:
    torn = live.parent / "torn.sqlite3"
    torn.write_bytes(live.read_bytes())
    log = live.with_name(f"{live.name}-wal").read_bytes()

    for length, rows in ((len(log), 3), (len(log) - 10, 0), (40, 0), (0, 0)):
        torn.with_name(f"{torn.name}-wal").write_bytes(log[:length])
        assert len(legacy.models(torn, scratch)) == rows


def test_a_transaction_that_was_under_way_is_rolled_back_in_the_copy(
    home: Path, scratch: Path
) -> None:
    path = legacy.make(home / "hikaze_mm.sqlite3", rows=200)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")  # pages spill into the file before the commit
        connection.execute("BEGIN")
        connection.execute("UPDATE models SET name = 'half done'")
        assert path.with_name(f"{path.name}-journal").stat().st_size > 0
        before = trace(home)

        names = {model.name for model in legacy.models(path, scratch)}

        assert trace(home) == before
    assert names == {f"{number}" for number in range(1, 201)}


def test_a_journal_that_names_a_file_to_delete_is_refused(home: Path, scratch: Path) -> None:
    path = legacy.make(home / "hikaze_mm.sqlite3", rows=5)
    victim = home / "victim"
    victim.write_bytes(b"")
    name = bytes(victim)
    path.with_name(f"{path.name}-journal").write_bytes(
        b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7".ljust(512, b"\0")
        + b"\0\0\0\1"
        + name
        + len(name).to_bytes(4, "big")
        + sum(name).to_bytes(4, "big")
        + b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
    )

    with pytest.raises(SourceUnreadable, match="several databases"):
        legacy.models(path, scratch)

    assert victim.exists()


def test_a_folder_that_may_not_be_written_is_read(home: Path, scratch: Path) -> None:
    path = legacy.make(home / "hikaze_mm.sqlite3", rows=5)
    path.chmod(0o444)
    home.chmod(0o555)
    before = trace(home)

    assert len(legacy.models(path, scratch)) == 5

    assert trace(home) == before


@pytest.mark.parametrize("place", ["the file", "its folder", "its wal"])
def test_a_link_is_not_followed(live: Path, tmp_path: Path, scratch: Path, place: str) -> None:
    # Whoever names one is asked for what it leads to; one that comes later is somebody else's.
    link = tmp_path / "link"
    link.symlink_to(live.parent if place == "its folder" else live)
    location = link / live.name if place == "its folder" else link
    if place == "its wal":
        location = legacy.make(tmp_path / "other.sqlite3", rows=1)
        (tmp_path / "other.sqlite3-wal").symlink_to(live)

    for look in (snapshot.stamp, snapshot.fingerprint, lambda path: snapshot.take(path, scratch)):
        with pytest.raises(SourceUnreadable, match="link"):
            look(location)

    assert not list(scratch.iterdir())


@pytest.mark.parametrize(
    "name", ["a b.db", "a?b.db", "a#b.db", "a%41b.db", "🎨 模型.db", "'\";.db"]
)
def test_any_name_will_do(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    path = legacy.make(folder / name, rows=2)

    assert len(legacy.models(path, folder / f"scratch {name}")) == 2


def test_a_copy_that_the_disk_does_not_let_go_is_no_failure_of_reading(
    live: Path, scratch: Path
) -> None:
    with KINDS["hikaze1"].open(hikaze1(live), scratch) as source:
        (scratch / f"{snapshot.COPY_NAME}-journal").mkdir()  # unlink refuses a folder
        assert source.rows == 3


def test_a_copy_that_the_disk_does_not_give_is_the_disks_failure(live: Path, scratch: Path) -> None:
    with KINDS["hikaze1"].open(hikaze1(live), scratch) as source:
        (scratch / snapshot.COPY_NAME).unlink()
        with pytest.raises(StorageFailed, match=snapshot.COPY_NAME):
            list(source.chunks("", 10))


def test_a_copy_that_cannot_be_opened_is_the_disks_failure(live: Path, scratch: Path) -> None:
    with pytest.raises(StorageFailed, match="no copy"):
        Database(scratch / "no copy", str(live))


def test_a_name_that_is_no_utf8_can_be_told_of(tmp_path: Path, scratch: Path) -> None:
    with pytest.raises(SourceMissing) as caught:
        snapshot.take(tmp_path / os.fsdecode(b"\xff.db"), scratch)

    assert "\ufffd.db" in caught.value.path


@pytest.mark.parametrize("name", ["absent", "absent/too", "file/below", "dangling"])
def test_what_is_not_there_is_missing(tmp_path: Path, scratch: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "dangling").symlink_to("nowhere")

    with pytest.raises(SourceMissing):
        snapshot.take(tmp_path / name, scratch)


def _folder(path: Path) -> None:
    path.mkdir()


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to(os.devnull)


def _circle(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize("create", [_folder, _fifo, _device, _circle])
@pytest.mark.timeout(10)
def test_what_is_no_file_is_refused_without_waiting_for_it(
    home: Path, scratch: Path, create: Callable[[Path], None]
) -> None:
    create(home / "thing")
    with pytest.raises(SourceUnreadable):
        snapshot.take(home / "thing", scratch)

    path = legacy.make(home / "hikaze_mm.sqlite3", rows=1)
    create(path.with_name(f"{path.name}-wal"))
    with pytest.raises(SourceUnreadable):
        snapshot.take(path, scratch)


def test_a_file_that_keeps_changing_is_refused_with_advice(
    home: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = legacy.make(home / "hikaze_mm.sqlite3", rows=1)
    copied = snapshot._copied
    times = itertools.count(1)

    def touched_then_copied(*arguments: Any) -> bool:
        os.utime(path, ns=(0, next(times)))
        return copied(*arguments)

    monkeypatch.setattr(snapshot, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(snapshot, "_copied", touched_then_copied)

    with pytest.raises(SourceUnreadable, match="Close the legacy application"):
        snapshot.take(path, scratch)

    assert next(times) > 3


def test_a_file_that_changed_once_while_it_was_copied_is_copied_again(
    home: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = legacy.make(home / "hikaze_mm.sqlite3", rows=1)
    copied = snapshot._copied

    def copied_then_changed(*arguments: Any) -> bool:
        monkeypatch.setattr(snapshot, "_copied", copied)
        assert copied(*arguments)
        legacy.make(path, schema="UPDATE models SET name = 'later'")
        return True

    monkeypatch.setattr(snapshot, "_copied", copied_then_changed)

    assert [model.name for model in legacy.models(path, scratch)] == ["later"]


def test_the_copy_is_for_its_owner_alone_even_where_the_original_is_read_only(
    home: Path, scratch: Path
) -> None:
    path = legacy.make(home / "hikaze_mm.sqlite3", rows=1)
    path.chmod(0o444)

    copy = snapshot.take(path, scratch)

    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert copy.read_bytes() == path.read_bytes()


def test_a_scratch_folder_that_takes_no_copy_is_told_apart_from_a_bad_source(
    home: Path, tmp_path: Path
) -> None:
    path = legacy.make(home / "hikaze_mm.sqlite3", rows=1)

    with pytest.raises(StorageFailed):
        snapshot.take(path, tmp_path / "absent")
