"""The Start view: what is found is told while a path is typed, and only then can one begin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.http.conftest import small_legacy
from tests.http.libraries import slow_legacy
from tests.http.server import Server, serving
from tests.page.browser import opened

CHECK = "/api/migration/check"

TYPE_QUICKLY = """(input, text) => {
  for (const sign of text) {
    input.value += sign;
    input.dispatchEvent(new Event("input"));
  }
}"""


def hold_first(held: list[Route], route: Route) -> None:
    """Leave the first request without an answer."""
    if held:
        route.continue_()
    else:
        held.append(route)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("start")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving(folder / "library", "--allow-path", folder) as running:
        yield running


def test_what_a_path_leads_to_is_told_as_facts(
    browser: Browser, server: Server, folder: Path
) -> None:
    legacy = small_legacy(folder / "small")
    (legacy.images / "c.png").unlink()
    with opened(browser, server.url) as watched:
        page = watched.open("start")
        begin = page.get_by_role("button", name="Start migration")
        facts = page.locator(".facts")
        expect(facts).to_contain_text("Type or paste the path")
        page.get_by_label("Legacy database").fill(str(legacy.database))
        expect(facts).to_contain_text("Database found")
        expect(facts).to_contain_text("5 models in it")
        expect(facts).to_contain_text("3 with a known content")
        expect(facts).to_contain_text("2 without")
        expect(facts).to_contain_text("6 images named, 1 of them missing")
        expect(facts).to_contain_text("Room enough")
        expect(begin).to_be_enabled()
        page.get_by_label("Image folder").fill(str(folder / "nowhere"))
        expect(facts).to_contain_text("No image folder")
        page.get_by_label("Legacy database").fill(str(folder / "no.sqlite3"))
        expect(facts).to_contain_text("There is no")
        expect(begin).to_be_disabled()


def test_a_file_that_is_no_database_is_told_of(
    browser: Browser, server: Server, folder: Path
) -> None:
    (folder / "letter.txt").write_text("Dear reader, " * 1000)
    with opened(browser, server.url) as watched:
        page = watched.open("start")
        page.get_by_label("Legacy database").fill(str(folder / "letter.txt"))
        expect(page.locator(".fact.bad")).to_contain_text("cannot be read")
        expect(page.get_by_role("button", name="Start migration")).to_be_disabled()


def test_a_path_is_looked_at_when_typing_pauses(
    browser: Browser, server: Server, folder: Path
) -> None:
    legacy = small_legacy(folder / "typed")
    with opened(browser, server.url) as watched:
        asked: list[str] = []
        page = watched.open("start")
        page.on("request", lambda request: asked.append(request.url))
        page.get_by_label("Legacy database").evaluate(TYPE_QUICKLY, str(legacy.database))
        expect(page.locator(".facts")).to_contain_text("5 models in it")
        assert len([url for url in asked if url.endswith(CHECK)]) == 1


def test_a_newer_path_calls_off_the_check_of_an_older_one(
    browser: Browser, server: Server, folder: Path
) -> None:
    older, newer = small_legacy(folder / "older"), small_legacy(folder / "newer")
    with opened(browser, server.url) as watched:
        page = watched.open("start")
        held: list[Route] = []
        page.route(f"**{CHECK}", lambda route: hold_first(held, route))
        with page.expect_request(f"**{CHECK}"):
            page.get_by_label("Legacy database").fill(str(older.database))
        with page.expect_event("requestfailed") as called_off:
            page.get_by_label("Legacy database").fill(str(newer.database))
        assert str(older.database) in (called_off.value.post_data or "")
        expect(page.locator(".facts")).to_contain_text(newer.database.parent.name)
        expect(page.get_by_role("button", name="Start migration")).to_be_enabled()


def test_an_unfinished_run_is_led_to(browser: Browser, folder: Path) -> None:
    legacy = slow_legacy(folder / "slow", models=8)
    options = ("--allow-path", folder, "--workers", "1")
    with serving(folder / "unfinished", *options) as server:
        server.send("/api/migration/start", {"legacy_db_path": str(legacy.database)})
        server.wait_for(lambda status: status["images"]["done"] >= 1)
        server.send("/api/migration/cancel")
        assert server.wait_for_end()["run"]["status"] == "cancelled"
        with opened(browser, server.url) as watched:
            page = watched.open("start")
            expect(page.get_by_text("Moving your library is not finished.")).to_be_visible()
            page.get_by_role("link", name="Go on with it").click()
            expect(page.get_by_text("You stopped this run.")).to_be_visible()
            expect(page.get_by_role("button", name="Resume")).to_be_visible()
            expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
