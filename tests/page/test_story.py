"""The whole story in a browser: a migration is started, cut off by a kill, resumed and looked
through, its conflicts are decided and what failed is mended, without ever loading the page again.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.http.libraries import slow_legacy
from tests.http.server import Server, launch
from tests.page.browser import SECONDS, Watched, opened
from tests.waiting_library import Legacy

MODELS = 12
IMAGES = 5
"""So many that the run goes on while it is looked at."""

PROMOTED_AT_ONCE = 9
"""Every fourth waits, and 5 and 10 are further files of a content: 10 joins 9, and 5 is active
before 4 is promoted."""

LONG = 60 * SECONDS

NUMBERS = """() => ({
  total: Number(document.querySelector(".total").value),
  ...Object.fromEntries([...document.querySelectorAll("dd[data-state]")]
    .map((number) => [number.dataset.state, Number(number.textContent)])),
})"""


def view(page: Page, name: str) -> None:
    """Go to a view by its tab."""
    page.get_by_role("navigation", name="Views").get_by_role("link", name=name).click()


def states(page: Page) -> dict[str, int]:
    """The five numbers that Progress shows, which add up to the total that it shows."""
    found: Any = page.evaluate(NUMBERS)
    numbers: dict[str, int] = found
    total = numbers.pop("total")
    assert set(numbers) == {"pending", "imported", "images_done", "promoted", "failed"}
    assert sum(numbers.values()) == total
    return numbers


def start(page: Page, legacy: Legacy) -> None:
    """From the first sight of the page to a run that moves."""
    expect(page.get_by_role("heading", name="Bring your models along")).to_be_visible()
    begin = page.get_by_role("button", name="Start migration")
    expect(begin).to_be_disabled()
    page.get_by_label("Legacy database").fill(str(legacy.database))
    expect(page.get_by_text(f"{MODELS} models in it")).to_be_visible()
    begin.click()
    expect(page.get_by_role("heading", name="Moving your library")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    expect(page.get_by_role("button", name="Resume")).to_be_hidden()


def see_it_move(page: Page, server: Server) -> None:
    """The bar, the numbers and the rates, while the run goes on."""
    server.wait_for(lambda status: status["images"]["done"] >= 4)
    whole = page.get_by_role("progressbar", name="All of it")
    expect(whole).to_have_attribute("aria-valuenow", re.compile(r"[1-9]"))
    expect(page.locator("[data-rate=images]")).to_have_text(re.compile(r"^[\d.,]+ /s$"))
    expect(page.get_by_text("Running", exact=True)).to_be_visible()
    assert states(page)["promoted"] > 0


def cut_off(
    watched: Watched, server: Server, library: Path, options: tuple[str | Path, ...]
) -> Server:
    """Kill the server under the page, and start it again where it was."""
    page = watched.page
    watched.server_is_down = True
    server.kill()
    expect(page.get_by_text("Connection lost, trying again…")).to_be_visible()
    again = launch(library, *options, "--port", str(server.port), "--no-auto-resume")
    expect(page.get_by_text("This run was interrupted.")).to_be_visible()
    expect(page.get_by_text("Connection lost")).to_be_hidden()
    watched.server_is_down = False
    return again


def resume(page: Page) -> None:
    """The button is there while it can be used, and leads to the end."""
    before = states(page)
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("heading", name=re.compile("^Done"))).to_be_visible(timeout=LONG)
    expect(page.get_by_role("button", name="Resume")).to_be_hidden()
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    after = states(page)
    assert after["promoted"] == PROMOTED_AT_ONCE >= before["promoted"]
    assert after["pending"] == 3
    expect(page.get_by_text("Complete", exact=True)).to_be_visible()


def promote_all(page: Page) -> None:
    """Look through what waits, and promote it: one succeeds, one conflicts, one fails."""
    page.get_by_role("link", name="Look through them").click()
    cards = page.get_by_role("gridcell")
    expect(cards).to_have_count(3)
    page.get_by_label("Search").fill("8.safetensors")
    expect(cards).to_have_count(1)
    page.get_by_label("Search").fill("")
    expect(cards).to_have_count(3)
    page.get_by_label("Select all").check()
    page.get_by_role("button", name="Promote 3").click()
    told = page.get_by_role("region", name="What became of them")
    expect(told).to_contain_text("1 model promoted, 1 in conflict, 1 failed.", timeout=LONG)
    expect(told).to_contain_text("There is no file at")


def decide(page: Page) -> None:
    """Both sides of the conflict, with their pictures; one choice, and it is gone."""
    page.get_by_role("link", name="Decide the conflicts").click()
    conflict = page.get_by_role("article")
    waiting = conflict.get_by_role("region", name="Waiting")
    active = conflict.get_by_role("region", name="In the library")
    expect(waiting).to_contain_text("model 4")
    expect(waiting).to_contain_text("tag 1")
    expect(active).to_contain_text("model 5")
    expect(active).to_contain_text("tag 2")
    for side in (waiting, active):
        expect(side.get_by_role("img")).to_have_js_property("complete", True)
        assert side.get_by_role("img").evaluate("(image) => image.naturalWidth") > 0
    conflict.get_by_role("radio", name="Merge").check()
    page.get_by_role("button", name="Apply 1 decision").click()
    expect(page.get_by_text("1 model promoted.").last).to_be_visible(timeout=LONG)
    expect(page.get_by_role("heading", name="No conflicts")).to_be_visible()


def mend(page: Page, missing: Path, content: bytes) -> None:
    """Read why one failed, put its file back, and retry it."""
    view(page, "Pending")
    page.get_by_role("gridcell").click()
    page.get_by_role("button", name="Promote 1").click()
    expect(page.get_by_text("1 failed.").last).to_be_visible(timeout=LONG)
    view(page, "Problems")
    failure = page.get_by_role("article").filter(has_text="no file at")
    expect(failure).to_contain_text(missing.name)
    missing.write_bytes(content)
    failure.get_by_role("button", name="Retry it").click()
    expect(failure).to_have_count(0, timeout=LONG)
    expect(page.get_by_role("heading", name="Failed")).to_have_count(0)


def see_the_library(page: Page) -> None:
    """Everything is active; one model's details go back to where it came from."""
    view(page, "Library")
    # Two rows were joined to others of their content.
    expect(page.get_by_role("link", name="loras")).to_contain_text("10")
    page.get_by_role("gridcell", name="model 12").click()
    details = page.get_by_role("dialog", name="model 12")
    expect(details).to_contain_text("12.safetensors")
    history = details.get_by_role("list").filter(has_text="Images done")
    expect(history).to_contain_text("Promoted")
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()


def test_the_whole_story(browser: Browser, tmp_path: Path) -> None:
    legacy = slow_legacy(tmp_path / "legacy", MODELS, IMAGES)
    library = tmp_path / "library"
    missing = legacy.models / f"{MODELS}.safetensors"
    content = missing.read_bytes()
    options = ("--allow-path", tmp_path, "--workers", "1")
    server = launch(library, *options)
    try:
        with opened(browser, server.url) as watched:
            page = watched.open()
            page.evaluate("() => { window.opened = true; }")
            start(page, legacy)
            see_it_move(page, server)
            server = cut_off(watched, server, library, options)
            resume(page)
            missing.unlink()
            promote_all(page)
            decide(page)
            mend(page, missing, content)
            see_the_library(page)
            assert page.evaluate("() => window.opened"), "The page was loaded again."
    finally:
        server.stop()
