"""What the page's own advice says can be done on it: models edited, pictures, files found anew."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect

from tests.http.server import Server, serving
from tests.page.browser import PHONE, SCHEMES, Scheme, opened
from tests.page.test_looks import audit, picture
from tests.waiting_library import Legacy, Row, sha_of
from tests.waiting_library import picture as small_picture

ONE, TWO = sha_of(b"one"), sha_of(b"two")


def payload(name: str, colour: str) -> FilePayload:
    """A picture as a browser takes it from a person's disk."""
    stream = BytesIO()
    Image.new("RGB", (60, 40), colour).save(stream, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": stream.getvalue()}


@pytest.fixture
def legacy(tmp_path: Path) -> Legacy:
    images = (("one_0.png", small_picture(1)), ("one_1.png", small_picture(90)))
    made = Legacy(
        tmp_path / "legacy",
        [
            Row(1, b"one", hashed=True, name="first", type="loras", images=images, tags=("style",)),
            Row(2, b"two", hashed=True, name="second", type="vae", tags=("style", "drafts")),
            Row(3, b"three", name="third", type="loras", tags=("drafts",)),
            Row(4, b"four", hashed=True, name="lost", type="loras"),
            Row(5, b"five", name="gone", type="loras"),
        ],
    )
    (made.models / "4.safetensors").unlink()
    return made


@pytest.fixture
def server(tmp_path: Path, legacy: Legacy) -> Iterator[Server]:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "fresh.safetensors").write_bytes(b"fresh")
    options = ("--allow-path", tmp_path, "--root", f"loras={tmp_path / 'new'}")
    with serving(tmp_path / "library", *options) as running:
        body = {"legacy_db_path": str(legacy.database)}
        assert running.send("/api/migration/migrate_legacy_db", body).status == 200
        yield running


def record(server: Server, sha256: str) -> Any:
    return server.get(f"/api/models/{sha256}").json


def details(page: Page, name: str) -> Locator:
    page.get_by_role("gridcell", name=name).click()
    dialog = page.get_by_role("dialog", name=name)
    expect(dialog.get_by_text("SHA-256", exact=True)).to_be_visible()
    return dialog


@pytest.mark.parametrize("scheme", SCHEMES)
def test_all_that_is_noted_of_a_model_is_edited(
    browser: Browser, server: Server, legacy: Legacy, scheme: Scheme
) -> None:
    with opened(browser, server.url, scheme=scheme) as watched:
        page = watched.open("library")
        dialog = details(page, "first")
        dialog.get_by_role("button", name="Edit").click()
        expect(dialog.get_by_label("Name")).to_be_focused()
        dialog.get_by_label("Name").fill("<b>renamed</b>")
        dialog.get_by_label("Type").fill("embeddings")
        dialog.get_by_label("File").fill(str(legacy.models / "moved.safetensors"))
        dialog.get_by_role("button", name="Take off style").click()
        dialog.get_by_label("Tags", exact=True).last.fill("new, <i>other</i>")
        dialog.get_by_label("Notes").fill("line 1\nline 2")
        dialog.get_by_label("Links").fill("https://example.org/1")
        dialog.get_by_label("Prompt", exact=True).fill("sun")
        dialog.get_by_label("Negative prompt").fill("rain")
        audit(page)
        picture(page, "editor", scheme)
        page.set_viewport_size(PHONE)
        audit(page)
        picture(page, "editor", scheme)
        dialog.get_by_role("button", name="Save").click()
        expect(page.get_by_role("dialog").get_by_text("Saved.")).to_be_visible()
        shown = page.get_by_role("dialog", name="<b>renamed</b>")
        expect(shown.get_by_text("line 1")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("gridcell", name="<b>renamed</b>")).to_be_visible()
        expect(page.get_by_role("link", name="embeddings")).to_contain_text("1")
        expect(page.locator("main").locator("b, i")).to_have_count(0)
    found = record(server, ONE)
    assert (found["name"], found["type"]) == ("<b>renamed</b>", "embeddings")
    assert found["path"] == str(legacy.models / "moved.safetensors")
    assert [tag["name"] for tag in found["tags"]] == ["new", "<i>other</i>"]
    assert found["meta_json"] == {
        "description": "line 1\nline 2",
        "community_links": "https://example.org/1",
        "images_count": 2,
        "prompts": {"positive": "sun", "negative": "rain"},
    }


def test_an_edit_that_is_refused_says_why_and_loses_nothing(
    browser: Browser, server: Server
) -> None:
    with opened(browser, server.url) as watched:
        page = watched.open("library")
        dialog = details(page, "second")
        dialog.get_by_role("button", name="Edit").click()
        dialog.get_by_label("Notes").fill("kept while it is mended")
        dialog.get_by_label("File").fill("")
        dialog.get_by_role("button", name="Save").click()
        expect(dialog.get_by_role("alert")).to_contain_text("cannot be empty")
        expect(dialog.get_by_label("Notes")).to_have_value("kept while it is mended")
        dialog.get_by_role("button", name="Cancel").click()
        expect(dialog.get_by_text("kept while")).to_have_count(0)
        watched.complaints.clear()  # the browser notes the refusal
    assert record(server, TWO)["meta_json"]["description"] == ""


def test_a_model_that_waits_is_edited(browser: Browser, server: Server) -> None:
    with opened(browser, server.url) as watched:
        page = watched.open("pending")
        page.get_by_role("gridcell", name="third").focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="third")
        dialog.get_by_role("button", name="Edit").click()
        dialog.get_by_label("Name").fill("renamed")
        dialog.get_by_label("Prompt", exact=True).fill("sun")
        dialog.get_by_role("button", name="Take off drafts").click()
        page.keyboard.press("Enter")
        dialog.get_by_role("button", name="Save").click()
        expect(page.get_by_role("dialog", name="renamed").get_by_text("sun")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("gridcell", name="renamed")).to_be_visible()
    models = server.get("/api/migration/pending_models").json["models"]
    (found,) = (model for model in models if model["name"] == "renamed")
    assert found["tags"] == []


