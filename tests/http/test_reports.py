"""Problems, reports, histories, promotions and conflicts over a real socket."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.http.server import Server, serving
from tests.waiting_library import Legacy, Row, picture, sha_of

MIGRATION = "/api/migration"
SAME, ALONE = sha_of(b"same"), sha_of(b"alone")
UNKNOWN = "0" * 64
FORMULAS = {
    **{sign: f"'{sign}" for sign in ("=1+1", "+1", "-1", "@SUM(A1)", "＝1")},
    "\t=1": "'\t'=1",
    "\r=1": "'\r'=1",
    "\n=1": "'\n'=1",
}
"""How a path begins, and how a table shows it."""
COLUMNS = [
    *("id", "source_id", "source_key", "path", "state", "sha256"),
    *("warnings", "error_code", "error"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def legacy(folder: Path) -> Legacy:
    """1 is active, 2 its copy waits, 3 waits for a file that is gone, 4 is active with two
    images that are none, 5 has no path, and the paths of 11 and up begin like formulas."""
    legacy = Legacy(
        folder / "legacy",
        [
            Row(1, b"same", hashed=True, images=(("one.png", picture(1)),)),
            Row(2, b"same"),
            Row(3, b"gone"),
            Row(4, b"alone", hashed=True, images=(("a.png", b"none"), ("b.png", b"none"))),
            Row(5, b"five"),
        ],
    )
    legacy.path(Row(3, b"gone")).unlink()
    with closing(sqlite3.connect(legacy.database)) as connection, connection:
        connection.execute("UPDATE models SET path = '' WHERE id = 5")
        connection.executemany(
            "INSERT INTO models (id, path) VALUES (?, ?)",
            enumerate((f'{formula},"é 鍵"' for formula in FORMULAS), start=11),
        )
    return legacy


@pytest.fixture(scope="module")
def server(folder: Path, legacy: Legacy) -> Iterator[Server]:
    """Run 1 carried the library across, run 2 promoted 2, 3 and an unknown id."""
    with serving(folder / "library", "--allow-path", folder) as running:
        body: Any = {"legacy_db_path": str(legacy.database)}
        assert running.send(f"{MIGRATION}/migrate_legacy_db", body).json["status"] == "failed"
        body = {"id": [2, 3, 99]}
        assert running.send(f"{MIGRATION}/import_models", body).status == 207
        yield running


def groups(server: Server, run_id: int) -> dict[tuple[str, str], Any]:
    answer = server.get(f"{MIGRATION}/problems?run_id={run_id}")
    assert answer.status == 200
    assert answer.json["run_id"] == run_id
    return {(group["kind"], group["code"]): group for group in answer.json["groups"]}


# GET /api/migration/problems


def test_problems_are_grouped_by_kind_and_code(server: Server) -> None:
    found = groups(server, 1)
    assert {key: group["count"] for key, group in found.items()} == {
        ("failure", "row_invalid"): 1,
        ("failure", "file_missing"): 1,
        ("warning", "image_unreadable"): 2,
    }
    assert [key[0] for key in found] == ["failure", "failure", "warning"]
    images = found["warning", "image_unreadable"]
    assert set(images) == {*("kind", "code", "title", "advice", "count", "retryable", "examples")}
    assert images["title"] == "An image cannot be read or decoded; the original file is untouched."
    assert [example["source_id"] for example in images["examples"]] == [4, 4]
    assert images["examples"][0]["path"].endswith("4.safetensors")
    assert images["examples"][0]["detail"].startswith("a.png: ")


def test_only_what_the_last_run_can_retry_is_retryable(server: Server) -> None:
    assert not any(group["retryable"] for group in groups(server, 1).values())
    last = groups(server, 2)
    assert {key: group["retryable"] for key, group in last.items()} == {
        ("failure", "file_missing"): True
    }
    assert server.get(f"{MIGRATION}/problems").json["run_id"] == 2


def test_problems_of_one_code_are_listed_page_by_page(server: Server) -> None:
    query = f"{MIGRATION}/problems/items?run_id=1&kind=warning&code=image_unreadable&limit=1"
    first = server.get(query).json
    second = server.get(f"{query}&after={first['next']}").json
    details = [item["detail"][:6] for page in (first, second) for item in page["items"]]
    assert details == ["a.png:", "b.png:"]
    last = server.get(f"{query}&after={second['next']}").json
    assert last == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("problems?run_id=x", 400),
        ("problems?run_id=99", 404),
        ("problems/items?code=x", 400),
        ("problems/items?kind=error&code=x", 400),
        ("problems/items?kind=failure", 400),
        ("problems/items?kind=failure&code=x&limit=0", 400),
        ("problems/items?kind=failure&code=x&run_id=99", 404),
        ("report?run_id=99", 404),
        ("report?format=xml", 400),
        ("promotion?run_id=1", 404),
        ("promotion?run_id=x", 400),
        ("conflicts?after=x", 400),
        ("items/99/history", 404),
        ("items/x/history", 400),
    ],
)
def test_a_wrong_question_is_told_so(server: Server, query: str, status: int) -> None:
    assert server.get(f"{MIGRATION}/{query}").refusal[0] == status


# GET /api/migration/report


def test_the_report_holds_every_item_as_the_list_does(server: Server) -> None:
    answer = server.get(f"{MIGRATION}/report?run_id=1")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    disposition = 'attachment; filename="reshelve-run-1.json"'
    assert answer.headers["content-disposition"] == disposition
    report = json.loads(answer.body)
    assert report["run"] == server.get(f"{MIGRATION}/status?run_id=1").json
    assert report["items"] == server.get(f"{MIGRATION}/items?run_id=1&limit=1000").json["items"]
    assert len(report["items"]) == 5 + len(FORMULAS)


def table(server: Server) -> list[dict[str, str]]:
    answer = server.get(f"{MIGRATION}/report?run_id=1&format=csv")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    disposition = 'attachment; filename="reshelve-run-1.csv"'
    assert answer.headers["content-disposition"] == disposition
    assert answer.body.startswith(b'\xef\xbb\xbf"id",')
    text = io.StringIO(answer.body.decode("utf-8-sig"), newline="")
    return list(csv.DictReader(text, strict=True))


def test_the_report_as_a_table_holds_every_item(server: Server) -> None:
    rows = table(server)
    assert list(rows[0]) == COLUMNS
    items = server.get(f"{MIGRATION}/items?run_id=1&limit=1000").json["items"]
    assert [int(row["id"]) for row in rows] == [item["id"] for item in items]
    assert [row["state"] for row in rows] == [item["state"] for item in items]
    assert [row["sha256"] for row in rows] == [item["sha256"] for item in items]
    broken = next(row for row in rows if row["source_id"] == "4")
    assert broken["warnings"].count("image_unreadable: ") == 2
    failed = next(row for row in rows if row["source_id"] == "5")
    assert failed["error_code"] == "row_invalid"
    assert failed["error"].startswith("Row 5 of models")


def test_a_table_holds_nothing_that_a_spreadsheet_would_run(server: Server) -> None:
    rows = table(server)
    assert not [cell for row in rows for cell in row.values() if cell.startswith(tuple(FORMULAS))]
    paths = [row["path"] for row in rows if row["path"].startswith("'")]
    assert paths == [f'{shown},"é 鍵"' for shown in FORMULAS.values()]


def test_lines_of_a_table_end_as_the_standard_says(server: Server) -> None:
    body = server.get(f"{MIGRATION}/report?format=csv").body
    assert body.endswith(b"\r\n")
    assert body.count(b"\r\n") == body.count(b"\n")


# Histories


def test_an_item_and_a_model_have_a_history(server: Server) -> None:
    of_item = server.get(f"{MIGRATION}/items/1/history")
    assert of_item.status == 200
    steps = of_item.json["history"]
    assert [(step["from_state"], step["to_state"]) for step in steps] == [
        (None, "pending"),
        ("pending", "imported"),
        ("imported", "images_done"),
        ("images_done", "promoted"),
    ]
    assert set(steps[0]) == {
        *("run_id", "item_id", "source_key", "source_id", "path", "from_state", "to_state", "at")
    }
    assert [step["at"] for step in steps] == sorted(step["at"] for step in steps)
    of_model = server.get(f"/api/models/{ALONE}/history").json["history"]
    assert {step["item_id"] for step in of_model} == {4}
    assert of_model[-1]["to_state"] == "promoted"


@pytest.mark.parametrize("sha256", [UNKNOWN, "x", ALONE.upper()])
def test_a_model_that_is_not_there_has_no_history(server: Server, sha256: str) -> None:
    answer = server.get(f"/api/models/{sha256}/history")
    assert answer.refusal[::2] == (404, "unknown_model")


# Promotions and conflicts, after a reload


def test_the_last_promotion_is_told_again(server: Server, legacy: Legacy) -> None:
    answer = server.get(f"{MIGRATION}/promotion")
    assert answer.status == 200
    told = answer.json
    assert told["total"] == 3
    assert [conflict["pending"]["id"] for conflict in told["conflict"]] == [2]
    assert {refusal["id"]: refusal["code"] for refusal in told["failed"]} == {
        3: "file_missing",
        99: "unknown_id",
    }
    assert server.get(f"{MIGRATION}/promotion?run_id=2").json == told


def test_conflicts_that_are_known_are_listed(server: Server, legacy: Legacy) -> None:
    told = server.get(f"{MIGRATION}/conflicts").json
    assert told == {
        "conflicts": [
            {
                "pending": {"id": 2, "path": str(legacy.models / "2.safetensors")},
                "existing": {"id": SAME, "path": str(legacy.models / "1.safetensors")},
            }
        ],
        "next": None,
    }
    assert server.get(f"{MIGRATION}/conflicts?limit=1").json["next"] == 2
    assert server.get(f"{MIGRATION}/conflicts?after=2").json["conflicts"] == []


# GET /api/library, and a library in which nothing happened yet


def test_the_library_tells_where_it_is_and_what_it_holds(server: Server, folder: Path) -> None:
    told = server.get("/api/library").json
    assert told["path"] == str(folder / "library")
    assert (told["models"], told["pending"]) == (2, 2 + len(FORMULAS))
    assert told["types"] == [{"type": "", "models": 2}]
    assert told["version"]


def test_a_library_without_runs_has_nothing_to_report(tmp_path: Path) -> None:
    with serving(tmp_path / "library") as server:
        assert server.get(f"{MIGRATION}/problems").json == {"run_id": None, "groups": []}
        query = f"{MIGRATION}/problems/items?kind=failure&code=file_missing"
        assert server.get(query).json == {"items": [], "next": None}
        assert server.get(f"{MIGRATION}/conflicts").json == {"conflicts": [], "next": None}
        for name in ("report", "promotion"):
            assert server.get(f"{MIGRATION}/{name}").refusal[::2] == (404, "no_run")


# GET /api/library/problems


def test_the_problems_of_all_runs_are_told_at_once(server: Server) -> None:
    told = server.get("/api/library/problems").json
    runs = [server.get(f"{MIGRATION}/problems?run_id={run_id}").json for run_id in (1, 2)]
    codes = {(group["kind"], group["code"]) for run in runs for group in run["groups"]}
    assert told["run_id"] is None
    assert {(group["kind"], group["code"]) for group in told["groups"]} == codes
    library = server.get("/api/library").json
    counted = {"failure": 0, "warning": 0}
    for group in told["groups"]:
        counted[group["kind"]] += group["count"]
        query = f"kind={group['kind']}&code={group['code']}&limit=1000"
        items = server.get(f"/api/library/problems/items?{query}").json["items"]
        assert len(items) == group["count"]
    assert counted == {"failure": library["failed"], "warning": library["warnings"]}


def test_a_problem_leads_to_its_model(server: Server) -> None:
    def items(kind: str, code: str) -> Any:
        query = f"kind={kind}&code={code}"
        return server.get(f"/api/library/problems/items?{query}").json["items"]

    (failed,) = items("failure", "file_missing")
    assert server.get(f"{MIGRATION}/pending_model?id={failed['pending_id']}").status == 200
    assert failed["sha256"] == ""
    for warned in items("warning", "image_unreadable"):
        assert (warned["pending_id"], warned["sha256"]) == (None, ALONE)


def test_conflicts_are_counted_with_the_library(server: Server) -> None:
    conflicts = server.get(f"{MIGRATION}/conflicts").json["conflicts"]
    assert server.get("/api/library").json["conflicts"] == len(conflicts) == 1
