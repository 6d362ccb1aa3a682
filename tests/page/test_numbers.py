"""The numbers of the page: the same everywhere at rest, and true while a run goes on."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.http.server import Server, serving
from tests.page.browser import SECONDS, opened
from tests.page.collection import make_collection
from tests.waiting_library import Legacy, Row

LONG = 60 * SECONDS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("numbers")


@pytest.fixture(scope="module")
def promoted(folder: Path) -> Iterator[Server]:
    """Run 1 carried a collection across, with failures and warnings; run 2 promoted all of it that
    could be: one model is in conflict."""
    database = make_collection(folder / "legacy")
    with serving(folder / "library", "--allow-path", folder) as running:
        running.send("/api/migration/migrate_legacy_db", {"legacy_db_path": str(database)})
        models = running.get("/api/migration/pending_models").json["models"]
        body = {"id": [model["id"] for model in models]}
        assert len(running.send("/api/migration/import_models", body).json["conflict"]) == 1
        yield running


def tab(page: Page, name: str) -> int:
    """The number beside a view's name."""
    badge = page.get_by_role("navigation", name="Views").get_by_role("link", name=name)
    expect(badge.locator(".badge [aria-hidden]")).to_have_text(re.compile(r"^\d+$"))
    return int(badge.locator(".badge [aria-hidden]").inner_text())


def go(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Views").get_by_role("link", name=name).click()


def held(page: Page) -> dict[str, int]:
    """What Progress says that the library holds."""
    numbers = page.get_by_role("region", name="The library now").locator("a")
    expect(numbers).to_have_count(3)
    models, waiting, problems = (int(text) for text in numbers.locator("strong").all_inner_texts())
    return {"Library": models, "Pending": waiting, "Problems": problems}


def test_the_same_number_stands_everywhere(browser: Browser, promoted: Server) -> None:
    with opened(browser, promoted.url) as watched:
        page = watched.open("progress")
        tabs = {name: tab(page, name) for name in ("Library", "Pending", "Problems")}
        assert held(page) == tabs
        go(page, "Pending")
        subtabs = page.get_by_role("navigation", name="Pending models").get_by_role("link")
        expect(subtabs).to_have_text([f"Waiting {tabs['Pending']}", "Conflicts 1"])
        expect(page.locator(".found")).to_have_text(re.compile(rf"^{tabs['Pending']} models?$"))
        go(page, "Problems")
        sections = page.get_by_role("heading", level=2).locator(".badge")
        expect(sections).to_have_count(2)
        assert sum(int(text) for text in sections.all_inner_texts()) == tabs["Problems"]


def test_problems_of_an_earlier_run_stay_problems_after_a_promotion(
    browser: Browser, promoted: Server
) -> None:
    first, second = (
        promoted.get(f"/api/migration/status?run_id={number}").json for number in (1, 2)
    )
    everything = first["warnings"] + second["warnings"] + 3 + second["counts"]["failed"]
    with opened(browser, promoted.url) as watched:
        page = watched.open("problems")
        failed = page.get_by_role("heading", name="Failed")
        expect(failed).to_be_visible()
        # Three rows without a path failed in the first run, and stay so.
        assert tab(page, "Problems") == everything
        for run, label in ((second, "Run 2, the last"), (first, "Run 1")):
            page.get_by_label("Run", exact=True).select_option(label=label)
            expect(failed).to_have_text(f"Failed {run['counts']['failed']}")
            warned = page.get_by_role("heading", name="Warnings")
            expect(warned).to_have_text(f"Warnings {run['warnings']}")


def test_warnings_are_counted_in_words(browser: Browser, promoted: Server, folder: Path) -> None:
    database = folder / "legacy" / "hikaze_mm.sqlite3"
    with serving(folder / "fresh", "--allow-path", folder) as server:
        server.send("/api/migration/migrate_legacy_db", {"legacy_db_path": str(database)})
        status = server.status()
        with opened(browser, server.url) as watched:
            result = watched.open("progress").get_by_role("region", name="Result")
            expect(result).to_contain_text(f"3 failed, {status['warnings']} warnings")
            expect(result.get_by_role("link", name="See why")).to_have_attribute(
                "href", "#/problems/1"
            )


def test_a_run_that_found_little_new_is_whole_at_its_end(browser: Browser, tmp_path: Path) -> None:
    legacy = Legacy(
        tmp_path / "legacy", [Row(key, b"%d" % key, hashed=True) for key in range(1, 9)]
    )
    with serving(tmp_path / "library", "--allow-path", tmp_path) as server:
        body = {"legacy_db_path": str(legacy.database)}
        server.send("/api/migration/migrate_legacy_db", body)
        legacy.add(Row(9, b"9", hashed=True))
        server.send("/api/migration/migrate_legacy_db", body)
        assert server.status()["run"]["id"] == 2
        with opened(browser, server.url) as watched:
            page = watched.open("progress")
            whole = page.get_by_role("progressbar", name="All of it")
            expect(whole).to_have_attribute("aria-valuenow", "100")
            rows = page.get_by_role("progressbar", name="Rows")
            expect(rows).to_have_attribute("aria-valuetext", "1 row read, 8 as they were before")


def test_a_total_follows_the_bytes_where_these_are_the_work(
    browser: Browser, tmp_path: Path
) -> None:
    legacy = Legacy(tmp_path / "legacy", [Row(1, b"small")])
    large = legacy.models / "large.safetensors"
    with large.open("wb") as file:
        file.truncate(3 << 30)
    with closing(sqlite3.connect(legacy.database)) as connection, connection:
        connection.execute("INSERT INTO models (id, path) VALUES (2, ?)", (str(large),))
    with serving(tmp_path / "library", "--allow-path", tmp_path, "--workers", "1") as server:
        server.send("/api/migration/migrate_legacy_db", {"legacy_db_path": str(legacy.database)})
        with opened(browser, server.url) as watched:
            page = watched.open("pending")
            page.get_by_label("Select all").check()
            page.get_by_role("button", name="Promote 2").click()
            go(page, "Progress")
            hashing = page.get_by_role("progressbar", name="Hashing")
            expect(hashing).to_have_attribute("aria-valuenow", re.compile(r"^[1-9]\d$"))
            # No model is done yet, and the total moves all the same.
            whole = page.get_by_role("progressbar", name="All of it")
            expect(whole).to_have_attribute("aria-valuenow", re.compile(r"^[1-9]\d$"))
            expect(page.get_by_role("heading", name=re.compile("^Done"))).to_be_visible(
                timeout=LONG
            )
            expect(whole).to_have_attribute("aria-valuenow", "100")
