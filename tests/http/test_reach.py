"""What a legacy folder links to, and what no image is, is neither copied nor served nor told of."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.http.server import Answer, Server, serving
from tests.waiting_library import Legacy, Row, picture, sha_of

SECRET = b"nobody may read this"
ROUTES = ("start", "migrate_legacy_db", "check")
FINE = picture(1)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that the server may read lies below it."""
    return tmp_path_factory.mktemp("ground")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that the server may not read: a text, a picture, and as much of nothing."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_bytes(SECRET)
    (folder / "secret.png").write_bytes(picture(200) + SECRET)
    return folder


@pytest.fixture
def inside(ground: Path, tmp_path: Path) -> Path:
    """A folder that the server may read, of each test its own."""
    folder = ground / tmp_path.name
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def library(ground: Path) -> Path:
    return ground / "library"


@pytest.fixture(scope="module")
def server(ground: Path, library: Path) -> Iterator[Server]:
    with serving(library, "--allow-path", ground) as running:
        yield running


def hashed_and_waiting(folder: Path, names: tuple[str, ...]) -> Legacy:
    """For each name a model that is hashed and one that waits, both of which name that image."""
    images = tuple((name, FINE) for name in names)
    rows = [
        Row(
            2 * number + waits,
            f"{folder} {name} {waits}".encode(),
            hashed=not waits,
            images=((name, data),),
        )
        for number, (name, data) in enumerate(images, 1)
        for waits in (0, 1)
    ]
    return Legacy(folder, rows)


def migrated(server: Server, legacy: Legacy, **body: Any) -> Answer:
    return server.send(
        "/api/migration/migrate_legacy_db", {"legacy_db_path": str(legacy.database), **body}
    )


def details(server: Server, code: str) -> list[str]:
    """What the warnings of a code say."""
    answer = server.get(f"/api/migration/problems/items?kind=warning&code={code}&limit=1000")
    return [problem["detail"] for problem in answer.json["items"]]


def keeps_the_secret(library: Path) -> bool:
    return not any(
        SECRET in data or data == picture(200) for data in commands.files(library).values()
    )


@pytest.mark.parametrize("route", ROUTES)
def test_an_image_folder_beside_the_database_that_leads_outside_is_refused(
    server: Server, inside: Path, outside: Path, route: str
) -> None:
    legacy = hashed_and_waiting(inside / "legacy", ())
    legacy.images.rmdir()
    legacy.images.symlink_to(outside, target_is_directory=True)
    before = server.status()
    answer = server.send(f"/api/migration/{route}", {"legacy_db_path": str(legacy.database)})
    assert answer.refusal[::2] == (403, "path_not_allowed")
    assert str(outside) not in answer.refusal[1]
    assert server.status() == before


def test_an_image_folder_beside_the_database_may_be_a_link_to_one_that_is_allowed(
    server: Server, inside: Path
) -> None:
    legacy = hashed_and_waiting(inside / "legacy", ("a.png",))
    legacy.images.rename(inside / "pictures")
    legacy.images.symlink_to(inside / "pictures", target_is_directory=True)
    assert migrated(server, legacy).json["db_migration"]["images_processed"] == 2


LINKS: dict[str, Callable[[Path, Path], Path]] = {
    "picture outside": lambda outside, _: outside / "secret.png",
    "text outside": lambda outside, _: outside / "secret.txt",
    "the environment": lambda _, __: Path("/proc/self/environ"),
    "nothing outside": lambda outside, _: outside / "none",
    "a device": lambda _, __: Path("/dev/zero"),
    "what another link outside leads to": lambda _, inside: inside / "away" / "secret.png",
    "a picture that the server may read": lambda _, inside: inside / "elsewhere.png",
}
"""Where an image leads that is a link."""


@pytest.fixture
def linked(inside: Path, outside: Path) -> Legacy:
    """A legacy library whose images are links out of it."""
    names = tuple(f"{name}.png" for name in LINKS)
    legacy = hashed_and_waiting(inside / "legacy", names)
    (inside / "away").symlink_to(outside, target_is_directory=True)
    (inside / "elsewhere.png").write_bytes(picture(200))
    for name, leads in LINKS.items():
        path = legacy.images / f"{name}.png"
        path.unlink()
        path.symlink_to(leads(outside, inside))
    return legacy


