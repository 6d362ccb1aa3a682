"""The browser for the length of a module: its event loop must not outlast that, because tests of
other modules in the same process run loops of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.page.browser import SECONDS, executable, running

expect.set_options(timeout=20 * SECONDS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, headless."""
    path = executable()
    if path is None:
        pytest.skip("These tests need a Chromium in the path, and there is none.")
    with running(path) as browser:
        yield browser
