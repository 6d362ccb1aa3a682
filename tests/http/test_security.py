"""Nothing outside is served, nobody else may call, and no request costs more than its answer."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from http.client import RemoteDisconnected
from pathlib import Path

import pytest

from tests import commands
from tests.http.server import Answer, Server, ask, serving
from tests.waiting_library import Legacy, Row, picture, sha_of

SECRET = b"nobody may read this"
ONE = sha_of(b"one")
STATUS = "/api/migration/status"
ALLOWED_ORIGIN = "https://friend.example"

UP = ["../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "..\\", "%252e%252e%252f", "....//"]
"""Ways to write "the folder above"."""


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that no server may read: a text, a picture, and a legacy library."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "secret.txt").write_bytes(SECRET)
    (folder / "secret.png").write_bytes(picture(1) + SECRET)
    Legacy(folder / "legacy", [Row(1, b"secret", hashed=True)])
    return folder


@pytest.fixture(scope="module")
def guarded(folder: Path, legacy: Legacy, outside: Path) -> Iterator[Server]:
    """A server with a client's folder, and secrets and links to them wherever they can be."""
    client = folder / "client"
    client.mkdir()
    (client / "index.html").write_text("the client")
    (client / "link.txt").symlink_to(outside / "secret.txt")
    (client / "linked").symlink_to(outside, target_is_directory=True)
    library = folder / "guarded"
    options = ("--allow-path", folder, "--frontend", client, "--allow-origin", ALLOWED_ORIGIN)
    with serving(library, *options) as running:
        body = {"legacy_db_path": str(legacy.database)}
        assert running.send("/api/migration/migrate_legacy_db", body).status == 200
        for place in (folder, library, library / "images", library / "images" / "pending"):
            (place / "secret.txt").write_bytes(SECRET)
        (library / "images" / "secret.webp").write_bytes(SECRET)
        yield running


def tricks(outside: Path) -> list[str]:
    """Names that mean a file outside, in every way of writing them."""
    deep = [up * depth for up in UP for depth in (1, 2, 3, 8)]
    whole = str(outside / "secret.txt")
    return [
        *(f"{prefix}secret.txt" for prefix in deep),
        *(f"{prefix}{whole.lstrip('/')}" for prefix in deep if prefix.count("/") != 1),
        *(f"{prefix}hikaze_model_manager.db" for prefix in deep),
        whole,
        whole.replace("/", "%2f"),
        "/" + whole,
        "file:" + whole,
        "secret.txt",
        "secret.txt%00.webp",
        "secret",
        "secret.webp",
        "linked/secret.txt",
        "link.txt",
        "link.png",
        f"{'0' * 64}_0",
        f"{ONE}_0/../secret",
        f"{ONE}_0%2f..%2fsecret",
        f"..%2fimages%2f{ONE}_0_high",
        "~/secret.txt",
        "C:%5csecret.txt",
        "%c0%ae%c0%ae%2fsecret.txt",
        "%EF%BC%8E%EF%BC%8E%EF%BC%8Fsecret.txt",  # dots and a slash of full width
    ]


def keeps_the_secret(answer: Answer) -> bool:
    return SECRET not in answer.body and not answer.body.startswith(b"SQLite format 3")


@pytest.mark.parametrize("place", ["/api/images/", "/api/images/pending/", "/api/models/"])
def test_a_name_in_an_address_never_leads_outside(
    guarded: Server, outside: Path, place: str
) -> None:
    for name in tricks(outside):
        if place.endswith("pending/") and name == "secret.txt":
            continue  # it lies in the folder of pending images, as any file of a user may
        answer = guarded.get(place + name)
        assert keeps_the_secret(answer), name
        if answer.status == 200:
            # `..` in the address itself is for the client's folder, whose page this is.
            assert answer.body == b"the client", name
        else:
            assert answer.refusal[0] in (400, 403, 404), name


@pytest.mark.parametrize(
    "query",
    ["/api/images/get_img_count?sha256={}", "/api/images/" + ONE + "?quality={}"],
)
def test_a_name_in_a_query_never_leads_outside(guarded: Server, outside: Path, query: str) -> None:
    for name in tricks(outside):
        answer = guarded.get(query.format(name.replace("\\", "%5c")))
        assert keeps_the_secret(answer)
        assert answer.status in (200, 400, 404)
        if answer.status == 200:
            assert answer.json == {"count": 0}