def test_images_that_are_links_out_of_the_library_are_not_opened_and_their_models_go_on(
    server: Server, linked: Legacy, library: Path
) -> None:
    told = migrated(server, linked).json
    assert told["status"] == "success"
    assert told["db_migration"] == {
        "migrated": len(LINKS),
        "pending": len(LINKS),
        "errors": 0,
        "images_processed": 0,
        "image_errors": 2 * len(LINKS),
    }
    assert keeps_the_secret(library)
    for name in LINKS:
        assert server.get(f"/api/images/pending/{name.replace(' ', '%20')}.png").status == 404


def test_a_link_that_leads_out_is_told_as_such_and_not_where_it_leads(
    server: Server, linked: Legacy, outside: Path
) -> None:
    migrated(server, linked)
    told = details(server, "image_unreadable")
    assert len(told) == 2 * len(LINKS)
    assert len({detail.partition(": ")[2] for detail in told}) == 1
    assert not [detail for detail in told if str(outside) in detail]


def test_a_check_counts_links_that_lead_out_alike_whether_or_not_they_lead_to_a_file(
    server: Server, linked: Legacy, outside: Path
) -> None:
    def checked() -> Any:
        told = server.send("/api/migration/check", {"legacy_db_path": str(linked.database)}).json
        return told["images"]["missing"], told["space"]["needed_bytes"]

    before = checked()
    assert before[0] == 2 * len(LINKS)
    for path in outside.iterdir():
        path.unlink()
    (linked.images / "news").touch()  # or what was seen a moment ago would be told again
    assert checked() == before


def test_a_link_to_an_image_of_the_library_is_followed(server: Server, inside: Path) -> None:
    legacy = hashed_and_waiting(inside / "legacy", ("same.png", "beside.png"))
    (legacy.images / "real.png").write_bytes(picture(7))
    (legacy.database.parent / "cover.png").write_bytes(picture(8))
    for name, target in (("same.png", "real.png"), ("beside.png", "../cover.png")):
        (legacy.images / name).unlink()
        (legacy.images / name).symlink_to(target)
    assert migrated(server, legacy).json["db_migration"]["images_processed"] == 4
    assert server.get("/api/images/pending/same.png").body == picture(7)
    assert server.get("/api/images/pending/beside.png").body == picture(8)


NO_IMAGES = {
    "keys": b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + SECRET,
    "a database": b"SQLite format 3\0" + SECRET,
    "a drawing with a script": b"<svg xmlns='http://www.w3.org/2000/svg'>" + SECRET + b"</svg>",
    "a list": b"BMW;Mercedes;" + SECRET * 4,
    "a magic word": b"GIF8 is no version of it. " + SECRET,
    "a sound": b"RIFF\0\0\0\0WAVE" + SECRET,
    "a word in its place": b"ABCDEFGHWEBP" + SECRET,
    "a film": b"\0\0\0\x20ftypisom" + SECRET,
    "nothing": b"",
}


def test_what_is_no_image_is_neither_copied_nor_served(
    server: Server, inside: Path, library: Path
) -> None:
    legacy = hashed_and_waiting(inside / "legacy", tuple(NO_IMAGES))
    for name, content in NO_IMAGES.items():
        (legacy.images / name).write_bytes(content)
    told = migrated(server, legacy).json["db_migration"]
    assert (told["images_processed"], told["image_errors"]) == (0, 2 * len(NO_IMAGES))
    assert keeps_the_secret(library)
    assert len(details(server, "image_unreadable")) == 2 * len(NO_IMAGES)


