"""HEAD is answered wherever GET is, with the same status and fields, and without a body."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.http.server import Server
from tests.waiting_library import sha_of

ONE = sha_of(b"one")
ADDRESSES = [
    *("/", "/index.html", "/app.js", "/nosuch", "/api/nosuch"),
    *("/api/library", "/api/models?type=loras", "/api/models", f"/api/models/{ONE}", "/api/tags"),
    *(f"/api/images/{ONE}", f"/api/images/{ONE}_9", "/api/images/pending/four_0.png"),
    *("/api/migration/status", "/api/migration/items", "/api/migration/report?format=csv"),
    *("/api/migration/pending_model", "/api/schema", "/api/schema/openapi.json"),
    "/api/migration/start",
]
CHANGING = {"date", "connection", "transfer-encoding"}
"""Fields that tell of the moment and of how a body is sent."""


@pytest.mark.parametrize("address", ADDRESSES)
def test_head_tells_what_get_would_answer(server: Server, address: str) -> None:
    got, told = server.get(address), server.call("HEAD", address)
    assert (told.status, told.body) == (got.status, b"")
    wanted = {name: value for name, value in got.headers.items() if name not in CHANGING}
    assert {name: told.headers.get(name) for name in wanted} == wanted


def test_an_image_that_the_browser_has_is_not_sent_for_a_head_either(server: Server) -> None:
    etag = server.call("HEAD", f"/api/images/{ONE}").headers["etag"]
    kept = server.call("HEAD", f"/api/images/{ONE}", headers={"If-None-Match": etag})
    assert kept.status == 304


def test_a_head_of_an_endless_stream_ends(server: Server) -> None:
    told = server.call("HEAD", "/api/migration/events", timeout=5)
    assert (told.status, told.body) == (200, b"")
    assert told.headers["content-type"].startswith("text/event-stream")


def test_a_connection_goes_on_after_a_head(server: Server) -> None:
    with closing(server.connect()) as connection:
        for method in ("HEAD", "GET", "HEAD", "HEAD", "GET"):
            connection.request(method, "/api/tags")
            response = connection.getresponse()
            assert (response.status, bool(response.read())) == (200, method == "GET")


def test_what_changes_something_is_asked_by_no_head(server: Server) -> None:
    answer = server.call("HEAD", "/api/scan")
    assert (answer.status, answer.body) == (405, b"")
