"""The route that mends a library, over a real socket."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.http.server import Server
from tests.waiting_library import query, sha_of

DROP = "INSERT INTO model_tags VALUES (?, 1)"
LINKS = "SELECT count(*) FROM model_tags WHERE model_hash = ?"
GONE = sha_of(b"gone")


@pytest.fixture
def library(server: Server, folder: Path) -> Path:
    """The library that is served, with a link of a model that is gone."""
    query(folder / "library", DROP, GONE)
    return folder / "library"


def codes(answer: object) -> tuple[list[str], list[str]]:
    assert isinstance(answer, dict)
    assert set(answer) == {"repaired", "left"}
    return [m["code"] for m in answer["repaired"]], [m["code"] for m in answer["left"]]


def test_a_repair_is_told_of_and_then_done(server: Server, library: Path) -> None:
    told = server.send("/api/library/repair", {"dry_run": True})
    assert told.status == 200
    assert "tag_link_dangling" in codes(told.json)[0]
    assert query(library, LINKS, GONE) == [(1,)]
    done = server.send("/api/library/repair", {})
    assert done.json == told.json
    assert query(library, LINKS, GONE) == [(0,)]
    assert codes(server.send("/api/library/repair").json)[0] == []


@pytest.mark.parametrize("body", [{"dry_run": "yes"}, {"dry_run": None}, []])
def test_what_is_no_choice_is_refused(server: Server, body: object) -> None:
    assert server.send("/api/library/repair", body).status == 400
