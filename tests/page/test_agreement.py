"""Every number of the page is that of the routes and of the command line: before, during and after
a migration and a promotion."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests import commands
from tests.faults.holding import held
from tests.http.libraries import noise
from tests.http.server import Server, serving
from tests.page.browser import SECONDS, opened
from tests.waiting_library import Legacy, Row, picture

LONG = 60 * SECONDS
STATES = ("promoted", "images_done", "imported", "pending", "failed")
VIEWS = ("Pending", "Problems", "Library")


@pytest.fixture
def legacy(tmp_path: Path) -> Legacy:
    """Hashed rows with large images, of which one is missing and two have one content; and rows
    that wait, of which one is a copy of an active model and one has no file."""
    hashed = [
        Row(
            *(key, f"content {min(key, 11)}".encode()),
            hashed=True,
            type=("loras", "vae", "")[key % 3],
            images=((f"{key}.jpg", noise(key)), (f"{key} b.jpg", noise(key + 50))),
        )
        for key in range(1, 13)
    ]
    waiting = [
        Row(key, f"waits {key}".encode(), images=((f"{key}.png", picture(key)),))
        for key in range(21, 28)
    ]
    legacy = Legacy(tmp_path / "legacy", [*hashed, *waiting, Row(30, b"content 1")])
    (legacy.images / "3.jpg").unlink()
    (legacy.models / "27.safetensors").unlink()
    return legacy


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def server(tmp_path: Path, library: Path) -> Iterator[Server]:
    with serving(library, "--allow-path", tmp_path, "--workers", "1") as running:
        yield running


@contextmanager
def standing_still(server: Server, library: Path) -> Iterator[None]:
    """A run goes on and cannot: another program has the database, which all can read."""
    with held(library / "hikaze_model_manager.db"):
        server.wait_for(lambda status: status["waiting_for_database"])
        assert server.status()["run"]["status"] == "running"
        yield


def told(server: Server, library: Path) -> dict[str, int]:
    """The numbers of the library by the routes, which agree, and by the command line."""
    held = server.get("/api/library").json
    problems: Counter[str] = Counter()
    for group in server.get("/api/library/problems").json["groups"]:
        problems[group["kind"]] += group["count"]
    waiting = server.get("/api/migration/pending_models").json["models"]
    conflicts = server.get("/api/migration/conflicts?limit=1000").json["conflicts"]
    assert server.get("/api/library/models").json["total"] == held["models"]
    assert sum(kind["models"] for kind in held["types"]) == held["models"]
    assert len(waiting) == held["pending"]
    assert len(conflicts) == sum(model["conflict"] for model in waiting) == held["conflicts"]
    assert (problems["failure"], problems["warning"]) == (held["failed"], held["warnings"])
    asked = commands.document("pending", "--library", library)["models"]
    assert [model["id"] for model in asked] == [model["id"] for model in waiting]
    run = server.status()["run"]
    runs = [server.get(f"/api/migration/status?run_id={id}").json for id in range(1, run["id"] + 1)]
    assert sum(each["warnings"] for each in runs) == held["warnings"]
    number = "{models} models, {pending} waits?{conflicts}; {failed} failed, {warnings} warnings?"
    spoken = {**held, "conflicts": f", {held['conflicts']} in conflict" if conflicts else ""}
    said = commands.run("status", "--library", library).stdout.decode()
    assert re.search(f"^The library now {number.format(**spoken)}, of all runs$", said, re.M), said
    return {
        "Library": held["models"],
        "Pending": held["pending"],
        "Problems": held["failed"] + held["warnings"],
        "conflicts": held["conflicts"],
        "failed": held["failed"],
        "warnings": held["warnings"],
    }


def run_told(server: Server, library: Path) -> Any:
    """The numbers of the last run by the routes, the command line and its items."""
    status = server.status()
    asked = commands.document("status", "--library", library)
    for part in ("counts", "warnings", "images", "work", "expected", "share"):
        assert asked[part] == status[part], part
    counts = status["counts"]
    assert sum(counts[state] for state in STATES) == counts["total"]
    items = commands.document("items", "--library", library)["items"]
    assert Counter(item["state"] for item in items) == Counter(
        {state: counts[state] for state in STATES if counts[state]}
    )
    return status


def tab(page: Page, name: str) -> Locator:
    link = page.get_by_role("navigation", name="Views").get_by_role("link", name=name)
    return link.locator(".badge [aria-hidden]")


def shows(place: Locator, number: int) -> None:
    """The number stands there; none where nothing is."""
    if number:
        expect(place).to_have_text(f"{number:,}")
    else:
        expect(place).to_have_count(0)


def agrees(page: Page, server: Server, library: Path) -> None:
    """Each view shows the numbers of the routes, and so does the rail beside it."""
    known = told(server, library)
    for view in ("progress", "pending", "pending/conflicts", "problems", "library"):
        page.goto(f"{server.url}#/{view}")
        for name in VIEWS:
            shows(tab(page, name), known[name])
        {
            "progress": lambda: progress_agrees(page, server, library, known),
            "pending": lambda: pending_agrees(page, known),
            "pending/conflicts": lambda: pending_agrees(page, known),
            "problems": lambda: problems_agree(page, known),
            "library": lambda: library_agrees(page, server, known),
        }[view]()
    assert told(server, library) == known, "It changed while it was looked at."


def progress_agrees(page: Page, server: Server, library: Path, known: dict[str, int]) -> None:
    status = run_told(server, library)
    counts, images = status["counts"], status["images"]
    now = page.get_by_role("region", name="The library now").locator("a")
    expect(now.locator("strong")).to_have_text(
        [f"{known[name]:,}" for name in ("Library", "Pending", "Problems")]
    )
    if known["conflicts"]:
        expect(now.nth(1)).to_contain_text(f"{known['conflicts']} in conflict")
    if known["Problems"]:
        expect(now.nth(2)).to_contain_text(f"{known['failed']} failed, {known['warnings']} warning")
    page.get_by_text("The five states").click()
    for state in STATES:
        expect(page.locator(f"[data-state={state}]")).to_have_text(str(counts[state]))
    expect(page.get_by_label("Total", exact=True)).to_have_text(str(counts["total"]))
    whole = page.get_by_role("progressbar", name="All of it")
    expect(whole).to_have_attribute("aria-valuenow", str(int(100 * status["share"])))
    carried = f"{images['done']} of {images['total']} image" if images["total"] else "no images"
    expect(page.locator(".stage-row").nth(2)).to_contain_text(carried)
    settled = counts["total"] - status["work"]
    rows = f"{counts['total']} rows read" if status["run"]["kind"] == "legacy" else f"{settled} of"
    expect(page.locator(".stage-row").first).to_contain_text(rows)
    if status["run"]["status"] == "running":
        expect(tab(page, "Progress")).to_have_text(f"{int(100 * status['share'])}%")


def pending_agrees(page: Page, known: dict[str, int]) -> None:
    subtabs = page.get_by_role("navigation", name="Pending models").get_by_role("link")
    expect(subtabs).to_have_text([f"Waiting {known['Pending']}", f"Conflicts {known['conflicts']}"])
    if page.url.endswith("conflicts"):
        expect(page.locator(".conflict")).to_have_count(known["conflicts"])
    elif known["Pending"]:
        expect(page.locator(".found")).to_have_text(re.compile(rf"^{known['Pending']} models?$"))


def problems_agree(page: Page, known: dict[str, int]) -> None:
    sections = {"Failed": known["failed"], "Warnings": known["warnings"]}
    for title, number in sections.items():
        heading = page.get_by_role("heading", level=2, name=title)
        shows(heading.locator(".badge"), number)
    counts = page.locator(".problem-count strong")
    expect(counts.first if known["Problems"] else page.locator(".empty")).to_be_visible()
    assert sum(int(text) for text in counts.all_inner_texts()) == known["Problems"]


def library_agrees(page: Page, server: Server, known: dict[str, int]) -> None:
    if not known["Library"]:
        expect(page.get_by_role("heading", name="The shelves are empty")).to_be_visible()
        return
    expect(page.locator(".found")).to_have_text(re.compile(rf"^{known['Library']} models?$"))
    kinds = server.get("/api/library").json["types"]
    types = page.get_by_role("navigation", name="Types").locator(".badge")
    expect(types).to_have_text([str(n) for n in (known["Library"], *(k["models"] for k in kinds))])


def test_before_anything_has_run_all_say_so(
    browser: Browser, server: Server, library: Path
) -> None:
    with opened(browser, server.url) as watched:
        page = watched.open()
        expect(page.get_by_role("heading", name="Bring your models along")).to_be_visible()
        for name in VIEWS:
            expect(tab(page, name)).to_have_count(0)
        page.goto(f"{server.url}#/library")
        expect(page.get_by_role("heading", name="The shelves are empty")).to_be_visible()
        page.goto(f"{server.url}#/pending")
        expect(page.get_by_role("heading", name="Nothing waits")).to_be_visible()
    held = server.get("/api/library").json
    names = ("models", "pending", "conflicts", "failed", "warnings")
    assert [held[name] for name in names] == [0] * 5
    assert server.status()["run"] is None
    assert commands.run("status", "--library", library).stdout.startswith(b"No run yet.")
    assert commands.document("pending", "--library", library)["models"] == []


def test_all_agree_during_and_after_a_migration_and_a_promotion(
    browser: Browser, server: Server, library: Path, legacy: Legacy
) -> None:
    with opened(browser, server.url) as watched:
        page = watched.open()
        body = {"legacy_db_path": str(legacy.database)}
        assert server.send("/api/migration/start", body).status == 202
        server.wait_for(lambda status: status["source_read"] and status["images"]["done"] >= 2)
        with standing_still(server, library):
            assert server.status()["work"] > 0
            agrees(page, server, library)
        assert server.wait_for_end()["run"]["status"] == "completed"
        agrees(page, server, library)
        ids = [model["id"] for model in server.get("/api/migration/pending_models").json["models"]]
        with (legacy.models / "26.safetensors").open("r+b") as file:
            file.truncate(3 << 30)
        page.goto(f"{server.url}#/pending")
        page.get_by_label("Select all").check()
        page.get_by_role("button", name=f"Promote {len(ids)}").click()
        server.wait_for(lambda status: status["run"]["kind"] == "promotion")
        with standing_still(server, library):
            agrees(page, server, library)
        ended = server.wait_for_end()
        assert ended["run"]["status"] == "completed_with_failures"
        agrees(page, server, library)
        page.goto(f"{server.url}#/progress")
        result = page.get_by_role("region", name="Result")
        report = server.get("/api/migration/promotion").json
        sizes = {name: len(report[name]) for name in ("success", "conflict", "failed")}
        assert sizes == {"success": 6, "conflict": 1, "failed": 1}
        expect(result).to_contain_text("6 of 8 models are active")
        expect(result).to_contain_text("1 in conflict")
        expect(result).to_contain_text("1 failed")
    said = commands.run("status", "--library", library).stdout.decode()
    for name, size in {**sizes, "total": report["total"]}.items():
        assert re.search(rf"^  {name} +{size}  ", said, re.MULTILINE), (name, said)


def test_a_view_that_stays_open_agrees_while_a_run_goes_on(
    browser: Browser, server: Server, library: Path, legacy: Legacy
) -> None:
    with ExitStack() as stack:
        views = ("library", "pending", "problems")
        pages = [stack.enter_context(opened(browser, server.url)).open(view) for view in views]
        for page in pages:
            expect(page.locator(".empty")).to_be_visible()
        body = {"legacy_db_path": str(legacy.database)}
        assert server.send("/api/migration/start", body).status == 202
        server.wait_for(lambda status: status["source_read"] and status["images"]["done"] >= 8)
        with standing_still(server, library):
            known = told(server, library)
            assert min(known[name] for name in VIEWS) > 0
            library_agrees(pages[0], server, known)
            pending_agrees(pages[1], known)
            problems_agree(pages[2], known)
            assert server.status()["run"]["status"] == "running"
