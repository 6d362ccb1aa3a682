"""How a browser gets in: by a link that stands elsewhere, with a token in it, or by the form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from adapters.http.guesses import FREE
from tests.http.server import Server, serving
from tests.page.browser import PHONE, SCHEMES, Scheme, Watched, opened
from tests.page.elsewhere import another_site
from tests.page.test_looks import audit, picture

TOKEN = "a long & secret+word=é"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("entry") / "library") as running:
        yield running


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks for a token."""
    folder = tmp_path_factory.mktemp("locked")
    (folder / "token").write_text(TOKEN, encoding="utf-8")
    with serving(folder / "library", "--token", folder / "token") as running:
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


def test_a_link_with_a_token_lets_in_from_elsewhere_too(browser: Browser, locked: Server) -> None:
    with opened(browser, locked.url) as watched:
        page = followed(watched, f"{locked.url}?token={quote(TOKEN)}")
        expect(page.get_by_role("heading", name="Bring your models along")).to_be_visible()
        assert "token" not in page.url
        # The session is known also where the next link stands elsewhere.
        page = followed(watched, locked.url)
        expect(page.get_by_role("heading", name="Bring your models along")).to_be_visible()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_form_says_when_a_token_is_wrong_and_lets_in_with_the_right_one(
    browser: Browser, locked: Server, scheme: Scheme
) -> None:
    with opened(browser, locked.url, scheme=scheme) as watched:
        page = watched.open()
        expect(page.get_by_role("heading", name="This library asks for a token")).to_be_visible()
        expect(page.get_by_label("Token")).to_be_focused()
        expect(page.get_by_role("alert")).to_have_count(0)
        weight = page.get_by_role("button").evaluate("(button) => getComputedStyle(button).color")
        assert weight != "rgb(0, 0, 0)", "The form has no style."
        page.get_by_label("Token").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("That is not the token.")
        audit(page)
        picture(page, "token", scheme)
        page.set_viewport_size(PHONE)
        audit(page)
        picture(page, "token", scheme)
        watched.complaints.clear()  # the browser notes each refusal
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Open the library").click()
        expect(page.get_by_role("heading", name="Bring your models along")).to_be_visible()


def test_a_session_that_has_ended_is_asked_for_anew(browser: Browser, locked: Server) -> None:
    with opened(browser, locked.url) as watched:
        name = f"reshelve_session_{locked.port}"
        watched.page.context.add_cookies([{"name": name, "value": "old", "url": locked.url}])
        page = watched.open()
        expect(page.get_by_role("alert")).to_contain_text("Your session has ended.")
        watched.complaints.clear()  # the browser notes the refusal


def test_who_guesses_too_often_is_told_how_long_to_wait(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    with (
        serving(tmp_path / "library", "--token", tmp_path / "token") as server,
        opened(browser, server.url) as watched,
    ):
        page = watched.open()
        for _ in range(FREE + 1):
            page.get_by_label("Token").fill("wrong")
            with page.expect_navigation():
                page.get_by_role("button").click()
        expect(page.get_by_role("alert")).to_contain_text("Too many wrong tokens")
        expect(page.get_by_role("alert")).to_contain_text("second")
        watched.complaints.clear()  # the browser notes each refusal
