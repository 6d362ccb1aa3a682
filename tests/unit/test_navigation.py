"""Which requests are a browser's that is to show the page, and which are another page's."""

from __future__ import annotations

import pytest

from adapters.http.headers import Headers
from adapters.http.navigation import opens_page

NAVIGATION = ((b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document"))


def opens(path: str, method: str = "GET", fields: object = NAVIGATION) -> bool:
    assert isinstance(fields, tuple)
    return opens_page({"method": method, "path": path}, Headers(fields))


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/index.html", "/app.js", "/style/base.css", "/nosuch", "/apis"),
        *("/api/schema", "/api/page/schema.html", "/api/page/style/base.css"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_page_and_its_files_are_opened_from_anywhere(method: str, path: str) -> None:
    assert opens(path, method)


@pytest.mark.parametrize(
    "path",
    [
        *("/api", "/api/", "//api/scan", "/api/scan", "/api/library", "/api/pages/x"),
        *("/api/schema/openapi.json", "/api/page", "/api/page/"),
    ],
)
def test_what_the_routes_answer_is_not(path: str) -> None:
    assert not opens(path)


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "OPTIONS", "get"])
def test_nothing_is_opened_by_another_method(method: str) -> None:
    assert not opens("/", method)


@pytest.mark.parametrize(
    "fields",
    [
        (),
        NAVIGATION[:1],
        NAVIGATION[1:],
        ((b"sec-fetch-mode", b"no-cors"), NAVIGATION[1]),
        ((b"sec-fetch-mode", b"cors"), NAVIGATION[1]),
        (NAVIGATION[0], (b"sec-fetch-dest", b"iframe")),
        (NAVIGATION[0], (b"sec-fetch-dest", b"embed")),
        (NAVIGATION[0], (b"sec-fetch-dest", b"empty")),
    ],
)
def test_a_frame_a_script_and_a_picture_open_nothing(fields: object) -> None:
    assert not opens("/", fields=fields)
