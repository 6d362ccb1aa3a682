"""A route takes a body of the type that it documents, and no more than it can work off soon."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import Any

import pytest

from tests.http.server import Answer, Server, read_answer
from tests.waiting_library import picture, sha_of

ONE = sha_of(b"one")
FORM = "multipart/form-data; boundary=edge"
JSON_ROUTES = (
    ("POST", "/api/migration/migrate_legacy_db"),
    ("POST", "/api/migration/import_models"),
    ("POST", "/api/migration/start"),
    ("POST", "/api/migration/check"),
    ("POST", "/api/migration/resume"),
    ("POST", "/api/migration/retry"),
    ("POST", "/api/library/repair"),
    ("POST", "/api/tags_add"),
    ("PATCH", f"/api/models/{ONE}"),
)

DEEP = b'{"id":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
LARGE = json.dumps({"id": [10**9] * 600_000, "newtags": ["planted"]}).encode()


@pytest.mark.parametrize(("method", "path"), JSON_ROUTES)
@pytest.mark.parametrize("body", [b'{"newtags": ["planted"]}', DEEP, LARGE, b"--edge--\r\n"])
def test_json_that_is_declared_as_a_form_is_refused_where_json_belongs(
    server: Server, method: str, path: str, body: bytes
) -> None:
    answer = server.call(method, path, body, {"Content-Type": FORM})
    assert answer.refusal[::2] == (415, "unsupported_media_type")
    assert "application/json" in answer.refusal[1]
    assert b"planted" not in server.get("/api/tags").body


def test_a_body_that_does_not_say_its_length_is_no_way_round(server: Server) -> None:
    connection = server.connect()
    with closing(connection):
        pieces = iter([b'{"newtags":', b'["planted"]}'])
        headers = {"Content-Type": FORM}
        connection.request("POST", "/api/tags_add", pieces, headers, encode_chunked=True)
        assert read_answer(connection.getresponse()).refusal[::2] == (415, "unsupported_media_type")


def test_a_form_without_a_body_is_no_body(server: Server) -> None:
    answer = server.call("POST", "/api/migration/resume", headers={"Content-Type": FORM})
    assert answer.refusal[::2] == (409, "nothing_to_resume")


def test_json_is_refused_where_a_form_belongs(server: Server) -> None:
    for body in (b'{"sha256": "x"}', b"{", b"null"):
        answer = server.call(
            "POST", "/api/images/upload", body, {"Content-Type": "application/json"}
        )
        assert answer.refusal[0] == 400
        assert "multipart/form-data" in answer.refusal[1]


def part(name: str, content: bytes, *, file: str | None = None, kind: str | None = None) -> bytes:
    lines = f'--edge\r\nContent-Disposition: form-data; name="{name}"'
    lines += f'; filename="{file}"' if file else ""
    lines += f"\r\nContent-Type: {kind}" if kind else ""
    return lines.encode() + b"\r\n\r\n" + content + b"\r\n"


def uploaded(server: Server, *parts: bytes, end: bytes = b"--edge--\r\n") -> Answer:
    body = b"".join(parts) + end
    return server.call("POST", "/api/images/upload", body, {"Content-Type": FORM})


SHA = part("sha256", ONE.encode())
IMAGE = part("image", picture(1), file="a.png", kind="image/png")

WRONG_FORMS: dict[str, tuple[tuple[bytes, ...], bytes, str]] = {
    "a text part for the image": ((SHA, part("image", b"a text")), b"--edge--\r\n", "image"),
    "an image part for the hash": (
        (part("sha256", ONE.encode(), file="a.txt"), IMAGE),
        b"--edge--\r\n",
        "sha256",
    ),
    "two images": ((SHA, IMAGE, IMAGE), b"--edge--\r\n", "image"),
    "two hashes": ((SHA, SHA, IMAGE), b"--edge--\r\n", "sha256"),
    "no end": ((SHA, IMAGE), b"", "form"),
    "an end in the middle of a part": ((SHA, IMAGE[:-20]), b"", "form"),
    "no beginning": ((b"something\r\n",), b"", "form"),
    "another boundary": ((SHA.replace(b"edge", b"egde"),), b"--egde--\r\n", "form"),
    "a part without a name": ((b"--edge\r\nA: b\r\n\r\nc\r\n",), b"--edge--\r\n", "form"),
    "a part without an end of its head": ((b"--edge\r\nA: b\r\n",), b"--edge--\r\n", "form"),
    "a thousand parts and more": ((SHA, *[part("x", b"")] * 1200), b"--edge--\r\n", "form"),
    "a charset that nobody knows": (
        (part("sha256", ONE.encode(), kind="text/plain; charset=nonsense"), IMAGE),
        b"--edge--\r\n",
        "form",
    ),
    "a codec that makes no text": (
        (part("sha256", b"61", kind="text/plain; charset=hex"), IMAGE),
        b"--edge--\r\n",
        "form",
    ),
}


@pytest.mark.parametrize("form", WRONG_FORMS)
def test_a_form_that_is_wrong_is_refused_by_a_sentence_that_names_it(
    server: Server, form: str
) -> None:
    parts, end, named = WRONG_FORMS[form]
    status, sentence, _ = uploaded(server, *parts, end=end).refusal
    assert status == 400
    assert named in sentence
    assert "JSON" not in sentence


def test_a_form_without_a_boundary_is_refused_by_a_sentence_that_names_it(server: Server) -> None:
    for kind in ("multipart/form-data", "multipart/form-data; boundary="):
        body = SHA + IMAGE + b"--edge--\r\n"
        answer = server.call("POST", "/api/images/upload", body, {"Content-Type": kind})
        assert answer.refusal[0] == 400
        assert "form" in answer.refusal[1]


def test_a_right_form_is_taken(server: Server) -> None:
    assert uploaded(server, SHA, IMAGE).status == 200
    count = server.get(f"/api/images/get_img_count?sha256={ONE}").json["count"]
    assert server.delete(f"/api/images/delete?sha256={ONE}&seq={count - 1}").status == 200


# How much work one request may ask for

MANY: dict[str, tuple[str, str, Any]] = {
    "models to promote": (
        "POST",
        "/api/migration/import_models",
        {"id": list(range(10**5, 10**5 + 149_000))},
    ),
    "ids that are none": ("POST", "/api/migration/import_models", {"id": ["a"] * 200_000}),
    "models to try again": (
        "POST",
        "/api/migration/retry",
        {"ids": list(range(10**5, 10**5 + 149_000))},
    ),
    "new tags": ("POST", "/api/tags_add", {"newtags": [f"{n:x}" for n in range(130_000)]}),
    "tags of a model": ("PATCH", f"/api/models/{ONE}", {"tags": list(range(1, 149_000))}),
}


@pytest.mark.parametrize("many", MANY)
def test_a_request_for_more_than_can_be_worked_off_soon_is_refused_at_once(
    server: Server, many: str
) -> None:
    method, path, body = MANY[many]
    assert len(json.dumps(body, separators=(",", ":"))) < 1 << 20
    began = time.monotonic()
    answer = server.call(
        method,
        path,
        json.dumps(body, separators=(",", ":")).encode(),
        {"Content-Type": "application/json"},
    )
    assert answer.refusal[::2] == (400, "too_many")
    assert "10,000" in answer.refusal[1]
    assert time.monotonic() - began < 2


def test_ten_thousand_ids_are_worked_off(server: Server) -> None:
    ids = list(range(10**6, 10**6 + 10_000))
    answer = server.send("/api/migration/import_models", {"id": ids})
    assert answer.status == 207
    assert answer.json["total"] == len(answer.json["failed"]) == 10_000
