"""What models are called and noted with is text: markup, quotes, both directions, emoji."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.http.server import Server, serving
from tests.page.browser import opened
from tests.waiting_library import Legacy, Row, picture

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"
QUOTES = "\"'`><b onmouseover=alert(3)>&lt;&quot;&#39;</b> ${alert(4)} {{7*7}} javascript:alert(5)"
TURNED = "زخرفة \u202etxt.exe\u202c שלום \u200f!"
SIGNS = "👩🏽‍🚀 Ünïcode 模型 🏳️‍🌈 e\u0301"
NAMES = (SCRIPT, QUOTES, TURNED, SIGNS)
SHOWN = (SCRIPT, QUOTES, "زخرفة [U+202E]txt.exe[U+202C] שלום [U+200F]!", SIGNS)
"""What turns a direction is shown, and not obeyed."""


def rows() -> Iterator[Row]:
    """Every name once active and once waiting, the waiting ones with the content of the others."""
    for number, name in enumerate(NAMES):
        for hashed in (True, False):
            key = 2 * number + 1 + (not hashed)
            yield Row(
                key,
                f"content {number}".encode(),
                hashed=hashed,
                name=name,
                type="loras",
                file=f"{key} <i>'file'</i> 😀.safetensors".replace("/", "∕"),
                created_at=1_700_000_000_000 + key,
                description=name,
                community_links=f"javascript:alert(6) {name} https://example.org/{key}",
                positive=name,
                negative=name,
                tags=(f"tag {name}",),
                images=((f"{key}.png", picture(key)),),
            )
    yield Row(99, b"gone", name=SCRIPT, file="<b>gone</b>.safetensors".replace("/", "∕"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("text")
    legacy = Legacy(folder / "legacy", rows())
    with serving(folder / "library", "--allow-path", folder) as running:
        body = {"legacy_db_path": str(legacy.database)}
        assert running.send("/api/migration/migrate_legacy_db", body).status == 200
        (legacy.models / "<b>gone<∕b>.safetensors").unlink()
        yield running


def waiting(server: Server) -> list[int]:
    models = server.get("/api/migration/pending_models").json["models"]
    return [model["id"] for model in models]


@pytest.mark.parametrize("view", ["pending", "library"])
def test_names_in_a_grid_are_text(browser: Browser, server: Server, view: str) -> None:
    with opened(browser, server.url) as watched:
        page = watched.open(view)
        for name in SHOWN:
            expect(page.locator(".card-name").get_by_text(name, exact=True).first).to_be_visible()
        # Nothing that a name could have made is in the document.
        expect(
            page.locator("main").locator("script, b, i, img[src=x], [onmouseover]")
        ).to_have_count(0)


@pytest.mark.parametrize("name", SHOWN, ids=["markup", "quotes", "directions", "signs"])
def test_notes_in_details_are_text(browser: Browser, server: Server, name: str) -> None:
    with opened(browser, server.url) as watched:
        page = watched.open("library")
        page.get_by_role("gridcell").filter(has_text=name).click()
        details = page.get_by_role("dialog")
        expect(details.locator(".description")).to_have_text(name)
        expect(details.locator(".prompt")).to_have_text([name, name])
        # Of all that was noted as links, only the address of a web page is one.
        expect(details.locator(".links a")).to_have_count(1)
        expect(details.locator(".links a")).to_have_attribute(
            "href", re.compile(r"^https://example\.org/\d$")
        )
        expect(details.locator("script, b, i, [onmouseover], a[href^='javascript']")).to_have_count(
            0
        )


def test_names_in_conflicts_and_problems_are_text(browser: Browser, server: Server) -> None:
    report = server.send("/api/migration/import_models", {"id": waiting(server)}).json
    assert len(report["conflict"]) == len(NAMES)
    assert len(report["failed"]) == 1
    with opened(browser, server.url) as watched:
        page = watched.open("pending/conflicts")
        for name in SHOWN:
            sides = page.get_by_role("heading", name=name, exact=True)
            expect(sides).to_have_count(2)
        page.get_by_role("navigation", name="Views").get_by_role("link", name="Problems").click()
        expect(page.get_by_role("article").first).to_contain_text("<b>gone<∕b>.safetensors")
        expect(page.locator("main").locator("script, b, i, [onmouseover]")).to_have_count(0)
