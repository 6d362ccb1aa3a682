"""Which files the server opens: those of the library, whatever name a request brings."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.files import reach
from tests.http.server import Client
from tests.http.test_security import tricks
from tests.http.trio_server import serving_on_trio
from tests.waiting_library import Legacy, Row, picture, sha_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
"""A test of its own, in test_openapi, says that there is no such warning."""

ONE, TWO = sha_of(b"one"), sha_of(b"two")
OPENING = {"open", "os.open", "os.listdir", "os.scandir", "os.rename", "os.remove", "os.link"}

below = threading.local()
"""The open folder from which a thread names a file."""

watching: list[set[str]] = []
"""Where the names of opened files go; a hook cannot be taken away again."""


def hook(event: str, arguments: tuple[object, ...]) -> None:
    if watching and event in OPENING and isinstance(arguments[0], str | bytes | Path):
        name = arguments[0]
        text = name.decode(errors="replace") if isinstance(name, bytes) else str(name)
        watching[-1].add(str(Path(getattr(below, "folder", ""), text)))


@pytest.fixture(scope="module", autouse=True)
def hooked() -> Iterator[None]:
    """The hook, told of the open folder from which a file is named: the event does not say it."""
    assert reach.HANDLES or not Path("/proc/self/fd").is_dir()
    opening = os.open

    def noting(*arguments: Any, dir_fd: int | None = None) -> int:
        if dir_fd is None:
            return opening(*arguments)
        below.folder = str(Path(f"/proc/self/fd/{dir_fd}").readlink())
        try:
            return opening(*arguments, dir_fd=dir_fd)
        finally:
            del below.folder

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", noting)
        sys.addaudithook(hook)
        yield


@contextmanager
def opened() -> Iterator[set[str]]:
    """The names of all files that this process opens, moves, removes or lists meanwhile."""
    names: set[str] = set()
    watching.append(names)
    try:
        yield names
    finally:
        watching.pop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("opened").resolve()


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[Client]:
    """A server in this process, where a hook sees what it opens."""
    legacy = Legacy(
        folder / "legacy",
        [
            Row(1, b"one", hashed=True, images=(("a.png", picture(1)),)),
            Row(2, b"two", hashed=True),
            Row(3, b"three", images=(("waits.png", picture(3)),)),
        ],
    )
    (folder / "secret.txt").write_bytes(b"nobody may read this")
    with serving_on_trio(folder) as running:
        body = {"legacy_db_path": str(legacy.database)}
        assert running.send("/api/migration/migrate_legacy_db", body).status == 200
        yield running


def outside(names: set[str], library: Path) -> set[str]:
    """Those that do not lie in the library, nor are the interpreter's own."""
    own = (sys.prefix, sys.base_prefix)
    return {
        name
        for name in names
        if not Path(name).resolve().is_relative_to(library) and not name.startswith(own)
    }


def test_the_hook_sees_what_the_server_opens(client: Client, folder: Path) -> None:
    with opened() as names:
        assert client.get(f"/api/images/{ONE}").status == 200
    assert any(f"{ONE}_0" in name for name in names)
    assert outside(names, folder / "library") == set()


ADDRESSES = [
    ("/api/images/{}", ONE, f"{ONE}_0_high.webp"),
    ("/api/images/{}?quality=low", ONE, f"{ONE}_0_low.webp"),
    ("/api/images/pending/{}", "waits.png", "waits.png"),
    ("/api/models/{}", ONE, None),
    ("/api/images/get_img_count?sha256={}", ONE, None),
    ("/api/images/" + ONE + "?quality={}", "medium", f"{ONE}_0_medium.webp"),
    ("/{}", "index.html", None),
]
"""An address, a name that belongs there, and the file that is opened for it, if any is."""


@pytest.mark.parametrize(("address", "name", "file"), ADDRESSES)
def test_no_name_in_an_address_opens_a_file_outside(
    client: Client, folder: Path, address: str, name: str, file: str | None
) -> None:
    with opened() as names:
        for trick in tricks(folder):
            client.get(address.format(trick.replace("\\", "%5c")))
    assert outside(names, folder / "library") == set()
    # And not because nothing is answered at all: the name that belongs there still is.
    with opened() as names:
        assert client.get(address.format(name)).status == 200
    assert file is None or file in {Path(path).name for path in names}


def test_no_name_of_what_is_changed_opens_a_file_outside(client: Client, folder: Path) -> None:
    with opened() as names:
        for trick in tricks(folder):
            name = trick.replace("\\", "%5c")
            client.delete(f"/api/images/delete?sha256={name}&seq=0")
            client.send(f"/api/models/{name}", {"name": "x"}, "PATCH")
            client.upload({"sha256": trick}, picture(1))
    assert outside(names, folder / "library") == set()


def test_what_is_changed_under_its_own_name_is_opened_in_the_library(
    client: Client, folder: Path
) -> None:
    with opened() as names:
        answers = [
            client.send(f"/api/models/{TWO}", {"name": "x"}, "PATCH"),
            client.upload({"sha256": TWO}, picture(1)),
            client.delete(f"/api/images/delete?sha256={TWO}&seq=0"),
        ]
    assert [answer.status for answer in answers] == [200] * 3
    assert any(f"{TWO}_0" in name for name in names)
    assert outside(names, folder / "library") == set()


def test_a_path_in_the_allowed_folders_is_opened(client: Client, folder: Path) -> None:
    database = folder / "legacy" / "hikaze_mm.sqlite3"
    with opened() as names:
        answer = client.send("/api/migration/migrate_legacy_db", {"legacy_db_path": str(database)})
    assert answer.status == 200
    assert str(database) in names


def test_no_path_outside_the_allowed_folders_is_opened(client: Client, folder: Path) -> None:
    link = folder / "link.sqlite3"
    link.symlink_to("/etc/passwd")
    with opened() as names:
        for path in ("/etc/passwd", "/dev/zero", f"{folder}/../x.sqlite3", "~root/x", str(link)):
            for route in ("start", "migrate_legacy_db"):
                answer = client.send(f"/api/migration/{route}", {"legacy_db_path": path})
                assert answer.refusal[0] == 403, path
    assert outside(names, folder / "library") == set()
