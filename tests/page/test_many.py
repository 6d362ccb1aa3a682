"""Ten thousand pending models: few of them are in the document, and each can be reached."""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests import commands
from tests.benchmarks.large_library import make_rows
from tests.http.server import Server, serving
from tests.page.browser import PHONE, WIDE, opened

MODELS = 10_000

MOST_NODES = 2000
"""Elements of the whole page, wherever it is scrolled to."""

NODES = "() => document.getElementsByTagName('*').length"
COLUMNS = "() => Number(document.querySelector('.grid').ariaColCount)"
SCROLL = """async (share) => {
  scrollTo({ top: share * document.documentElement.scrollHeight, behavior: "instant" });
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
}"""
MIDDLE = """() => document.elementFromPoint(innerWidth / 2, innerHeight * 0.75)
  ?.closest(".grid") !== null"""
NAME_IN_FOCUS = "() => document.activeElement.querySelector('.card-name')?.textContent"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("many")
    database = folder / "legacy.sqlite3"
    make_rows(database, MODELS)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE models SET hash_hex = ''")
    done = commands.run("migrate", database, "--library", folder / "library", "--quiet")
    assert done.returncode == 0, done.stderr
    with serving(folder / "library") as running:
        yield running


def in_focus(page: Page) -> str:
    name: str = page.evaluate(NAME_IN_FOCUS)
    return name


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_document_stays_small_however_far_one_scrolls(
    browser: Browser, server: Server, viewport: ViewportSize
) -> None:
    with opened(browser, server.url, viewport=viewport) as watched:
        page = watched.open("pending")
        expect(page.get_by_text("10,000 models", exact=True)).to_be_visible()
        columns: int = page.evaluate(COLUMNS)
        rows = str(math.ceil(MODELS / columns))
        expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", rows)
        for step in range(21):
            page.evaluate(SCROLL, step / 20)
            assert page.evaluate(NODES) < MOST_NODES
            assert page.evaluate(MIDDLE), "There is a hole in the grid."
        expect(page.get_by_role("gridcell", name=f"model {MODELS} ")).to_be_visible()


def test_the_keyboard_reaches_every_model(browser: Browser, server: Server) -> None:
    with opened(browser, server.url) as watched:
        page = watched.open("pending")
        expect(page.get_by_text("10,000 models", exact=True)).to_be_visible()
        columns: int = page.evaluate(COLUMNS)
        page.get_by_label("Select all").focus()
        page.keyboard.press("Tab")
        assert in_focus(page) == "model 1"
        page.keyboard.press("ArrowRight")
        assert in_focus(page) == "model 2"
        page.keyboard.press("ArrowDown")
        assert in_focus(page) == f"model {2 + columns}"
        for _ in range(30):
            page.keyboard.press("PageDown")
        far = int(in_focus(page).removeprefix("model "))
        assert far > 30 * columns
        expect(page.get_by_role("gridcell", name=re.compile(rf"^model {far} "))).to_be_in_viewport()
        page.keyboard.press("Control+End")
        assert in_focus(page) == f"model {MODELS}"
        page.keyboard.press("Space")
        expect(page.get_by_text("1 model selected")).to_be_visible()
        # Wherever one scrolls meanwhile, the focus is kept.
        page.evaluate(SCROLL, 0.3)
        assert in_focus(page) == f"model {MODELS}"
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name=f"model {MODELS}")).to_be_visible()
        page.keyboard.press("Escape")
        assert in_focus(page) == f"model {MODELS}"
        page.keyboard.press("Control+Home")
        assert in_focus(page) == "model 1"


def test_all_that_are_found_are_selected_at_once(browser: Browser, server: Server) -> None:
    with opened(browser, server.url) as watched:
        page = watched.open("pending")
        page.get_by_label("Search").fill("model_99")
        expect(page.get_by_text("111 of 10,000 models")).to_be_visible()
        page.get_by_label("Select these 111").check()
        expect(page.get_by_role("button", name="Promote 111")).to_be_enabled()
        page.get_by_label("Search").fill("")
        page.get_by_label("Tag", exact=True).select_option("tag 8")
        expect(page.get_by_text("400 of 10,000 models")).to_be_visible()
        page.get_by_role("gridcell").first.focus()
        page.keyboard.press("Control+a")
        # Those that were selected before stay so, and eight of them have this tag.
        expect(page.get_by_text("models selected")).not_to_have_text("111 models selected")
        page.get_by_role("button", name="Clear").click()
        expect(page.get_by_role("button", name="Clear")).to_be_hidden()
