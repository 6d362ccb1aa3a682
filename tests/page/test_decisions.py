"""Many conflicts and many problems: decided one by one or all at once, shown page by page."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.http.server import Server, serving
from tests.page.browser import SECONDS, opened
from tests.waiting_library import Legacy, Row, active, waiting

PAIRS = 5
ROWS = 130
LONG = 60 * SECONDS


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def conflicting(tmp_path: Path, library: Path) -> Iterator[Server]:
    """A server on a library with as many conflicts, which are known."""
    legacy = Legacy(tmp_path / "legacy")
    for number in range(1, PAIRS + 1):
        content = f"content {number}".encode()
        legacy.add(
            Row(number, content, hashed=True, name=f"active {number}"),
            Row(100 + number, content, name=f"waiting {number}", positive="sun"),
        )
    with serving(library, "--allow-path", tmp_path) as running:
        body = {"legacy_db_path": str(legacy.database)}
        assert running.send("/api/migration/migrate_legacy_db", body).status == 200
        models = running.get("/api/migration/pending_models").json["models"]
        report = running.send("/api/migration/import_models", {"id": [m["id"] for m in models]})
        assert len(report.json["conflict"]) == PAIRS
        yield running


def names(library: Path) -> dict[str, str]:
    """The names and prompts of the active models."""
    return {record["name"]: record["positive"] for record in active(library).values()}


def test_each_conflict_is_decided_for_itself(
    browser: Browser, conflicting: Server, library: Path
) -> None:
    with opened(browser, conflicting.url) as watched:
        page = watched.open("pending/conflicts")
        for number, choice in enumerate(("Merge", "Replace", "Leave", "Remove"), 1):
            conflict = page.get_by_role("article").filter(has_text=f"active {number}")
            conflict.get_by_role("radio", name=choice).check()
        expect(page.get_by_text("4 of 5 conflicts decided")).to_be_visible()
        page.get_by_role("button", name="Apply 4 decisions").click()
        # Something would be lost, so that is asked first.
        question = page.get_by_role("dialog", name="Some notes will be gone")
        expect(question).to_contain_text("1 record of the library is replaced")
        expect(question).to_contain_text("1 waiting model leaves the queue")
        question.get_by_role("button", name="Apply 4 decisions").click()
        told = page.get_by_role("region", name="What became of them")
        expect(told).to_contain_text(
            "2 models promoted, 1 left waiting, 1 removed from the queue.", timeout=LONG
        )
        expect(page.get_by_role("article")).to_have_count(2)
    kept = {"active 3": "", "active 4": "", "active 5": ""}
    assert names(library) == {"active 1": "sun", "waiting 2": "sun", **kept}
    assert {record["name"] for record in waiting(library).values()} == {"waiting 3", "waiting 5"}


def test_all_conflicts_are_decided_at_once(
    browser: Browser, conflicting: Server, library: Path
) -> None:
    with opened(browser, conflicting.url) as watched:
        page = watched.open("pending/conflicts")
        page.get_by_role("group", name="Choose for all").get_by_role("button", name="Merge").click()
        page.get_by_role("button", name="Apply 5 decisions").click()
        expect(page.get_by_role("heading", name="No conflicts")).to_be_visible(timeout=LONG)
    assert names(library) == {f"active {number}": "sun" for number in range(1, PAIRS + 1)}
    assert waiting(library) == {}


@pytest.fixture
def troubled(tmp_path: Path, library: Path) -> Iterator[Server]:
    """A server whose run failed in each of its rows."""
    legacy = Legacy(tmp_path / "legacy")
    with closing(sqlite3.connect(legacy.database)) as connection, connection:
        # Different paths, each of which is nothing but blanks.
        paths = [(" " * length,) for length in range(ROWS)]
        connection.executemany("INSERT INTO models (path, hash_hex) VALUES (?, '')", paths)
    with serving(library, "--allow-path", tmp_path) as server:
        body = {"legacy_db_path": str(legacy.database)}
        assert server.send("/api/migration/migrate_legacy_db", body).status == 200
        yield server


def test_problems_are_shown_page_by_page_and_can_be_taken_away(
    browser: Browser, troubled: Server
) -> None:
    with opened(browser, troubled.url) as watched:
        page = watched.open("problems")
        group = page.get_by_role("article")
        expect(group.get_by_role("listitem")).to_have_count(5)
        group.get_by_role("button", name="Show all").click()
        expect(group.get_by_role("listitem")).to_have_count(100)
        group.get_by_role("button", name="Show 100 more").click()
        expect(group.get_by_role("listitem")).to_have_count(ROWS)
        expect(group.get_by_role("button", name="Show")).to_have_count(0)
        with page.expect_download() as download:
            page.get_by_role("link", name="Run 1 as JSON").click()
        report = json.loads(Path(download.value.path()).read_bytes())
        assert len(report["items"]) == ROWS
        with page.expect_download() as download:
            page.get_by_role("link", name="Run 1 as CSV").click()
        lines = Path(download.value.path()).read_text().splitlines()
        assert len(lines) == ROWS + 1


def test_reports_are_offered_also_where_the_run_is_told_after_its_problems(
    browser: Browser, troubled: Server
) -> None:
    with opened(browser, troubled.url) as watched:
        held: list[Route] = []
        watched.page.route("**/api/migration/events", lambda route: held.append(route))
        page = watched.open("problems")
        expect(page.get_by_role("article").get_by_role("listitem")).to_have_count(5)
        expect(page.get_by_role("link", name="Run 1 as JSON")).to_have_count(0)
        held[0].continue_()
        expect(page.get_by_role("link", name="Run 1 as JSON")).to_be_visible()
        expect(page.get_by_role("link", name="Run 1 as CSV")).to_be_visible()
