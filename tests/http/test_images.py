"""The routes of images: what is served, kept by browsers, uploaded and deleted."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests import commands
from tests.http.conftest import small_legacy
from tests.http.server import Server, serving
from tests.waiting_library import Legacy, picture, sha_of

ONE, TWO, THREE = sha_of(b"one"), sha_of(b"two"), sha_of(b"three")
UNKNOWN = "0" * 64
TIERS = ("high", "medium", "low")


@pytest.fixture
def edited(tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    """A server on a library of the test's own, to be changed, and that library."""
    legacy, library = small_legacy(tmp_path / "legacy"), tmp_path / "library"
    with serving(library, "--allow-path", tmp_path) as server:
        body = {"legacy_db_path": str(legacy.database)}
        assert server.send("/api/migration/migrate_legacy_db", body).status == 200
        yield server, library


def count(server: Server, sha256: str) -> int:
    answer = server.get(f"/api/images/get_img_count?sha256={sha256}")
    assert answer.status == 200
    found: int = answer.json["count"]
    return found


def sets(server: Server, sha256: str) -> list[tuple[bytes, ...]]:
    """The preview sets of a model, each with its three tiers; beyond the last there is none."""
    number = count(server, sha256)
    assert server.get(f"/api/images/{sha256}_{number}").status == 404
    assert server.get(f"/api/models/{sha256}").json["meta_json"]["images_count"] == number
    return [
        tuple(server.get(f"/api/images/{sha256}_{seq}?quality={tier}").body for tier in TIERS)
        for seq in range(number)
    ]


def verified(library: Path) -> None:
    report = commands.document("verify", "--library", library)
    # The edits of these tests do not move the model files; what is left is about images.
    assert report["problems"] == []


# Serving


def test_a_preview_is_a_webp_of_the_library(server: Server, folder: Path) -> None:
    for seq in range(3):
        for tier in TIERS:
            answer = server.get(f"/api/images/{ONE}_{seq}.webp?quality={tier}")
            assert answer.status == 200
            assert answer.headers["content-type"] == "image/webp"
            path = folder / "library" / "images" / f"{ONE}_{seq}_{tier}.webp"
            assert answer.body == path.read_bytes()
            assert Image.open(BytesIO(answer.body)).format == "WEBP"


@pytest.mark.parametrize(
    "name",
    [
        f"{ONE}",
        f"{ONE}.webp",
        f"{ONE}_0",
        f"{ONE}_0.webp",
        f"{ONE}_0.webp?quality=high",
        f"{ONE}?rev=3",
        f"{ONE}.webp?rev=17&t=1&quality=high&seq=2",
    ],
)
def test_a_hash_alone_means_the_first_image_and_other_keys_are_ignored(
    server: Server, name: str
) -> None:
    first = server.get(f"/api/images/{ONE}_0.webp?quality=high")
    answer = server.get(f"/api/images/{name}")
    assert (answer.status, answer.body) == (200, first.body)


@pytest.mark.parametrize(
    "name",
    [
        f"{ONE}_3",
        f"{ONE}_00",
        f"{ONE}_-1",
        f"{ONE}_",
        f"{ONE}__0",
        f"{ONE}_0_high",
        f"{ONE}_0.webp.webp",
        f"{ONE}_0.png",
        f"{ONE}_1e0",
        f"{ONE}_%D9%A1",  # an Arabic one
        f"{ONE}_" + "9" * 400,
        f"{ONE.upper()}_0",
        f"{TWO}",
        f"{UNKNOWN}",
        "x",
        "_0",
        ".webp",
        "%00",
        f"{ONE}_0%00",
        f"{ONE}_0?quality=huge",
        f"{ONE}_0?quality=..%2fhigh",
    ],
)
def test_an_image_that_is_not_there_is_not_found(server: Server, name: str) -> None:
    if name.endswith("_"):
        # Whether nothing after the underscore means the first image is left open.
        assert server.get(f"/api/images/{name}").status in (200, 404)
    else:
        assert server.get(f"/api/images/{name}").refusal[0] == 404


def test_a_pending_image_is_the_original_by_id_and_by_name(server: Server) -> None:
    original = picture(40)
    for name in ("4", "four_0.png"):
        answer = server.get(f"/api/images/pending/{name}")
        assert (answer.status, answer.body) == (200, original)
        assert answer.headers["content-type"] == "image/png"
    assert server.get("/api/images/pending/four_1.png").body == picture(41)


@pytest.mark.parametrize(
    "name", ["1", "5", "999", "-4", "4.0", "none.png", "four_0", "%00", "9" * 400, "four_0.png%00"]
)
def test_a_pending_image_that_is_not_there_is_not_found(server: Server, name: str) -> None:
    assert server.get(f"/api/images/pending/{name}").refusal[0] == 404


