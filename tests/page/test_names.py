"""Names that are long, or that say something else than they seem to: all of them are seen whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from tests.http.server import Server, serving
from tests.page.browser import PHONE, WIDE, opened
from tests.waiting_library import Legacy, Row

WORD = "Supercalifragilistic" * 15
FILE = "wan2.1_i2v_480p_14b_lightx2v_cfg_step_distill_rank64_v{}_fp8_e4m3fn"
DISGUISED = "holiday\u202egnp.exe"
TAG = "t" * 300
HEBREW = "שלום_עולם_" * 8 + "סוף"

OUTSIDE = """(box) => {
  const { left, right } = box.getBoundingClientRect();
  return [...box.querySelectorAll("*")]
    .filter((part) => !part.closest(".unseen") && part.getClientRects().length > 0)
    .filter((part) => {
      const rect = part.getBoundingClientRect();
      return rect.left < left - 1 || rect.right > right + 1;
    })
    .map((part) => part.outerHTML.slice(0, 120));
}"""
"""The parts of a box that stick out of it."""

LAST_SIGN_IN_SIGHT = """(card) => {
  const walker = document.createTreeWalker(card.querySelector(".end"), NodeFilter.SHOW_TEXT);
  let last = null;
  while (walker.nextNode()) last = walker.currentNode;
  const range = document.createRange();
  range.setStart(last, last.length - 1);
  range.setEnd(last, last.length);
  const sign = range.getBoundingClientRect();
  const box = card.querySelector(".card-words").getBoundingClientRect();
  return sign.width > 0 && sign.left >= box.left && sign.right <= box.right
    && sign.top >= box.top && sign.bottom <= box.bottom;
}"""


def rows() -> Iterator[Row]:
    """Active ones, and each again, waiting with the same content."""
    names = (WORD, FILE.format(1), FILE.format(2), DISGUISED, HEBREW)
    for number, name in enumerate(names):
        for hashed in (True, False):
            yield Row(
                2 * number + 1 + (not hashed),
                f"content {number}".encode(),
                hashed=hashed,
                name=name,
                type="loras",
                description=WORD,
                positive=WORD,
                community_links=f"https://example.org/{WORD}",
                tags=(TAG, "short", WORD),
            )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("names")
    legacy = Legacy(folder / "legacy", rows())
    lost = Row(99, b"lost", hashed=True, type="loras", file=f"{'lost' * 50}.safetensors")
    legacy.add(lost)
    legacy.path(lost).unlink()
    with serving(folder / "library", "--allow-path", folder) as running:
        body = {"legacy_db_path": str(legacy.database)}
        assert running.send("/api/migration/migrate_legacy_db", body).status == 200
        models = running.get("/api/migration/pending_models").json["models"]
        report = running.send("/api/migration/import_models", {"id": [m["id"] for m in models]})
        assert len(report.json["conflict"]) == 5
        yield running


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("gridcell", name=name, exact=False).first


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("name", [WORD, FILE.format(1), HEBREW], ids=["word", "file", "hebrew"])
def test_a_dialog_stays_whole(
    browser: Browser, server: Server, viewport: ViewportSize, name: str
) -> None:
    with opened(browser, server.url, viewport=viewport) as watched:
        page = watched.open("library")
        card(page, name[:40]).click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_text("SHA-256", exact=True)).to_be_visible()
        assert dialog.evaluate(OUTSIDE) == []
        expect(dialog.get_by_role("button", name="Close")).to_be_in_viewport()
        # All of a tag is there to be read.
        tag = dialog.get_by_text(TAG, exact=True)
        assert tag.evaluate("(tag) => tag.scrollWidth <= tag.clientWidth")


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_two_sides_of_a_conflict_stay_whole(
    browser: Browser, server: Server, viewport: ViewportSize
) -> None:
    with opened(browser, server.url, viewport=viewport) as watched:
        page = watched.open("pending/conflicts")
        conflicts = page.get_by_role("article")
        expect(conflicts.get_by_role("region")).to_have_count(10)
        for number in range(5):
            assert conflicts.nth(number).evaluate(OUTSIDE) == []


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("view", ["library", "pending"])
def test_files_are_told_apart_by_their_ends(
    browser: Browser, server: Server, view: str, viewport: ViewportSize
) -> None:
    with opened(browser, server.url, viewport=viewport) as watched:
        page = watched.open(view)
        for number in (1, 2):
            found = card(page, FILE.format(number))
            expect(found).to_be_visible()
            assert found.evaluate(LAST_SIGN_IN_SIGHT)
        assert card(page, HEBREW).evaluate(LAST_SIGN_IN_SIGHT)
        assert card(page, WORD[:30]).evaluate(LAST_SIGN_IN_SIGHT)


def test_a_mark_that_turns_a_name_is_shown_and_not_obeyed(browser: Browser, server: Server) -> None:
    with opened(browser, server.url) as watched:
        page = watched.open("library")
        found = card(page, "holiday")
        expect(found.get_by_text("[U+202E]")).to_be_visible()
        expect(found).to_contain_text("holiday[U+202E]gnp.exe")
        assert "\u202e" not in page.locator("main").inner_text()
        found.click()
        title = page.get_by_role("dialog").get_by_role("heading", level=2)
        expect(title).to_have_text("holiday[U+202E]gnp.exe")


@pytest.mark.parametrize("view", ["library", "pending", "pending/conflicts", "problems"])
def test_no_view_is_wider_than_a_phone(browser: Browser, server: Server, view: str) -> None:
    with opened(browser, server.url, viewport=PHONE) as watched:
        page = watched.open(view)
        expect(page.get_by_role("gridcell").or_(page.get_by_role("article")).first).to_be_visible()
        overflow = "() => document.documentElement.scrollWidth - innerWidth"
        assert page.evaluate(overflow) <= 0
