"""Every view as it looks: axe-core finds nothing wrong with it, light and dark, and where the
environment names a folder in RESHELVE_SCREENSHOTS, pictures of it are put there."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect

from tests.http.server import Server, serving
from tests.page.browser import PHONE, SCHEMES, SECONDS, WIDE, Scheme, opened
from tests.page.collection import make_collection, make_large_collection

SCREENSHOTS = os.environ.get("RESHELVE_SCREENSHOTS")
LARGE = 600

AUDIT = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
  .map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ html, any, all, none }) =>
    `${html} ${[...any, ...all, ...none].map(({ message }) => message).join("; ")}`).join(" | ")}`)
"""
QUIET = """() => [...document.images].every((image) => image.complete)
  && document.querySelectorAll(".loading, .stale").length === 0
  && (!document.querySelector(".card") || document.querySelector(".card .filled"))"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ComfyUI", numbered=False)


@pytest.fixture(scope="module")
def database(folder: Path) -> Path:
    return make_collection(folder / "legacy")


@pytest.fixture(scope="module")
def server(folder: Path, database: Path) -> Iterator[Server]:
    """A library that has the collection, whose waiting models wait still."""
    with serving(folder / "library", "--allow-path", folder) as running:
        done = running.send("/api/migration/migrate_legacy_db", {"legacy_db_path": str(database)})
        assert done.json["db_migration"]["errors"] == 3
        yield running


@pytest.fixture(scope="module")
def conflicting(folder: Path, database: Path) -> Iterator[Server]:
    """A library in which all that could be promoted was."""
    with serving(folder / "promoted", "--allow-path", folder) as running:
        running.send("/api/migration/migrate_legacy_db", {"legacy_db_path": str(database)})
        models = running.get("/api/migration/pending_models").json["models"]
        body = {"id": [model["id"] for model in models]}
        report = running.send("/api/migration/import_models", body).json
        assert len(report["conflict"]) == 1
        yield running


def audit(page: Page) -> None:
    """What axe-core has to say about the page as it is now: nothing."""
    page.evaluate(AXE_SCRIPT)
    found: Any = page.evaluate(AUDIT)
    assert found == []


def picture(page: Page, name: str, scheme: Scheme) -> None:
    if SCREENSHOTS is not None:
        page.evaluate("() => scrollTo(0, 0)")
        width = page.viewport_size["width"] if page.viewport_size else 0
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}-{width}-{scheme}.png")


def look(page: Page, name: str, scheme: Scheme) -> None:
    """Judge a page, wide and on a phone, and keep its pictures."""
    page.wait_for_function(QUIET)
    audit(page)
    picture(page, name, scheme)
    page.set_viewport_size(PHONE)
    page.wait_for_function(QUIET)
    overflow: int = page.evaluate(
        "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overflow <= 0, f"{name} is {overflow} pixels wider than a phone."
    if scheme == "light":
        audit(page)
    picture(page, name, scheme)


@contextmanager
def at(browser: Browser, server: Server, view: str, scheme: Scheme) -> Iterator[Page]:
    with opened(browser, server.url, scheme=scheme) as watched:
        yield watched.open(view)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_start(browser: Browser, server: Server, database: Path, scheme: Scheme) -> None:
    with at(browser, server, "start", scheme) as page:
        page.get_by_label("Legacy database").fill(str(database))
        expect(page.locator(".facts")).to_contain_text("Room enough")
        look(page, "start", scheme)


def test_progress(browser: Browser, folder: Path, database: Path) -> None:
    large = make_large_collection(database, LARGE)
    with ExitStack() as stack:
        server = stack.enter_context(serving(folder / "running", "--allow-path", folder))
        pages = {
            scheme: stack.enter_context(at(browser, server, "progress", scheme))
            for scheme in SCHEMES
        }
        server.send("/api/migration/start", {"legacy_db_path": str(large)})
        server.wait_for(lambda status: status["images"]["done"] > LARGE // 3)
        for page in pages.values():
            expect(page.locator("[data-rate=images]")).not_to_have_text("–")
        # Time stands still, so that the views of one moment can be compared.
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            for scheme, page in pages.items():
                expect(page.get_by_role("button", name="Cancel")).to_be_visible()
                look(page, "progress", scheme)
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        server.send("/api/migration/cancel")
        for scheme, page in pages.items():
            page.set_viewport_size(WIDE)
            expect(page.get_by_role("button", name="Resume")).to_be_visible()
            look(page, "progress-stopped", scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_end(browser: Browser, server: Server, scheme: Scheme) -> None:
    with at(browser, server, "progress", scheme) as page:
        expect(page.get_by_text("3 rows failed")).to_be_visible()
        page.get_by_text("The five states").click()
        look(page, "end", scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pending(browser: Browser, server: Server, scheme: Scheme) -> None:
    with at(browser, server, "pending", scheme) as page:
        expect(page.get_by_role("gridcell")).to_have_count(14)
        page.get_by_role("gridcell").nth(1).click()
        page.get_by_role("gridcell").nth(3).click(modifiers=["Shift"])
        expect(page.get_by_text("3 models selected")).to_be_visible()
        look(page, "pending", scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_conflicts(browser: Browser, conflicting: Server, scheme: Scheme) -> None:
    with at(browser, conflicting, "pending/conflicts", scheme) as page:
        page.get_by_role("radio", name="Merge").check()
        expect(page.locator(".side-picture.filled")).to_have_count(2)
        look(page, "conflicts", scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_problems(browser: Browser, server: Server, scheme: Scheme) -> None:
    with at(browser, server, "problems", scheme) as page:
        expect(page.get_by_role("heading", name="Failed")).to_contain_text("3")
        look(page, "problems", scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_library(browser: Browser, server: Server, scheme: Scheme) -> None:
    with at(browser, server, "library/loras", scheme) as page:
        expect(page.locator(".picture.filled").first).to_be_visible()
        look(page, "library", scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_details(browser: Browser, server: Server, scheme: Scheme) -> None:
    with at(browser, server, "library/checkpoints", scheme) as page:
        page.get_by_role("gridcell").first.click()
        expect(page.get_by_role("dialog").get_by_role("list").last).to_contain_text("Promoted")
        look(page, "details", scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_empty_library(browser: Browser, tmp_path: Path, scheme: Scheme) -> None:
    with serving(tmp_path / "library") as server, at(browser, server, "", scheme) as page:
        for name in ("Progress", "Pending", "Problems", "Library"):
            page.get_by_role("navigation", name="Views").get_by_role("link", name=name).click()
            expect(page.locator(".empty").first).to_be_visible()
            audit(page)
            picture(page, f"empty-{name.lower()}", scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_routes(browser: Browser, server: Server, scheme: Scheme) -> None:
    with opened(browser, server.url, scheme=scheme) as watched:
        page = watched.page
        page.goto(f"{server.url}api/schema", timeout=20 * SECONDS)
        for number in range(2):
            page.locator("details.route > summary").nth(number).click()
        expect(page.locator("details.route[open]")).to_have_count(2)
        look(page, "routes", scheme)
