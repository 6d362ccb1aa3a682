"""How a browser gets in: by a link that stands elsewhere, with a token in it or without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.http.server import Server, serving
from tests.page.browser import Watched, opened
from tests.page.elsewhere import another_site


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("entry") / "library") as running:
        yield running


def followed(watched: Watched, link: str) -> Page:
    """The page behind a link that stands on another site."""
    with another_site(f'<a href="{link}">to the models</a>') as site:
        watched.allow(site)
        page = watched.page
        page.goto(site)
        page.get_by_role("link").click()
        page.wait_for_url(f"{watched.origin}/**")
        return page


@pytest.mark.parametrize("path", ["", "#/library", "index.html"])
def test_a_link_from_elsewhere_leads_to_the_page(
    browser: Browser, server: Server, path: str
) -> None:
    with opened(browser, server.url) as watched:
        page = followed(watched, server.url + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("navigation", name="Views")).to_be_visible()


def test_a_page_elsewhere_can_show_nothing_of_the_routes(browser: Browser, server: Server) -> None:
    with opened(browser, server.url) as watched:
        page = followed(watched, f"{server.url}api/library")
        expect(page.get_by_text("cross_site")).to_be_visible()
        watched.complaints.clear()  # the browser notes the refusal


def test_a_page_elsewhere_cannot_frame_the_page(browser: Browser, server: Server) -> None:
    frame = f'<iframe src="{server.url}"></iframe>'
    with another_site(frame) as site, opened(browser, server.url) as watched:
        watched.allow(site)
        with watched.page.expect_response(server.url) as answer:
            watched.page.goto(site)
        assert answer.value.status == 403
        watched.complaints.clear()  # the browser notes the refusal
