"""Addresses that lead nowhere: each shows a page that says so, and where one can go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.http.server import Server, serving
from tests.page.browser import PHONE, SCHEMES, Scheme, opened
from tests.page.test_looks import audit


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("nowhere") / "library") as running:
        yield running


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_address_that_leads_nowhere_leads_on(
    browser: Browser, server: Server, scheme: Scheme
) -> None:
    with opened(browser, server.url, scheme=scheme) as watched:
        page = watched.page
        answer = page.goto(f"{server.url}no/such/page")
        assert answer is not None
        assert answer.status == 404
        watched.complaints.clear()  # the browser notes the 404
        expect(page.get_by_role("heading", name="There is nothing at this address")).to_be_visible()
        audit(page)
        page.set_viewport_size(PHONE)
        audit(page)
        page.get_by_role("link", name="Library").click()
        expect(page.get_by_role("heading", name="Library")).to_be_visible()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("view", ["nonsense", "%E0%A4%A", "libraryy/loras"])
def test_a_view_that_is_not_there_leads_on(
    browser: Browser, server: Server, scheme: Scheme, view: str
) -> None:
    with opened(browser, server.url, scheme=scheme) as watched:
        page = watched.open(view)
        expect(page.get_by_role("heading", name="There is no such view")).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text(f"#/{view} leads nowhere")
        expect(page).to_have_title("No such view · reshelve")
        current = page.get_by_role("navigation", name="Views").locator("[aria-current]")
        expect(current).to_have_count(0)
        audit(page)
        page.get_by_role("main").get_by_role("link", name="Problems").click()
        expect(page.get_by_role("heading", name="Problems")).to_be_visible()