LARGE = 3 * (1 << 20) + 17


def test_a_large_original_is_served_whole(edited: tuple[Server, Path]) -> None:
    server, library = edited
    content = picture(1) + os.urandom(LARGE)
    (library / "images" / "pending" / "large.png").write_bytes(content)
    for method, body in (("GET", content), ("HEAD", b"")):
        answer = server.call(method, "/api/images/pending/large.png")
        assert (answer.status, answer.body) == (200, body)
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["content-length"] == str(len(content))
        assert answer.headers["cache-control"] == "private, no-cache"
    again = server.get("/api/images/pending/large.png", {"If-None-Match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def resident(server: Server) -> int:
    """The memory of a server's process, in bytes."""
    pages = Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="it is read from /proc")
def test_large_originals_that_nobody_takes_fill_no_memory(edited: tuple[Server, Path]) -> None:
    server, library = edited
    with (library / "images" / "pending" / "large.png").open("wb") as file:
        file.write(picture(1))
        file.truncate(200 << 20)
    before = resident(server)
    with ExitStack() as stack:
        for _ in range(4):
            connection = stack.enter_context(server.open_socket())
            connection.sendall(
                b"GET /api/images/pending/large.png HTTP/1.1\r\n"
                b"Host: 127.0.0.1:%d\r\n\r\n" % server.port
            )
            assert connection.recv(12) == b"HTTP/1.1 200"
        assert server.get("/api/images/pending/4").status == 200
        assert resident(server) - before < 100 << 20


@pytest.mark.parametrize("path", [f"{ONE}_1?quality=low", "pending/4"])
def test_a_browser_that_has_an_image_is_told_so(server: Server, path: str) -> None:
    first = server.get(f"/api/images/{path}")
    tag = first.headers["etag"]
    for header in (tag, f'"other", {tag}'):
        again = server.get(f"/api/images/{path}", {"If-None-Match": header})
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == first.headers["cache-control"]
    changed = server.get(f"/api/images/{path}", {"If-None-Match": '"other"'})
    assert (changed.status, changed.body) == (200, first.body)


@pytest.mark.parametrize("header", ["*", "W/{}"])
def test_other_ways_to_say_what_a_browser_has_are_understood(server: Server, header: str) -> None:
    # RFC 9110 13.1.2: weak comparison; an asterisk means any.
    tag = server.get(f"/api/images/{ONE}_1").headers["etag"]
    answer = server.get(f"/api/images/{ONE}_1", {"If-None-Match": header.format(tag)})
    assert answer.status == 304


# How many


@pytest.mark.parametrize(("sha256", "number"), [(ONE, 3), (TWO, 0), (THREE, 1)])
def test_images_are_counted(server: Server, sha256: str, number: int) -> None:
    assert server.get(f"/api/images/get_img_count?sha256={sha256}").json == {"count": number}


@pytest.mark.parametrize("query", ["", "?sha256=", "?sha=1"])
def test_images_are_not_counted_without_a_hash(server: Server, query: str) -> None:
    assert server.get(f"/api/images/get_img_count{query}").refusal[0] == 400


# Uploading and deleting


def test_an_upload_becomes_the_last_image(edited: tuple[Server, Path]) -> None:
    server, library = edited
    before = sets(server, ONE)
    answer = server.upload({"sha256": ONE}, picture(77))
    assert answer.status == 200
    assert answer.json["status"] == "success"
    assert answer.json["base_name"] == f"{ONE}_3"
    after = sets(server, ONE)
    assert after[:3] == before
    assert len(after) == 4
    assert Image.open(BytesIO(after[3][0])).size == (6, 4)
    assert server.upload({"sha256": TWO}, picture(1)).json["base_name"] == f"{TWO}_0"
    server.stop()
    verified(library)


@pytest.mark.parametrize(
    ("fields", "image", "status"),
    [
        ({"sha256": ONE}, None, 400),
        ({}, picture(1), 400),
        ({"sha256": ""}, picture(1), 400),
        ({"sha256": ONE}, b"no image", 400),
        ({"sha256": ONE}, b"", 400),
        ({"sha256": ONE}, picture(1)[:40], 400),
        ({"sha256": ONE}, b"<svg xmlns='http://www.w3.org/2000/svg'/>", 400),
        ({"sha256": UNKNOWN}, picture(1), 404),
        ({"sha256": "../escape"}, picture(1), 404),
        ({"sha256": ONE.upper()}, picture(1), 404),
    ],
)
def test_an_upload_that_is_wrong_is_refused_and_adds_nothing(
    server: Server, folder: Path, fields: dict[str, str], image: bytes | None, status: int
) -> None:
    before = commands.files(folder / "library")
    assert server.upload(fields, image).refusal[0] == status
    assert commands.files(folder / "library") == before
    assert count(server, ONE) == 3


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (b"", "multipart/form-data; boundary=edge"),
        (b"no form", "multipart/form-data; boundary=edge"),
        (b"--edge--\r\n", "multipart/form-data; boundary=edge"),
        (b"--edge\r\nno header\r\n\r\n--edge--\r\n", "multipart/form-data; boundary=edge"),
        (b"--edge--\r\n", "multipart/form-data"),
        (
            b'--edge\r\nContent-Disposition: form-data; name="sha256"\r\n\r\n\xff\r\n--edge--\r\n',
            "multipart/form-data; boundary=edge",
        ),
        (b'{"sha256": "x"}', "application/json"),
        (b"{", "application/json"),
        (
            b'--edge\r\nContent-Disposition: form-data; name="image"\r\n\r\ntext\r\n--edge--\r\n',
            "multipart/form-data; boundary=edge",
        ),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(server: Server, fields: bytes, kind: str) -> None:
    answer = server.call("POST", "/api/images/upload", fields, {"Content-Type": kind})
    assert answer.refusal[0] == 400


def test_deleting_an_image_moves_the_later_ones_down(edited: tuple[Server, Path]) -> None:
    server, library = edited
    first, second, third = sets(server, ONE)
    assert len({first, second, third}) == 3
    answer = server.delete(f"/api/images/delete?sha256={ONE}&seq=0")
    assert answer.status == 200
    assert answer.json["status"] == "success"
    assert sets(server, ONE) == [second, third]
    assert server.delete(f"/api/images/delete?sha256={ONE}&seq=1").status == 200
    assert sets(server, ONE) == [second]
    assert server.delete(f"/api/images/delete?sha256={ONE}&seq=0").status == 200
    assert sets(server, ONE) == []
    assert server.delete(f"/api/images/delete?sha256={ONE}&seq=0").refusal[0] == 404
    assert len(sets(server, THREE)) == 1
    server.stop()
    verified(library)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        (f"?sha256={ONE}", 400),
        ("?seq=0", 400),
        (f"?sha256={ONE}&seq=first", 400),
        (f"?sha256={ONE}&seq=0.0", 400),
        (f"?sha256={ONE}&seq=3", 404),
        (f"?sha256={ONE}&seq=-1", 404),
        (f"?sha256={ONE}&seq=999999999999999999", 404),
        (f"?sha256={UNKNOWN}&seq=0", 404),
        ("?sha256=..%2Fx&seq=0", 404),
    ],
)
def test_a_deletion_that_is_wrong_is_refused_and_deletes_nothing(
    server: Server, folder: Path, query: str, status: int
) -> None:
    before = commands.files(folder / "library")
    assert server.delete(f"/api/images/delete{query}").refusal[0] == status
    assert commands.files(folder / "library") == before


