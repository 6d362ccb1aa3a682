"""The page of our own and a client's folder, as files that a browser may run, keep and show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.composition import PAGE
from tests.http.server import Server, serving

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
FILES = sorted(path for path in PAGE.rglob("*") if path.is_file())


def test_the_page_is_shown_at_the_root(server: Server) -> None:
    answer = server.get("/")
    assert (answer.status, answer.body) == (200, (PAGE / "index.html").read_bytes())
    assert answer.headers["content-type"] == KINDS[".html"]
    assert answer.headers["content-security-policy"] == POLICY


@pytest.mark.parametrize("prefix", ["/", "/api/page/"])
@pytest.mark.parametrize("file", FILES, ids=lambda path: path.relative_to(PAGE).as_posix())
def test_every_file_of_the_page_is_served_as_what_it_is(
    server: Server, prefix: str, file: Path
) -> None:
    answer = server.get(prefix + file.relative_to(PAGE).as_posix() + "?v=1")
    assert (answer.status, answer.body) == (200, file.read_bytes())
    assert answer.headers["content-type"] == KINDS[file.suffix]
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_file_that_a_browser_has_is_not_sent_again(server: Server) -> None:
    first = server.get("/index.html")
    again = server.get("/", {"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert again.headers["content-security-policy"] == POLICY
    other = server.get("/", {"If-None-Match": '"another"'})
    assert (other.status, other.body) == (200, first.body)
    assert first.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("prefix", ["/", "/api/page/"])
@pytest.mark.parametrize(
    "name",
    [
        *("gone.js", "index.html/x", "..%2f__init__.py", "%2e%2e/composition.py"),
        *("../composition.py", "style", "a%00b", "%5c..%5ccomposition.py"),
    ],
)
def test_what_is_no_file_of_the_page_is_not_found(server: Server, prefix: str, name: str) -> None:
    assert server.get(prefix + name).refusal[0] == 404


@pytest.mark.parametrize("path", ["/nosuch", "/library", "/index.html/x", "/style/gone.css"])
def test_a_browser_is_shown_where_an_address_that_leads_nowhere_could_lead(
    server: Server, path: str
) -> None:
    answer = server.get(path, {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.status == 404
    assert answer.headers["content-type"] == KINDS[".html"]
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.body == (PAGE / "missing.html").read_bytes()


def test_a_route_that_is_not_there_is_told_of_in_json_also_to_a_browser(server: Server) -> None:
    answer = server.get("/api/nosuch", {"Accept": "text/html"})
    assert answer.refusal[::2] == (404, "not_found")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a client's folder, in which a link leads out."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "dist").mkdir()
    (folder / "dist" / "index.html").write_text("<title>the client</title>")
    (folder / "dist" / "main.js").write_text("export const one = 1")
    (folder / "secret.txt").write_text("a secret")
    (folder / "dist" / "leak.txt").symlink_to(folder / "secret.txt")
    with serving(folder / "library", "--frontend", folder / "dist") as running:
        yield running


def test_a_client_has_the_root_to_itself(client: Server) -> None:
    assert client.get("/").body == b"<title>the client</title>"
    script = client.get("/main.js")
    assert script.headers["content-type"] == KINDS[".js"]
    assert "content-security-policy" not in script.headers


def test_a_link_out_of_a_client_leads_nowhere(client: Server) -> None:
    assert client.get("/leak.txt").body == b"<title>the client</title>"


def test_the_schema_is_shown_by_a_page_also_beside_a_client(client: Server, server: Server) -> None:
    for running in (client, server):
        led = running.get("/api/schema")
        assert (led.status, led.headers["location"]) == (303, "/api/page/schema.html")
        assert running.get("/api/schema/openapi.json").json["openapi"]
        assert running.get("/api/page/index.html").headers["content-security-policy"] == POLICY
