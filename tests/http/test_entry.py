"""How a browser gets past a token: by an address or a form, and then by its cookie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from adapters.composition import PAGE
from tests import commands
from tests.http.server import Server, serving

TOKEN = "a long & secret+word=é 鍵"
BROWSER = {"Accept": "text/html,application/xhtml+xml"}
STATUS = "/api/migration/status"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("entry")
    (folder / "token").write_text(TOKEN + "\n", encoding="utf-8")
    with serving(folder / "library", "--token", folder / "token") as running:
        yield running


@pytest.mark.parametrize("written", [quote(TOKEN), quote_plus(TOKEN)])
def test_the_token_in_the_address_becomes_a_cookie(guarded: Server, written: str) -> None:
    answer = guarded.get(f"/?token={written}", BROWSER)
    assert (answer.status, answer.headers["location"], answer.body) == (303, "/", b"")
    cookie, *attributes = answer.headers["set-cookie"].split("; ")
    assert attributes == ["HttpOnly", "SameSite=Strict", "Path=/"]
    opened = guarded.get("/", {**BROWSER, "Cookie": cookie})
    assert (opened.status, opened.body) == (200, (PAGE / "index.html").read_bytes())
    assert guarded.get(STATUS, {"Cookie": cookie}).status == 200


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong", "?token=a&token=b", "?other=1"])
def test_a_browser_without_the_token_is_asked_for_it(guarded: Server, query: str) -> None:
    answer = guarded.get(f"/{query}", BROWSER)
    assert answer.status == 401
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert b'name="token"' in answer.body
    assert len(answer.body) == int(answer.headers["content-length"])
    assert "set-cookie" not in answer.headers
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; form-action")


def test_a_program_without_the_token_is_told_so_in_json(guarded: Server) -> None:
    assert guarded.get("/").refusal[::2] == (401, "token_required")
    assert guarded.get(STATUS, BROWSER).refusal[::2] == (401, "token_required")


def test_the_token_is_taken_in_the_address_of_the_first_page_alone(guarded: Server) -> None:
    assert guarded.get(f"{STATUS}?token={quote(TOKEN)}").status == 401
    assert guarded.get(f"/index.html?token={quote(TOKEN)}").status == 401


def test_the_right_token_does_not_help_a_page_of_another_site(guarded: Server) -> None:
    headers = {**BROWSER, "Sec-Fetch-Site": "cross-site"}
    answer = guarded.get(f"/?token={quote(TOKEN)}", headers)
    assert answer.refusal[::2] == (403, "cross_site")
    assert "set-cookie" not in answer.headers
    rebound = guarded.get(f"/?token={quote(TOKEN)}", {**BROWSER, "Host": "evil.example"})
    assert rebound.refusal[0] == 403


def test_the_token_in_the_address_is_in_no_log(guarded: Server) -> None:
    guarded.get(f"/?token={quote(TOKEN)}", BROWSER)
    assert not [line for line in guarded.lines if "secret" in line]


@pytest.mark.parametrize("token", ["a;b", "a\nb", "a\x00b"])
def test_a_token_that_no_cookie_can_carry_is_refused_at_the_start(
    tmp_path: Path, token: str
) -> None:
    (tmp_path / "token").write_text(token)
    options = ("--library", tmp_path / "library", "--port=0", "--token", tmp_path / "token")
    done = commands.run("serve", *options)
    assert done.returncode == 2
    assert b"cookie" in done.stderr
