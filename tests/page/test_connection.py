"""A server that goes away under the page: what was live is told as what was, and how it goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.http.libraries import slow_legacy
from tests.http.server import Server, launch
from tests.page.browser import PHONE, SCHEMES, SECONDS, Scheme, opened
from tests.page.test_looks import audit, picture

LONG = 60 * SECONDS
TOKEN = "secret"
GREY = "(part) => getComputedStyle(part).filter"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "a library's"


@pytest.fixture
def running(tmp_path: Path, library: Path) -> Iterator[Server]:
    """A server in the middle of a run."""
    legacy = slow_legacy(tmp_path / "legacy", 12, 5)
    server = launch(library, "--allow-path", tmp_path, "--workers", "1")
    try:
        server.send("/api/migration/start", {"legacy_db_path": str(legacy.database)})
        server.wait_for(lambda status: status["images"]["done"] >= 4)
        yield server
    finally:
        server.stop()


def region(page: Page, name: str) -> str:
    found: str = page.get_by_role("region", name=name).evaluate(GREY)
    return found


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_was_live_is_grey_and_of_a_time_while_the_server_is_gone(
    browser: Browser, running: Server, library: Path, scheme: Scheme
) -> None:
    with opened(browser, running.url, scheme=scheme) as watched:
        page = watched.open("progress")
        expect(page.get_by_role("button", name="Cancel")).to_be_visible()
        expect(page.get_by_text("Running", exact=True)).to_be_visible()
        assert region(page, "How far it is") == "none"
        watched.server_is_down = True
        running.kill()
        told = page.get_by_role("status").filter(has_text="Connection lost")
        expect(told).to_contain_text(re.compile(r"Last seen at \d+:\d\d:\d\d"))
        expect(told).to_contain_text("reshelve serve --library '")
        expect(told).to_contain_text(f"a library'\\''s' --port {running.port}")
        # Nothing can be cancelled, and nobody knows whether anything runs.
        expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
        expect(page.get_by_text("Was running", exact=True)).to_be_visible()
        expect(page.get_by_text("Running", exact=True)).to_have_count(0)
        expect(page.get_by_text(re.compile(r"^As of \d+:\d\d:\d\d"))).to_be_visible()
        assert region(page, "How far it is") == "grayscale(1)"
        assert region(page, "The library now") == "grayscale(1)"
        expect(page).to_have_title("Progress · reshelve")
        audit(page)
        picture(page, "gone", scheme)
        page.set_viewport_size(PHONE)
        audit(page)
        picture(page, "gone", scheme)
        again = launch(library, "--port", str(running.port), "--no-auto-resume")
        try:
            expect(told).to_have_count(0, timeout=LONG)
            expect(page.get_by_role("button", name="Resume")).to_be_visible()
            assert region(page, "How far it is") == "none"
        finally:
            again.stop()


def test_a_server_that_asks_for_its_token_again_is_told_apart(
    browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    options = ("--token", tmp_path / "token")
    server = launch(tmp_path / "library", *options)
    try:
        with opened(browser, server.url) as watched:
            watched.page.goto(f"{server.url}?token={TOKEN}")
            page = watched.page
            expect(page.get_by_role("heading", name="Bring your models along")).to_be_visible()
            watched.server_is_down = True
            port = str(server.port)
            server.kill()
            expect(page.get_by_text("Connection lost")).to_be_visible()
            server = launch(tmp_path / "library", *options, "--port", port)
            expect(page.get_by_text("Your session has ended.")).to_be_visible(timeout=LONG)
            page.get_by_role("button", name="Enter the token").click()
            page.get_by_label("Token").fill(TOKEN)
            page.get_by_role("button").click()
            expect(page.get_by_role("heading", name="Bring your models along")).to_be_visible()
            watched.complaints.clear()  # the browser notes each refusal
    finally:
        server.stop()
