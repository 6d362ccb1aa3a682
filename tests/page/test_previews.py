"""Previews arrive in the smallest tier that is sharp where it is shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.http.libraries import noise
from tests.http.server import Server, serving
from tests.page.browser import opened
from tests.waiting_library import Legacy, Row

WIDTH, HEIGHT = 900, 700
"""The largest tier's; the others are 594 and 297 wide, and a card is about 180."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("previews")
    images = (("one.jpg", noise(1, WIDTH, HEIGHT)),)
    legacy = Legacy(folder / "legacy", [Row(1, b"one", hashed=True, name="one", images=images)])
    with serving(folder / "library", "--allow-path", folder) as running:
        body = {"legacy_db_path": str(legacy.database)}
        assert running.send("/api/migration/migrate_legacy_db", body).status == 200
        yield running


@pytest.mark.parametrize(("density", "width"), [(1, 297), (2, 594), (3, 900)])
def test_a_card_shows_the_tier_that_fits_the_screen(
    browser: Browser, server: Server, density: float, width: int
) -> None:
    with opened(browser, server.url, density=density) as watched:
        page = watched.open("library")
        shown = page.get_by_role("gridcell").locator("img")
        expect(shown).to_have_js_property("naturalWidth", width)


def test_details_show_a_larger_tier_than_a_card(browser: Browser, server: Server) -> None:
    with opened(browser, server.url) as watched:
        page = watched.open("library")
        page.get_by_role("gridcell").click()
        shown = page.get_by_role("dialog").get_by_role("img", name="Preview 1 of one")
        expect(shown).to_have_js_property("naturalWidth", 594)