def test_a_link_in_the_library_leads_nowhere(guarded: Server, folder: Path, outside: Path) -> None:
    images = folder / "guarded" / "images"
    for name, link, target in (
        (f"{'0' * 64}_0", images / f"{'0' * 64}_0_high.webp", outside / "secret.txt"),
        ("pending/link.png", images / "pending" / "link.png", outside / "secret.png"),
    ):
        link.symlink_to(target)
        try:
            assert keeps_the_secret(guarded.get(f"/api/images/{name}")), name
        finally:
            link.unlink()


def test_a_name_of_what_is_to_be_deleted_never_leads_outside(
    guarded: Server, folder: Path, outside: Path
) -> None:
    before = commands.facts(outside), commands.files(folder / "guarded")
    for name in tricks(outside):
        path = f"/api/images/delete?sha256={name.replace(chr(92), '%5c')}&seq=0"
        assert guarded.delete(path).refusal[0] in (400, 404)
    for name in ("../secret", "/tmp/x", "..\\x"):
        assert guarded.upload({"sha256": name}, picture(1)).refusal[0] in (400, 404)
    assert (commands.facts(outside), commands.files(folder / "guarded")) == before


def test_the_client_folder_never_leads_outside(guarded: Server, outside: Path) -> None:
    for name in ["", *tricks(outside)]:
        answer = guarded.get("/" + name)
        assert keeps_the_secret(answer), name
        assert answer.status in (200, 400, 404), name
        if answer.status == 200:
            assert answer.body == b"the client", name


@pytest.mark.parametrize("route", ["migrate_legacy_db", "start"])
def test_a_legacy_library_outside_is_not_read(
    guarded: Server, folder: Path, outside: Path, legacy: Legacy, route: str
) -> None:
    database = outside / "legacy" / "hikaze_mm.sqlite3"
    link = folder / f"link to {route}.sqlite3"
    link.symlink_to(database)
    away = folder / f"away from {route}"
    away.symlink_to(outside, target_is_directory=True)
    before = commands.facts(outside)
    for path in (
        str(database),
        str(link),
        str(away / "legacy" / "hikaze_mm.sqlite3"),
        f"{folder}/../{outside.name}/legacy/hikaze_mm.sqlite3",
        f"{folder}/./x/../../{outside.name}/legacy/hikaze_mm.sqlite3",
        str(outside / "missing.sqlite3"),
        "/etc/passwd",
        "/dev/zero",
        "../../../../../../../../../../etc/passwd",
        "~root/.bashrc",
        f"{folder}-beside/hikaze_mm.sqlite3",
    ):
        answer = guarded.send(f"/api/migration/{route}", {"legacy_db_path": path})
        assert answer.refusal[0] in (400, 403), path
    for images in (str(outside), str(away), f"{folder}/..", "/", f"{folder}\0"):
        body = {"legacy_db_path": str(legacy.database), "legacy_images_dir": images}
        assert guarded.send(f"/api/migration/{route}", body).refusal[0] in (400, 403), images
    assert commands.facts(outside) == before
    assert guarded.get(f"/api/models/{sha_of(b'secret')}").status == 404


def test_whether_a_file_outside_exists_is_not_told(guarded: Server, outside: Path) -> None:
    there, missing = outside / "secret.txt", outside / "none.txt"
    answers = [
        guarded.send("/api/migration/start", {"legacy_db_path": str(path)}).refusal
        for path in (there, missing)
    ]
    assert [answer[0] for answer in answers] == [403, 403]
    assert answers[0][1].replace(there.name, "") == answers[1][1].replace(missing.name, "")


def test_images_that_a_row_names_outside_its_folder_are_not_carried(
    tmp_path: Path, outside: Path
) -> None:
    rows = [
        Row(1, b"one", hashed=True),
        Row(2, b"two"),
        Row(3, b"three", hashed=True, images=(("fine.png", picture(1)),)),
    ]
    legacy = Legacy(tmp_path / "legacy", rows)
    (tmp_path / "legacy" / "secret.png").write_bytes(picture(1) + SECRET)
    names = ["../secret.png", "..\\secret.png", str(outside / "secret.png"), "/media/../secret.png"]
    extra = json.dumps({"images": names})
    with closing(sqlite3.connect(legacy.database)) as connection, connection:
        connection.execute("UPDATE models SET extra_json = ? WHERE id < 3", (extra,))
    library = tmp_path / "library"
    with serving(library, "--allow-path", tmp_path) as server:
        body = {"legacy_db_path": str(legacy.database)}
        done = server.send("/api/migration/migrate_legacy_db", body).json["db_migration"]
        assert done["images_processed"] == 1
        assert not [name for name, data in commands.files(library).items() if SECRET in data]


