"""Who is refused before all was sent reads why, under either server, and is not heard for ever."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPResponse
from pathlib import Path

import pytest

from tests.http.server import Client, answer_on, serving
from tests.http.trio_server import serving_on_trio

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
"""A test of its own, in test_openapi, says that there is no such warning."""

MEBIBYTE = 1 << 20
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=edge"}


@pytest.fixture(scope="module", params=["uvicorn", "hypercorn"])
def either(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """A server of either kind, on an empty library."""
    folder = tmp_path_factory.mktemp(request.param).resolve()
    if request.param == "hypercorn":
        with serving_on_trio(folder) as client:
            yield client
    else:
        with serving(folder / "library") as server:
            yield server


REFUSED = {
    "JSON that says it is too large": ("/api/tags_add", 8 * MEBIBYTE, JSON, 413),
    "an image that says it is too large": ("/api/images/upload", 96 * MEBIBYTE, FORM, 413),
    "a body of another kind": ("/api/tags_add", 8 * MEBIBYTE, {"Content-Type": "text/plain"}, 415),
    "a page of another site": ("/api/images/upload", 8 * MEBIBYTE, {"Origin": "null", **FORM}, 403),
    "no such address": ("/api/nothing", 8 * MEBIBYTE, FORM, 404),
    "no such method": ("/api/tags", 8 * MEBIBYTE, FORM, 405),
}
"""What is answered without its body: where it is sent, its size and fields, and the status."""


@pytest.mark.parametrize(("path", "size", "fields", "status"), REFUSED.values(), ids=REFUSED)
def test_a_client_that_sends_all_before_it_reads_is_told_why(
    either: Client, path: str, size: int, fields: dict[str, str], status: int
) -> None:
    for _ in range(3):
        assert either.call("POST", path, bytes(size), fields).refusal[0] == status


def test_a_body_that_turns_out_too_large_is_answered_to_a_client_that_sends_on(
    either: Client,
) -> None:
    connection = either.connect()
    with closing(connection):
        chunks = (b" " * 65_536 for _ in range(64))
        connection.request("POST", "/api/tags_add", chunks, JSON, encode_chunked=True)
        assert connection.getresponse().status == 413


def head(client: Client, length: int, *lines: str) -> bytes:
    told = [
        "POST /api/tags_add HTTP/1.1",
        f"Host: 127.0.0.1:{client.port}",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        *lines,
    ]
    return ("\r\n".join(told) + "\r\n\r\n").encode()


def test_the_answer_is_there_before_any_of_the_body_is_sent(either: Client) -> None:
    with either.open_socket() as connection:
        connection.sendall(head(either, 8 * MEBIBYTE))
        answer = answer_on(connection)
        assert answer.refusal[0] == 413
        assert answer.headers["connection"] == "close"


@pytest.mark.timeout(120)
def test_a_gigabyte_is_cut_off(either: Client) -> None:
    piece = bytes(MEBIBYTE)
    with either.open_socket() as connection:
        connection.sendall(head(either, 1 << 30))
        sent = 0
        with suppress(ConnectionError):
            while sent < 1 << 30:
                connection.sendall(piece)
                sent += len(piece)
    # What was taken, and what the system holds on its way.
    assert 120 * MEBIBYTE < sent < 192 * MEBIBYTE
    assert either.get("/api/migration/status").status == 200


@pytest.mark.long
@pytest.mark.timeout(60)
def test_a_refused_client_that_says_no_more_is_not_waited_for_long(either: Client) -> None:
    began = time.monotonic()
    with either.open_socket(timeout=30) as connection:
        connection.sendall(head(either, 8 * MEBIBYTE) + b"a little")
        while connection.recv(4096):
            pass
    assert time.monotonic() - began < 20


def interim(connection: socket.socket) -> int:
    """The status that comes first, be it an interim one."""
    status = connection.makefile("rb", buffering=0).readline().split()[1]
    return int(status)


def test_a_body_that_is_refused_is_not_asked_for(tmp_path: Path) -> None:
    expecting = "Expect: 100-continue"
    with serving(tmp_path / "library") as server:  # hypercorn itself asks for every body
        with server.open_socket() as connection:
            connection.sendall(head(server, 8 * MEBIBYTE, expecting))
            assert interim(connection) == 413
        with server.open_socket() as connection:
            body = json.dumps({"newtags": ["asked for"]}).encode()
            connection.sendall(head(server, len(body), expecting))
            assert interim(connection) == 100
            connection.sendall(body)
            response = HTTPResponse(connection)
            with closing(response):
                assert connection.recv(2) == b"\r\n"  # the end of the interim answer
                response.begin()
                assert response.status == 200
