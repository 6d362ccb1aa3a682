"""The Library: all models or those of a type, found by what is noted of them, chosen and tagged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.http.server import Server, serving
from tests.page.browser import PHONE, SCHEMES, SECONDS, Scheme, opened
from tests.page.test_looks import audit, picture
from tests.waiting_library import Legacy, Row, active
from tests.waiting_library import picture as small_picture

ROWS = [
    Row(1, b"content 1", hashed=True, name="model 10", type="loras", created_at=3, positive="sun"),
    Row(2, b"content 22", hashed=True, name="model 2", type="loras", created_at=1, tags=("style",)),
    Row(
        *(3, b"content 333"),
        hashed=True,
        name="Äpfel",
        type="vae",
        created_at=2,
        tags=("style", "drafts"),
        images=(("3.png", small_picture(3)),),
    ),
    Row(4, b"content 4444", hashed=True, name="untyped", created_at=4),
    Row(5, b"waits", name="plain"),
    Row(6, b"content 1", name="copy", type="loras"),
    Row(7, b"lost", name="lost", images=(("7.png", small_picture(7)),), created_at=9),
]


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def server(tmp_path: Path, library: Path) -> Iterator[Server]:
    legacy = Legacy(tmp_path / "legacy", ROWS)
    with serving(library, "--allow-path", tmp_path) as running:
        body = {"legacy_db_path": str(legacy.database)}
        assert running.send("/api/migration/migrate_legacy_db", body).status == 200
        (legacy.models / "4.safetensors").unlink()
        (legacy.models / "7.safetensors").unlink()
        models = running.get("/api/migration/pending_models").json["models"]
        ids = [model["id"] for model in models if model["name"] != "plain"]
        report = running.send("/api/migration/import_models", {"id": ids}).json
        assert (len(report["conflict"]), len(report["failed"])) == (1, 1)
        yield running


def shown(page: Page, *names: str) -> None:
    """The cards are these, in this order."""
    expect(page.locator(".card-name")).to_have_text(names)


def test_all_models_are_shown_and_those_of_a_type(browser: Browser, server: Server) -> None:
    with opened(browser, server.url) as watched:
        page = watched.open("library")
        types = page.get_by_role("navigation", name="Types").get_by_role("link")
        expect(types).to_have_text(["All4", "Others1", "loras2", "vae1"])
        expect(types.first).to_have_attribute("aria-current", "page")
        shown(page, "Äpfel", "model 2", "model 10", "untyped")
        expect(page.get_by_text("4 models", exact=True)).to_be_visible()
        types.filter(has_text="loras").click()
        shown(page, "model 2", "model 10")
        types.filter(has_text="Others").click()
        shown(page, "untyped")
        page.goto(f"{server.url}#/library/nothing")
        expect(page.get_by_role("heading", name="There are no such models")).to_be_visible()
        page.get_by_role("link", name="See all models").click()
        shown(page, "Äpfel", "model 2", "model 10", "untyped")


def test_models_are_found_by_all_that_is_noted_of_them(browser: Browser, server: Server) -> None:
    with opened(browser, server.url) as watched:
        page = watched.open("library")
        search = page.get_by_label("Search")
        search.fill("APFEL")
        shown(page, "Äpfel")
        search.fill("sun")
        shown(page, "model 10")
        search.fill("drafts apfel")
        shown(page, "Äpfel")
        search.fill("nothing of the kind")
        expect(page.get_by_role("heading", name="None of them fits")).to_be_visible()
        search.fill("")
        page.get_by_label("Tag", exact=True).select_option("style")
        shown(page, "Äpfel", "model 2")
        expect(page.get_by_text("2 models found")).to_be_visible()
        page.get_by_label("Tag", exact=True).select_option("All tags")
        page.get_by_label("Filter").select_option("Without picture")
        shown(page, "model 2", "model 10", "untyped")
        page.get_by_label("Filter").select_option("File missing")
        shown(page, "untyped")
        page.get_by_label("Filter").select_option("All models")
        page.get_by_label("Order").select_option("Newest first")
        shown(page, "untyped", "model 10", "Äpfel", "model 2")
        page.get_by_label("Order").select_option("Largest first")
        shown(page, "untyped", "Äpfel", "model 2", "model 10")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_many_models_are_tagged_at_once(
    browser: Browser, server: Server, library: Path, scheme: Scheme
) -> None:
    with opened(browser, server.url, scheme=scheme) as watched:
        page = watched.open("library")
        shown(page, "Äpfel", "model 2", "model 10", "untyped")
        page.get_by_role("gridcell", name="Äpfel").hover()
        page.get_by_role("button", name="Select Äpfel").click()
        page.get_by_role("gridcell", name="model 10").click(modifiers=["Shift"])
        expect(page.get_by_text("3 models selected")).to_be_visible()
        audit(page)
        picture(page, "picked", scheme)
        page.get_by_role("button", name="Tags…").click()
        dialog = page.get_by_role("dialog", name="Tags of 3 models")
        expect(dialog.get_by_role("button", name="Change tags")).to_be_disabled()
        dialog.get_by_label("Give them").last.fill("winter")
        dialog.get_by_role("checkbox", name="style").check()
        expect(dialog).to_contain_text("3 models will get 1 tag, 2 models will lose 1 tag.")
        audit(page)
        picture(page, "tagging", scheme)
        page.set_viewport_size(PHONE)
        audit(page)
        picture(page, "tagging", scheme)
        dialog.get_by_role("button", name="Change tags").click()
        expect(page.get_by_text("The tags of 3 models were changed.")).to_be_visible()
        expect(page.get_by_role("gridcell", name="model 10")).to_contain_text("winter")
        expect(page.get_by_role("region", name="Chosen models")).to_be_hidden()
    tags = {record["name"]: record["tags"] for record in active(library).values()}
    assert tags == {
        "model 10": {"winter"},
        "model 2": {"winter"},
        "Äpfel": {"winter", "drafts"},
        "untyped": set(),
    }


def test_models_that_wait_are_found_by_what_became_of_them(
    browser: Browser, server: Server
) -> None:
    with opened(browser, server.url) as watched:
        page = watched.open("pending")
        shown(page, "plain", "copy", "lost")
        page.get_by_label("Filter").select_option("Failed")
        shown(page, "lost")
        page.get_by_role("gridcell").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_contain_text("There is no file at")
        page.keyboard.press("Escape")
        page.get_by_label("Filter").select_option("In conflict")
        shown(page, "copy")
        page.get_by_label("Filter").select_option("Without picture")
        shown(page, "plain", "copy")
        page.get_by_label("Order").select_option("By name")
        shown(page, "copy", "plain")
        page.get_by_label("Filter").select_option("All that wait")
        page.get_by_label("Order").select_option("Newest first")
        expect(page.locator(".card-name").first).to_have_text("lost")


def test_models_that_wait_are_tagged_at_once(browser: Browser, server: Server) -> None:
    with opened(browser, server.url) as watched:
        page = watched.open("pending")
        page.get_by_label("Select all").check()
        page.get_by_role("button", name="Tags…").click()
        dialog = page.get_by_role("dialog", name="Tags of 3 models")
        dialog.get_by_label("Give them").last.fill("later")
        dialog.get_by_role("button", name="Change tags").click()
        expect(page.get_by_role("gridcell").filter(has_text="later")).to_have_count(3)


@pytest.mark.parametrize(
    ("choice", "words"),
    [("replace the one there", "are replaced"), ("remove it from the queue", "leave the queue")],
)
def test_replacing_or_removing_many_asks_once_and_says_what_will_happen(
    browser: Browser, server: Server, library: Path, choice: str, words: str
) -> None:
    before = active(library)
    with opened(browser, server.url) as watched:
        page = watched.open("pending")
        page.get_by_label("Select all").check()
        page.get_by_label("If it is there already").select_option(choice)
        page.get_by_role("button", name="Promote 3").click()
        question = page.get_by_role("dialog", name="Promote 3 models?")
        expect(question).to_contain_text(words)
        expect(question).to_contain_text("No model file is touched.")
        question.get_by_role("button", name="Go back").click()
        expect(page.get_by_text("3 models selected")).to_be_visible()
        assert active(library) == before
        page.get_by_role("button", name="Promote 3").click()
        question.get_by_role("button", name="Promote 3").click()
        told = page.get_by_role("region", name="What became of them")
        expect(told).to_contain_text("1 failed", timeout=60 * SECONDS)
        expect(page.get_by_role("dialog")).to_have_count(0)