# Who may call


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:{port}"}, 200),
        ({"Host": "LOCALHOST:{port}"}, 200),
        ({"Host": "[::1]:{port}"}, 200),
        ({"Origin": "http://127.0.0.1:{port}"}, 200),
        ({"Origin": "http://localhost:{port}", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": ALLOWED_ORIGIN, "Sec-Fetch-Site": "cross-site"}, 200),
        ({"Host": "rebound.example"}, 403),
        ({"Host": "rebound.example:{port}"}, 403),
        ({"Host": "127.0.0.1"}, 403),
        ({"Host": "127.0.0.1:1"}, 403),
        ({"Host": "127.0.0.1:{port}.rebound.example"}, 403),
        ({"Host": "127.0.0.1:{port}@rebound.example"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"Origin": "https://127.0.0.1:{port}"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://stranger.example"}, 403),
        ({"Origin": ALLOWED_ORIGIN + ".stranger.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Host": "rebound.example", "Origin": ALLOWED_ORIGIN}, 403),
    ],
)
def test_only_the_own_pages_and_allowed_ones_may_call(
    guarded: Server, headers: dict[str, str], status: int
) -> None:
    filled = {name: value.format(port=guarded.port) for name, value in headers.items()}
    for path in (STATUS, "/", "/api/schema/openapi.json", f"/api/images/{ONE}"):
        answer = guarded.get(path, filled)
        assert answer.status == status, path
        if status == 403:
            assert set(answer.json) == {"error", "code"}
    posted = guarded.call("POST", "/api/migration/cancel", headers=filled)
    assert posted.status == (202 if status == 200 else 403)


def test_an_allowed_page_may_read_the_answer_and_no_other(guarded: Server) -> None:
    answer = guarded.get(STATUS, {"Origin": ALLOWED_ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ALLOWED_ORIGIN
    refused = guarded.get(STATUS, {"Origin": "https://stranger.example"})
    assert "access-control-allow-origin" not in refused.headers
    assert "access-control-allow-origin" not in guarded.get(STATUS).headers


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "text/plain;application/json", "application/x-www-form-urlencoded", "", "json"],
)
@pytest.mark.parametrize("route", ["migration/start", "migration/import_models", "tags_add"])
def test_a_body_that_is_not_declared_as_what_it_is_is_refused(
    guarded: Server, route: str, kind: str
) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = guarded.call("POST", f"/api/{route}", b'{"newtags": ["planted"]}', headers)
    assert answer.refusal[0] == 415
    assert b"planted" not in guarded.get("/api/tags").body


def test_a_token_lets_in_who_has_it(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a long and secret word\n")
    with serving(tmp_path / "library", "--token", token) as server:
        for headers, status in (
            ({}, 401),
            ({"Authorization": "Bearer wrong"}, 401),
            ({"Authorization": "Bearer a long and secret word"}, 200),
            ({"Cookie": "reshelve_token=a long and secret word"}, 401),
            ({"Cookie": f"reshelve_session_{server.port}=a long and secret word"}, 401),
        ):
            assert server.get(STATUS, headers).status == status
        # The token is in no log.
        assert not [line for line in server.lines if "secret word" in line]


@pytest.mark.parametrize("content", ["", "\n", None])
def test_a_token_that_is_not_there_does_not_leave_the_door_open(
    tmp_path: Path, content: str | None
) -> None:
    token = tmp_path / "token"
    if content is not None:
        token.write_text(content)
    options = ("--library", tmp_path / "library", "--port", "0", "--token", token)
    process = commands.start("serve", *options)
    assert process.stderr is not None
    first = process.stderr.readline()
    if b"serves" in first:
        process.terminate()
        commands.finish(process)
        pytest.fail("It serves everybody, though a token was asked for.")
    done = commands.finish(process)
    assert done.returncode == 2
    assert b"Traceback" not in first + done.stderr


def test_another_address_needs_a_token(tmp_path: Path) -> None:
    done = commands.run("serve", "--library", tmp_path / "library", "--host", "0.0.0.0", "--port=0")
    assert done.returncode == 2
    assert b"--token" in done.stderr


# What a request may cost


def raw(server: Server, lines: str, body: bytes = b"") -> Answer:
    """A request whose head is written by hand; the server's own Host is added."""
    first, _, rest = lines.partition("\n")
    head = f"{first}\nHost: 127.0.0.1:{server.port}\n{rest}".rstrip("\n") + "\n\n"
    return ask(server.open_socket(), head.replace("\n", "\r\n").encode() + body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"id":' * 100_000,
        b'{"newtags":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_a_body_that_is_nested_deeply_is_refused(guarded: Server, body: bytes) -> None:
    for route in ("migration/import_models", "tags_add", "migration/start"):
        assert guarded.send(f"/api/{route}", body).refusal[0] == 400
    assert guarded.get(STATUS).status == 200


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=edge"])
@pytest.mark.parametrize("length", [1 << 30, 1 << 40, 10**17])
def test_a_body_of_a_gigabyte_is_refused_without_waiting_for_it(
    guarded: Server, kind: str, length: int
) -> None:
    began = time.monotonic()
    answer = raw(
        guarded, f"POST /api/images/upload HTTP/1.1\nContent-Type: {kind}\nContent-Length: {length}"
    )
    assert answer.refusal[0] == 413
    assert time.monotonic() - began < 5


def test_a_body_that_does_not_say_its_length_is_refused_when_it_is_too_long(
    guarded: Server,
) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    answer = raw(
        guarded,
        "POST /api/tags_add HTTP/1.1\nContent-Type: application/json\nTransfer-Encoding: chunked",
        chunk * 17,
    )
    assert answer.refusal[0] == 413


@pytest.mark.parametrize(
    "lines",
    [
        "GET /api/migration/status HTTP/1.1\nX-Long: " + "a" * 2_000_000,
        "GET /" + "a" * 2_000_000 + " HTTP/1.1\nX-A: b",
        "no request at all\nX-A: b",
    ],
)
def test_a_head_that_is_too_long_or_wrong_is_refused(guarded: Server, lines: str) -> None:
    # A server that reads no further may also reset the connection before it has said so.
    with suppress(ConnectionError, RemoteDisconnected):
        assert 400 <= raw(guarded, lines).status < 500
    assert guarded.get(STATUS).status == 200


def answers_soon(server: Server) -> bool:
    began = time.monotonic()
    assert server.get(STATUS).status == 200
    return time.monotonic() - began < 1


@pytest.mark.parametrize("number", [200, pytest.param(500, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET /api/migration/sta",
        b"POST /api/tags_add HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
        b'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"newtags',
        b"POST /api/images/upload HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
        b"Content-Type: multipart/form-data; boundary=edge\r\nContent-Length: 9000\r\n\r\n--edge",
    ],
    ids=["silent", "half a head", "half a body", "half a form"],
)
def test_half_open_connections_do_not_keep_others_out(
    guarded: Server, head: bytes, number: int
) -> None:
    request = head.replace(b"%d", b"%d" % guarded.port)
    with ExitStack() as stack:
        for _ in range(number):
            stack.enter_context(guarded.open_socket()).sendall(request)
        assert answers_soon(guarded)
        assert answers_soon(guarded)
    assert answers_soon(guarded)


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize("head", [b"", b"GET /api/migration/sta"])
def test_half_open_connections_are_closed_in_the_end(guarded: Server, head: bytes) -> None:
    with guarded.open_socket(timeout=90) as connection:
        connection.sendall(head)
        # An error may be said first; then there is no more to read.
        while connection.recv(4096):
            pass


@pytest.mark.long
@pytest.mark.timeout(240)
def test_thousands_that_drip_a_second_request_do_not_keep_the_owner_out(guarded: Server) -> None:
    whole = f"GET {STATUS} HTTP/1.1\r\nHost: 127.0.0.1:{guarded.port}\r\n\r\n".encode()
    with ExitStack() as stack:
        dripping = []
        for _ in range(4100):
            connection = stack.enter_context(guarded.open_socket())
            with suppress(ConnectionError):
                connection.sendall(whole)
                connection.recv(4096)
            dripping.append(connection)
        for _ in range(8):
            for connection in dripping:
                with suppress(OSError):
                    connection.sendall(b"G")
            assert answers_soon(guarded)
            time.sleep(4)
