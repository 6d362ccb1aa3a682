"""A real browser, and a page in it of which everything that goes wrong is noted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    sync_playwright,
)

NAMES = ("chromium", "chromium-browser", "google-chrome")

ARGUMENTS = [
    "--no-sandbox",  # nothing but this project's own page is opened
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

WIDE = ViewportSize(width=1280, height=860)
PHONE = ViewportSize(width=390, height=844)

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")

SECONDS = 1000
"""Playwright counts in milliseconds."""

TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  tellViolation(`${event.violatedDirective} forbids ${event.blockedURI}`));
"""


def executable() -> str | None:
    """The system's Chromium."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def running(path: str) -> Iterator[Browser]:
    """A headless browser. While it runs its thread has an event loop of Playwright's."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page, and what went wrong on it."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.server_is_down = False
        self.complaints: list[str] = []
        self.origin = origin
        self._others: list[str] = []
        page.set_default_timeout(20 * SECONDS)
        page.expose_function("tellViolation", self._forbidden)
        page.add_init_script(TELL_VIOLATIONS)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        page.on("request", self._see)

    def open(self, view: str = "") -> Page:
        """Open a view of the page."""
        self.page.goto(f"{self.origin}/#/{view}" if view else f"{self.origin}/")
        return self.page

    def allow(self, other: str) -> None:
        """Another origin is part of what is tested."""
        self._others.append(other)

    def is_clean(self) -> None:
        """No error, no warning, nothing that the policy had to forbid, no other origin."""
        assert self.complaints == []

    def _forbidden(self, told: str) -> None:
        self.complaints.append(f"policy: {told}")

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        unreachable = message.text.startswith("Failed to load resource: net::ERR_")
        if self.server_is_down and unreachable:
            return  # the browser itself notes each request that finds nobody
        where: Any = message.location
        self.complaints.append(f"{message.type}: {message.text} ({where['url']})")

    def _see(self, request: Request) -> None:
        known = (f"{self.origin}/", "data:", *self._others)
        if not request.url.startswith(known):
            self.complaints.append(f"another origin: {request.url}")


@contextmanager
def opened(
    browser: Browser,
    url: str,
    *,
    scheme: Scheme = "light",
    viewport: ViewportSize = WIDE,
    density: float = 1,
) -> Iterator[Watched]:
    """A page of a server in a profile of its own; nothing may have gone wrong at its end."""
    context = browser.new_context(
        viewport=viewport,
        device_scale_factor=density,
        color_scheme=scheme,
        reduced_motion="reduce",
        locale="en-GB",
    )
    try:
        watched = Watched(context.new_page(), url.rstrip("/"))
        yield watched
        watched.is_clean()
    finally:
        context.close()
