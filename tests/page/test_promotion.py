"""A promotion that outlives its answer: its report is told all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.http.libraries import noise
from tests.http.server import Server, launch
from tests.page.browser import SECONDS, Watched, opened
from tests.waiting_library import Legacy, Row

MODELS = 30
LONG = 60 * SECONDS
OPTIONS = ("--workers", "1")


def rows() -> Iterator[Row]:
    """Models that wait, each with two images that take a while."""
    for key in range(1, MODELS + 1):
        images = tuple((f"{key}_{part}.jpg", noise(2 * key + part)) for part in range(2))
        yield Row(key, f"content {key}".encode(), name=f"model {key}", images=images)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def server(tmp_path: Path, library: Path) -> Iterator[Server]:
    legacy = Legacy(tmp_path / "legacy", rows())
    running = launch(library, "--allow-path", tmp_path, *OPTIONS)
    try:
        body = {"legacy_db_path": str(legacy.database)}
        assert running.send("/api/migration/migrate_legacy_db", body).status == 200
        yield running
    finally:
        running.stop()


def promote_all(page: Page, server: Server) -> None:
    """Press the button, and wait until a part is done and another is not."""
    page.get_by_label("Select all").check()
    page.get_by_role("button", name=f"Promote {MODELS}").click()
    expect(page.get_by_text("Promoting…")).to_be_visible()
    status = server.wait_for(
        lambda status: status["run"]["kind"] == "promotion" and status["images"]["done"] >= 2
    )
    assert status["run"]["status"] == "running"


def told(watched: Watched) -> None:
    """The report is shown, and nothing waits any more."""
    report = watched.page.get_by_role("region", name="What became of them")
    expect(report).to_contain_text(f"{MODELS} models promoted.", timeout=LONG)
    expect(watched.page.get_by_role("heading", name="Nothing waits")).to_be_visible()


def test_a_report_whose_server_was_killed_is_told_after_it_went_on(
    browser: Browser, server: Server, library: Path
) -> None:
    with opened(browser, server.url) as watched:
        promote_all(watched.open("pending"), server)
        watched.server_is_down = True
        server.kill()
        again = launch(library, *OPTIONS, "--port", str(server.port))
        try:
            told(watched)
        finally:
            again.stop()


def test_a_report_is_told_to_a_page_that_was_opened_later(browser: Browser, server: Server) -> None:
    with opened(browser, server.url) as watched:
        promote_all(watched.open("pending"), server)
        watched.page.reload()
        expect(watched.page.get_by_text("Promoting…")).to_be_visible()
        told(watched)
