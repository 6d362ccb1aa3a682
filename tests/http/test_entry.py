"""How a browser gets past a token: by an address or a form, and then by its cookie."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode

import pytest

from adapters.composition import PAGE
from adapters.http.guesses import FREE
from tests import commands
from tests.http.server import Answer, Client, Server, serving

TOKEN = "a long & secret+word=é 鍵"
BROWSER = {"Accept": "text/html,application/xhtml+xml"}
FORM = "application/x-www-form-urlencoded"
numbers = itertools.count(1)
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
    assert attributes == ["Max-Age=604800", "HttpOnly", "SameSite=Lax", "Path=/"]
    assert answer.headers["cache-control"] == "no-store"
    opened = guarded.get("/", {**BROWSER, "Cookie": cookie})
    assert (opened.status, opened.body) == (200, (PAGE / "index.html").read_bytes())
    assert guarded.get(STATUS, {"Cookie": cookie}).status == 200


@pytest.fixture
def stranger(guarded: Server) -> Client:
    """A client of another address than that of any other test, where guesses are counted."""
    client = Client(guarded.url)
    client.address = f"127.0.1.{next(numbers)}"
    return client


def submitted(
    server: Client, body: bytes, kind: str = FORM, headers: Mapping[str, str] | None = None
) -> Answer:
    return server.call("POST", "/", body, {**BROWSER, "Content-Type": kind, **(headers or {})})


def cookie_of(answer: Answer) -> str:
    return answer.headers["set-cookie"].partition(";")[0]


def test_the_token_in_the_form_becomes_a_cookie(guarded: Server) -> None:
    body = urlencode({"token": TOKEN}).encode()
    answer = submitted(guarded, body, headers={"Origin": guarded.url.rstrip("/")})
    assert (answer.status, answer.headers["location"], answer.body) == (303, "/", b"")
    assert guarded.get(STATUS, {"Cookie": cookie_of(answer)}).status == 200


def test_the_form_sends_the_token_in_its_body(guarded: Server) -> None:
    assert b'method="post" action="/"' in guarded.get("/", BROWSER).body


def test_the_cookie_holds_no_token_and_is_named_for_the_port(guarded: Server) -> None:
    answers = [guarded.get(f"/?token={quote(TOKEN)}", BROWSER) for _ in range(2)]
    names, values = zip(*(cookie_of(answer).split("=", 1) for answer in answers), strict=True)
    assert names == (f"reshelve_session_{guarded.port}",) * 2
    assert len(set(values)) == 2
    assert [len(value) for value in values] == [43] * 2


def test_a_session_ends_with_the_server(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    sessions: list[str] = []
    for _ in range(2):
        with serving(tmp_path / "library", "--token", tmp_path / "token") as server:
            name = f"reshelve_session_{server.port}"
            for value in sessions:
                assert server.get(STATUS, {"Cookie": f"{name}={value}"}).status == 401
            begun = cookie_of(server.get(f"/?token={quote(TOKEN)}", BROWSER))
            assert server.get(STATUS, {"Cookie": begun}).status == 200
            sessions.append(begun.partition("=")[2])


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", FORM, 401),
        (b"token=wrong", FORM, 401),
        (b"token=" + b"a" * 16_000, FORM, 401),
        (b"token=" + b"a" * 17_000, FORM, 413),
        (b"token=", FORM, 401),
        (b"other=1", FORM, 401),
        (b"token=%ff%00", f"{FORM}; charset=utf-8", 401),
        (b'{"token": "wrong"}', "application/json", 401),
        (b"token=wrong", "text/plain", 401),
    ],
)
def test_a_form_without_the_right_token_lets_nobody_in(
    stranger: Client, body: bytes, kind: str, status: int
) -> None:
    answer = submitted(stranger, body, kind)
    assert answer.status == status
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example"},
    ],
)
def test_a_form_of_another_page_lets_nobody_in(guarded: Server, headers: dict[str, str]) -> None:
    answer = submitted(guarded, urlencode({"token": TOKEN}).encode(), headers=headers)
    assert answer.status == 403
    assert "set-cookie" not in answer.headers


def test_who_guesses_waits_and_is_told_of_with_his_address(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    with serving(tmp_path / "library", "--token", tmp_path / "token") as server:
        begun = {"Cookie": cookie_of(server.get(f"/?token={quote(TOKEN)}", BROWSER))}
        answers = [server.get("/?token=wrong", BROWSER) for _ in range(FREE + 1)]
        assert [answer.status for answer in answers] == [*[401] * FREE, 429]
        assert b"<form" in answers[-1].body
        assert int(answers[-1].headers["retry-after"]) >= 1
        right = {"Authorization": "Bearer " + TOKEN.encode().decode("latin-1")}
        assert server.get(STATUS, right).refusal[::2] == (429, "too_many_guesses")
        assert server.get(STATUS, begun).status == 200
    told = [line for line in server.lines if line.startswith("A wrong token came from")]
    assert len(told) == FREE
    assert all("127.0.0.1" in line for line in told)


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong", "?token=a&token=b", "?other=1"])
def test_a_browser_without_the_token_is_asked_for_it(stranger: Client, query: str) -> None:
    answer = stranger.get(f"/{query}", BROWSER)
    assert answer.status == 401
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert b'name="token"' in answer.body
    assert len(answer.body) == int(answer.headers["content-length"])
    assert "set-cookie" not in answer.headers
    assert answer.headers["referrer-policy"] == "same-origin"
    policy = answer.headers["content-security-policy"].split("; ")
    assert policy[0] == "default-src 'none'"
    assert {"form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(policy)


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
