"""Ten thousand active models: few of them are asked for or in the document, each can be reached."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from tests import commands
from tests.benchmarks.large_library import make_rows
from tests.http.server import Server, serving
from tests.page.browser import PHONE, SECONDS, WIDE, opened
from tests.page.test_many import COLUMNS, MIDDLE, MODELS, MOST_NODES, NODES, SCROLL, in_focus

LONG = 60 * SECONDS
TAGGED = """
SELECT count(*) FROM model_tags l JOIN tags t ON t.id = l.tag_id WHERE t.name = 'all of them'
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shelf")
    database = folder / "legacy.sqlite3"
    make_rows(database, MODELS)
    done = commands.run("migrate", database, "--library", folder / "library", "--quiet")
    assert done.returncode == 0, done.stderr
    return folder / "library"


@pytest.fixture(scope="module")
def server(library: Path) -> Iterator[Server]:
    with serving(library) as running:
        assert running.get("/api/library").json["models"] == MODELS
        yield running


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_document_stays_small_however_far_one_scrolls(
    browser: Browser, server: Server, viewport: ViewportSize
) -> None:
    with opened(browser, server.url, viewport=viewport) as watched:
        page = watched.open("library")
        expect(page.get_by_text("10,000 models", exact=True)).to_be_visible()
        columns: int = page.evaluate(COLUMNS)
        rows = str(math.ceil(MODELS / columns))
        expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", rows)
        for step in range(11):
            page.evaluate(SCROLL, step / 10)
            assert page.evaluate(NODES) < MOST_NODES
            assert page.evaluate(MIDDLE), "There is a hole in the grid."
            expect(page.locator(".card.awaited")).to_have_count(0)
        expect(page.get_by_role("gridcell", name=f"model {MODELS} ")).to_be_visible()


def test_no_more_is_asked_for_than_is_looked_at(browser: Browser, server: Server) -> None:
    with opened(browser, server.url) as watched:
        asked: list[str] = []
        watched.page.on("request", lambda request: asked.append(request.url))
        page = watched.open("library")
        expect(page.get_by_text("10,000 models", exact=True)).to_be_visible()
        page.evaluate(SCROLL, 1)
        expect(page.get_by_role("gridcell", name=f"model {MODELS} ")).to_be_visible()
        pages = [url for url in asked if "/api/library/models?" in url]
        assert 2 <= len(pages) <= 4


def test_the_keyboard_reaches_every_model(browser: Browser, server: Server) -> None:
    with opened(browser, server.url) as watched:
        page = watched.open("library")
        expect(page.get_by_role("gridcell", name="model 1 ").first).to_be_visible()
        page.get_by_label("Select all").focus()
        page.keyboard.press("Tab")
        assert in_focus(page) == "model 1"
        page.keyboard.press("Control+End")
        # The card comes after its place has the focus, and keeps it.
        last = page.locator(".card:focus").get_by_text(f"model {MODELS}", exact=True)
        expect(last).to_be_visible()
        page.keyboard.press("Space")
        expect(page.get_by_text("1 model selected")).to_be_visible()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name=f"model {MODELS}")).to_be_visible()
        page.keyboard.press("Escape")
        assert in_focus(page) == f"model {MODELS}"


def test_all_of_them_are_tagged_at_once(browser: Browser, server: Server, library: Path) -> None:
    with opened(browser, server.url) as watched:
        page = watched.open("library")
        page.get_by_label("Search").fill("model_99")
        expect(page.get_by_text("111 models found")).to_be_visible()
        expect(page.get_by_label("Select these 111")).to_be_visible()
        page.get_by_label("Search").fill("")
        expect(page.get_by_text("10,000 models", exact=True)).to_be_visible()
        page.get_by_label("Select all").check()
        expect(page.get_by_text("10,000 models selected")).to_be_visible(timeout=LONG)
        page.get_by_role("button", name="Tags…").click()
        dialog = page.get_by_role("dialog", name="Tags of 10,000 models")
        dialog.get_by_label("Give them").last.fill("all of them")
        dialog.get_by_role("button", name="Change tags").click()
        expect(page.get_by_text("The tags of 10,000 models were changed.")).to_be_visible(
            timeout=LONG
        )
    path = library / "hikaze_model_manager.db"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(TAGGED).fetchone() == (MODELS,)
