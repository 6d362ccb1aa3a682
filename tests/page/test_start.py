"""The Start view: what is found is told while a path is typed, and only then can one begin."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, Browser, Route, expect

from tests.http.conftest import small_legacy
from tests.http.libraries import slow_legacy
from tests.http.server import Server, serving
from tests.page.browser import PHONE, SCHEMES, Scheme, opened
from tests.page.test_looks import audit, picture

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


NODES = Path("ComfyUI", "custom_nodes")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_databases_that_were_found_are_offered(
    browser: Browser, tmp_path: Path, scheme: Scheme
) -> None:
    first, second = (small_legacy(tmp_path / name / NODES / "hikaze 1" / "data") for name in "ab")
    with serving(tmp_path / "library", "--allow-path", tmp_path) as server:
        body = {"legacy_db_path": str(second.database)}
        assert server.send("/api/migration/migrate_legacy_db", body).status == 200
        with opened(browser, server.url, scheme=scheme) as watched:
            page = watched.open("start")
            offered = page.get_by_role("group", name="Found on").get_by_role("button")
            expect(offered).to_have_count(2)
            expect(offered.first).to_have_text(str(first.database))
            expect(offered.last).to_contain_text("was carried across")
            offered.first.click()
            expect(offered.first).to_have_attribute("aria-pressed", "true")
            expect(page.get_by_label("Legacy database")).to_have_value(str(first.database))
            expect(page.locator(".facts")).to_contain_text("5 models in it")
            audit(page)
            picture(page, "offered", scheme)
            page.set_viewport_size(PHONE)
            audit(page)
            picture(page, "offered", scheme)
            page.get_by_role("button", name="Start migration").click()
            expect(page.get_by_role("heading", name=re.compile("^Done"))).to_be_visible()
            assert server.status()["run"]["source"]["location"] == str(first.database)


def test_where_none_was_found_none_is_offered(browser: Browser, tmp_path: Path) -> None:
    with (
        serving(tmp_path / "library") as server,
        opened(browser, server.url) as watched,
    ):
        with watched.page.expect_response("**/api/migration/databases"):
            page = watched.open("start")
        expect(page.get_by_role("group", name="Found on")).to_be_hidden()


def test_of_several_in_a_folder_one_can_be_taken(browser: Browser, tmp_path: Path) -> None:
    small_legacy(tmp_path / NODES / "a" / "data")
    second = small_legacy(tmp_path / NODES / "b" / "data")
    with (
        serving(tmp_path / "library", "--allow-path", tmp_path) as server,
        opened(browser, server.url) as watched,
    ):
        page = watched.open("start")
        page.get_by_label("Legacy database").fill(f"'{tmp_path / 'ComfyUI'}'")
        expect(page.locator(".fact.bad")).to_contain_text("There are 2 legacy databases")
        several = page.get_by_role("group", name="Take one of them")
        several.get_by_role("button").last.click()
        expect(page.get_by_label("Legacy database")).to_have_value(str(second.database))
        expect(page.locator(".facts")).to_contain_text("5 models in it")
        expect(several).to_have_count(0)
        watched.complaints.clear()  # the browser notes the refusal


@pytest.mark.skipif(os.name == "nt", reason="it is this system's own there")
def test_a_path_of_windows_is_explained(browser: Browser, server: Server) -> None:
    with opened(browser, server.url) as watched:
        page = watched.open("start")
        page.get_by_label("Legacy database").fill('"C:\\Users\\kim\\hikaze_mm.sqlite3"')
        expect(page.locator(".fact.bad")).to_contain_text("is a path of Windows")
        expect(page.locator(".fact.bad")).to_contain_text("the path that the file has where")
        watched.complaints.clear()  # the browser notes the refusal


def test_what_is_around_a_path_is_forgiven(browser: Browser, server: Server, folder: Path) -> None:
    legacy = small_legacy(folder / "é 100%")
    with opened(browser, server.url) as watched:
        page = watched.open("start")
        for given in (f'"{legacy.database}"', legacy.database.as_uri(), f"{legacy.images.parent}"):
            page.get_by_label("Legacy database").fill(given)
            expect(page.locator(".facts.stale")).to_have_count(0)
            expect(page.locator(".facts")).to_contain_text(str(legacy.database))
            expect(page.locator(".facts")).to_contain_text("5 models in it")


def test_an_answer_that_comes_after_the_run_has_ended_does_not_begin_it_anew(
    browser: Browser, tmp_path: Path
) -> None:
    legacy = small_legacy(tmp_path / "legacy")
    with (
        serving(tmp_path / "library", "--allow-path", tmp_path) as server,
        opened(browser, server.url) as watched,
    ):
        page = watched.open("start")
        held: list[tuple[Route, APIResponse]] = []
        page.route("**/api/migration/start", lambda route: held.append((route, route.fetch())))
        page.get_by_label("Legacy database").fill(str(legacy.database))
        page.get_by_role("button", name="Start migration").click()
        expect(page.get_by_role("link", name="Library (3 models)")).to_be_visible()
        assert server.wait_for_end()["run"]["status"] == "completed"
        expect(page.get_by_role("link", name="Progress", exact=True)).to_be_visible()
        ((route, answer),) = held
        assert answer.json()["run"]["status"] == "running"
        route.fulfill(response=answer)
        expect(page.get_by_role("heading", name=re.compile("^Done"))).to_be_visible()
