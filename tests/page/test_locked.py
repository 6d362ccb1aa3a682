"""A run that another program holds up says so on the page, and goes on by itself."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.faults.holding import held
from tests.http.libraries import slow_legacy
from tests.http.server import serving
from tests.page.browser import SECONDS, opened

LONG = 60 * SECONDS


def test_a_run_that_waits_for_the_database_says_so(browser: Browser, tmp_path: Path) -> None:
    legacy = slow_legacy(tmp_path / "legacy")
    library = tmp_path / "library"
    body = {"legacy_db_path": str(legacy.database), "legacy_images_dir": str(legacy.images)}
    with serving(library, "--allow-path", str(tmp_path)) as server:
        assert server.send("/api/migration/start", body).status == 202
        with opened(browser, server.url) as watched:
            with held(library / "hikaze_model_manager.db"):
                page = watched.open("progress")
                told = page.get_by_text("Waiting for the database.")
                expect(told).to_be_visible(timeout=LONG)
            expect(told).to_be_hidden(timeout=LONG)
            expect(page.get_by_text("Complete", exact=True)).to_be_visible(timeout=LONG)