def test_pictures_are_added_and_one_is_removed_after_a_question(
    browser: Browser, server: Server
) -> None:
    with opened(browser, server.url) as watched:
        page = watched.open("library")
        dialog = details(page, "first")
        expect(dialog.get_by_role("button", name="Preview")).to_have_count(2)
        red, blue = payload("red.png", "red"), payload("blue.png", "blue")
        dialog.get_by_label("Pictures to add").set_input_files([red, blue])
        expect(dialog.get_by_text("2 pictures added.")).to_be_visible()
        expect(dialog.get_by_role("button", name="Preview")).to_have_count(4)
        dialog.get_by_role("button", name="Preview 2").click()
        dialog.get_by_role("button", name="Remove this picture").click()
        question = page.get_by_role("dialog", name="Remove preview 2?")
        question.get_by_role("button", name="Go back").click()
        expect(dialog.get_by_role("button", name="Preview")).to_have_count(4)
        dialog.get_by_role("button", name="Remove this picture").click()
        question.get_by_role("button", name="Remove it").click()
        expect(dialog.get_by_role("button", name="Preview")).to_have_count(3)
        # What moved up is seen where the removed one was, though its address is the same.
        dialog.get_by_role("button", name="Preview 2").click()
        large = dialog.get_by_role("img", name="Preview 2 of first")
        expect(large).to_have_js_property("complete", True)
        colour = """(image) => {
          const canvas = document.createElement("canvas");
          canvas.width = canvas.height = 1;
          const pen = canvas.getContext("2d");
          pen.drawImage(image, 0, 0, 1, 1);
          return [...pen.getImageData(0, 0, 1, 1).data];
        }"""
        red_part, green_part, blue_part, _ = large.evaluate(colour)
        assert red_part > 200
        assert max(green_part, blue_part) < 60
        broken: FilePayload = {"name": "x.png", "mimeType": "image/png", "buffer": b"no picture"}
        dialog.get_by_label("Pictures to add").set_input_files([broken])
        expect(dialog.get_by_role("alert")).to_contain_text("cannot be used")
        watched.complaints.clear()  # the browser notes the refusal
    assert record(server, ONE)["meta_json"]["images_count"] == 3


def test_new_files_are_found_and_wait(browser: Browser, server: Server, tmp_path: Path) -> None:
    (tmp_path / "new" / "elsewhere.safetensors").write_bytes(b"four")
    with opened(browser, server.url) as watched:
        page = watched.open("library")
        page.get_by_role("button", name="Scan for new files").click()
        dialog = page.get_by_role("dialog", name="Scan for new files")
        expect(dialog).to_contain_text(str(tmp_path / "new"))
        audit(page)
        dialog.get_by_role("button", name="Scan now").click()
        expect(dialog).to_contain_text("2 files looked at: 1 new, 1 moved.")
        dialog.get_by_role("button", name="Use the new path").click()
        expect(dialog.get_by_role("button", name="Use the new path")).to_have_count(0)
        dialog.get_by_role("link", name="Look through what waits").click()
        expect(dialog).to_have_count(0)
        expect(page.get_by_role("gridcell", name="fresh.safetensors")).to_be_visible()
    assert record(server, sha_of(b"four"))["path"] == str(
        tmp_path / "new" / "elsewhere.safetensors"
    )


def test_where_no_folders_were_named_a_scan_says_how(browser: Browser, tmp_path: Path) -> None:
    with (
        serving(tmp_path / "bare") as server,
        opened(browser, server.url) as watched,
    ):
        page = watched.open("pending")
        page.get_by_role("button", name="Scan for new files").click()
        dialog = page.get_by_role("dialog", name="Scan for new files")
        expect(dialog).to_contain_text("--root loras=")
        expect(dialog.get_by_role("button", name="Scan now")).to_have_count(0)


def test_each_problem_leads_to_its_model(browser: Browser, server: Server, legacy: Legacy) -> None:
    (legacy.models / "5.safetensors").unlink()
    models = server.get("/api/migration/pending_models").json["models"]
    (gone,) = (model["id"] for model in models if model["name"] == "gone")
    report = server.send("/api/migration/import_models", {"id": [gone]}).json
    assert len(report["failed"]) == 1
    with opened(browser, server.url) as watched:
        page = watched.open("problems")
        page.get_by_role("link", name=re.compile(r"4\.safetensors$")).click()
        dialog = page.get_by_role("dialog", name="lost")
        expect(dialog.get_by_text("SHA-256", exact=True)).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("heading", name="Library")).to_be_visible()
        expect(page).to_have_url(re.compile(r"#/library$"))
        page.go_back()
        failed = page.get_by_role("region").or_(page.get_by_role("article"))
        expect(failed.first).to_be_visible()
        page.get_by_role("link", name=re.compile(r"5\.safetensors$")).first.click()
        expect(page.get_by_role("dialog", name="gone")).to_be_visible()
        page.get_by_role("dialog").get_by_role("button", name="Close").click()
        expect(page.get_by_role("heading", name="Waiting for promotion")).to_be_visible()


def test_a_link_to_a_model_that_is_not_there_says_so(browser: Browser, server: Server) -> None:
    with opened(browser, server.url) as watched:
        page = watched.open(f"model/{'0' * 64}")
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("No active model")
        watched.complaints.clear()  # the browser notes the 404