def test_an_image_that_changed_is_seen_by_a_browser_that_had_another(
    edited: tuple[Server, Path],
) -> None:
    server, _ = edited
    for tier in TIERS:
        old = server.get(f"/api/images/{ONE}?quality={tier}")
        wanted = server.get(f"/api/images/{ONE}_1?quality={tier}")
        assert server.delete(f"/api/images/delete?sha256={ONE}&seq=0").status == 200
        condition = {"If-None-Match": old.headers["etag"]}
        new = server.get(f"/api/images/{ONE}?quality={tier}", condition)
        assert new.status == 200
        assert new.body == wanted.body
        assert new.headers["etag"] != old.headers["etag"]
        server.upload({"sha256": ONE}, picture(60))


def test_uploads_and_deletions_at_once_leave_a_whole_library(edited: tuple[Server, Path]) -> None:
    server, library = edited
    told: list[int] = []
    names: list[str] = []

    def upload(number: int) -> None:
        answer = server.upload({"sha256": ONE}, picture(10 + 25 * number))
        told.append(answer.status)
        names.append(answer.json["base_name"])

    def remove() -> None:
        told.append(server.delete(f"/api/images/delete?sha256={ONE}&seq=0").status)

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(8)]
    threads += [threading.Thread(target=remove) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [200] * 11
    assert len(names) == 8
    found = sets(server, ONE)
    assert len(found) == 3 + 8 - 3
    assert len(set(found)) == len(found)
    server.stop()
    verified(library)


def test_a_pending_model_keeps_its_images_until_it_is_promoted(
    edited: tuple[Server, Path], legacy: Legacy
) -> None:
    server, _ = edited
    assert legacy.database.exists()
    done = server.send("/api/migration/import_models", {"id": [4]})
    assert done.json["success"] == [4]
    assert len(sets(server, sha_of(b"four"))) == 2
    assert server.get("/api/images/pending/4").status == 404