def test_what_is_no_image_is_not_served_even_where_it_lies_in_the_library(
    server: Server, inside: Path, library: Path
) -> None:
    assert migrated(server, Legacy(inside / "legacy", [Row(1, b"one", hashed=True)])).status == 200
    images = library / "images"
    name = f"{sha_of(b'one')}_0"
    for number, content in enumerate(NO_IMAGES.values()):
        (images / f"{name}_high.webp").write_bytes(content)
        (images / "pending" / f"{number}.png").write_bytes(content)
        assert server.get(f"/api/images/{name}").refusal[0] == 404
        assert server.get(f"/api/images/pending/{number}.png").refusal[0] == 404


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_a_file_beside_the_database_that_is_a_link_is_not_followed(
    server: Server, inside: Path, outside: Path, suffix: str
) -> None:
    legacy = hashed_and_waiting(inside / "legacy", ("a.png",))
    body = {"legacy_db_path": str(legacy.database)}
    plain = server.send("/api/migration/check", body).json["space"]["needed_bytes"]
    beside = legacy.database.with_name(legacy.database.name + suffix)
    beside.symlink_to(outside / "secret.png")
    told = server.send("/api/migration/check", body).json
    assert told["database"]["error"]["code"] == "source_unreadable"
    assert told["space"]["needed_bytes"] <= plain
    assert migrated(server, legacy).refusal[::2] == (422, "source_unreadable")


def test_a_database_that_became_a_link_since_it_was_named_is_not_read(
    server: Server, inside: Path, outside: Path
) -> None:
    there = Legacy(outside / "legacy", [Row(1, b"theirs", hashed=True)])
    legacy = Legacy(
        inside / "legacy", [Row(n, b"%d" % n, images=(("a.png", FINE),)) for n in range(1, 9)]
    )
    body = {"legacy_db_path": str(legacy.database)}
    assert server.send("/api/migration/migrate_legacy_db", body).status == 200
    server.send("/api/migration/cancel")
    legacy.database.unlink()
    legacy.database.symlink_to(there.database)
    for route in ROUTES:
        assert server.send(f"/api/migration/{route}", body).refusal[0] == 403
    assert server.get(f"/api/models/{sha_of(b'theirs')}").status == 404


def test_the_size_of_a_model_file_is_not_told(server: Server, inside: Path, outside: Path) -> None:
    legacy = Legacy(inside / "legacy", [Row(1, b"x" * 7_654_321, hashed=True)])
    legacy.path(Row(1, b"")).write_bytes(b"x" * 1_234_567)
    assert migrated(server, legacy).json["db_migration"]["pending"] == 1
    (detail,) = details(server, "stale_hash")
    assert "1234567" not in detail.replace(",", "")


@pytest.mark.parametrize("route", ROUTES)
def test_who_has_an_account_here_is_not_told(server: Server, route: str) -> None:
    names = [*(entry.pw_name for entry in pwd.getpwall()[:3]), "nobody-by-this-name"]
    told = set()
    for name in names:
        path = f"~{name}/x.sqlite3"
        refusal = server.send(f"/api/migration/{route}", {"legacy_db_path": path}).refusal
        told.add((refusal[0], refusal[1].replace(path, "")))
    assert len(told) == 1, told


def test_the_own_home_may_be_written_short(server: Server, ground: Path) -> None:
    legacy = hashed_and_waiting(ground / "home" / "old", ("a.png",))
    assert legacy.database.exists()
    body = {"legacy_db_path": "~/old/hikaze_mm.sqlite3"}
    assert server.send("/api/migration/migrate_legacy_db", body).status == 200


@pytest.mark.parametrize("name", ["there", "missing", "circle", "closed/x", "there/below"])
def test_nothing_is_told_of_a_path_outside(server: Server, outside: Path, name: str) -> None:
    (outside / "there").write_bytes(SECRET)
    (outside / "circle").symlink_to("circle")
    (outside / "closed").mkdir(mode=0)
    path = str(outside / name)
    status, sentence, code = server.send("/api/migration/check", {"legacy_db_path": path}).refusal
    assert (status, code) == (403, "path_not_allowed")
    assert sentence.replace(path, "PATH").startswith("PATH lies outside")
    os.chmod(outside / "closed", 0o700)  # noqa: PTH101  so that it can be removed
