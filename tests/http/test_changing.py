"""`GET /api/scan` changes the library: a page of another site cannot make a browser ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.server import Server, serving

FRIEND = "https://friend.example"
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101", "Accept": "*/*"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("changing") / "loras"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Server]:
    library = root.parent / "library"
    with serving(library, f"--root=loras={root}", "--allow-origin", FRIEND) as running:
        yield running


@pytest.mark.parametrize(
    "headers",
    [
        BROWSER,  # an old browser's, or one's that does not trust the address
        {**BROWSER, "Referer": "https://evil.example/"},
        {**BROWSER, "Referer": "http://127.0.0.1:{port}.evil.example/"},
        {**BROWSER, "Referer": "http://127.0.0.1:1/"},
        {**BROWSER, "Content-Type": "text/plain"},
        {**BROWSER, "Cookie": "a=b"},
        {**BROWSER, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {**BROWSER, "Sec-Fetch-Site": "same-site"},
        {**BROWSER, "Origin": "https://evil.example"},
        {**BROWSER, "Origin": "null"},
        {"User-Agent": "mozilla/5.0"},
    ],
)
def test_a_page_of_another_site_starts_no_scan(
    server: Server, root: Path, headers: dict[str, str]
) -> None:
    (root / "planted.safetensors").write_bytes(b"planted")
    filled = {name: value.format(port=server.port) for name, value in headers.items()}
    for address in ("/api/scan", "/api/scan/", "/api/scan?a=b"):
        assert server.get(address, filled).refusal[0] == 403
    assert server.get("/api/migration/pending_models").json == {"models": []}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"User-Agent": "curl/8.5.0", "Accept": "*/*"},
        {**BROWSER, "Sec-Fetch-Site": "same-origin"},
        {**BROWSER, "Sec-Fetch-Site": "none"},
        {**BROWSER, "Origin": "http://127.0.0.1:{port}"},
        {**BROWSER, "Origin": FRIEND, "Sec-Fetch-Site": "cross-site"},
        {**BROWSER, "Referer": "http://127.0.0.1:{port}/models"},
        {**BROWSER, "Content-Type": "application/json"},
        {**BROWSER, "Authorization": "Bearer any"},
    ],
)
def test_the_own_page_an_allowed_one_and_a_program_may_scan(
    server: Server, root: Path, headers: dict[str, str]
) -> None:
    (root / "planted.safetensors").unlink(missing_ok=True)
    filled = {name: value.format(port=server.port) for name, value in headers.items()}
    assert server.get("/api/scan", filled).status == 200
