"""A port that is taken: by whom, where that can be told, and what to type instead."""

from __future__ import annotations

import json
import shlex
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.http.server import serving


@contextmanager
def program(answers: dict[str, Any]) -> Iterator[int]:
    """The port of another program, and what it answers by its paths."""

    class Program(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answers.get(self.path)).encode()
            self.send_response(200 if self.path in answers else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Program)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def refused(library: Path, port: int, *options: str) -> str:
    """What `serve` says on a port that is taken."""
    done = commands.run("serve", "--library", library, "--port", str(port), *options)
    assert done.returncode == 2
    assert not (library / ".reshelve.lock").exists() or options
    said = done.stderr.decode()
    assert said.startswith(f"Cannot listen on 127.0.0.1:{port}: ")
    return said


def another_port(said: str) -> int:
    """The port of the command that is suggested."""
    words = shlex.split(said.splitlines()[-1])
    assert (words[0], words[1], words[-2]) == ("reshelve", "serve", "--port")
    return int(words[-1])


@pytest.mark.parametrize(
    ("answers", "name"),
    [
        ({"/api/models/get_types": {"types": ["loras"]}}, "Version 2 of Hikaze Model Manager"),
        ({"/system_stats": {"system": {"comfyui_version": "0.3"}}}, "ComfyUI listens there."),
        (
            {"/api/library": {"path": "\x1b[2J", "version": "1", "pending": 0}},
            "Another program listens there.",
        ),
        ({"/api/library": {"path": 5}, "/system_stats": []}, "Another program listens there."),
        ({}, "Another program listens there."),
    ],
)
def test_who_listens_is_told_where_it_says_so(
    tmp_path: Path, answers: dict[str, Any], name: str
) -> None:
    with program(answers) as port:
        said = refused(tmp_path / "library", port)
        assert said.splitlines()[1].startswith(name)
        assert another_port(said) != port


def test_another_library_that_is_served_there_is_named(tmp_path: Path) -> None:
    with serving(tmp_path / "one") as server:
        said = refused(tmp_path / "two", server.port)
        assert f"listens there, with {tmp_path / 'one'}." in said
        with closing(socket.create_server(("127.0.0.1", another_port(said)))):
            pass


def test_a_library_that_is_served_there_already_is_led_to(tmp_path: Path) -> None:
    with serving(tmp_path / "library") as server:
        said = refused(tmp_path / "library", server.port, "--quiet")
        assert said.splitlines()[1:] == [
            f"This library is served there already: http://127.0.0.1:{server.port}/"
        ]


def test_a_reshelve_that_asks_for_a_token_is_known(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret", encoding="utf-8")
    with serving(tmp_path / "one", "--token", tmp_path / "token") as server:
        said = refused(tmp_path / "two", server.port)
        assert "A reshelve that asks for a token listens there." in said


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_who_does_not_answer_is_not_waited_for_long(tmp_path: Path, backend: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        began = time.monotonic()
        said = refused(tmp_path / "library", silent.getsockname()[1], f"--backend={backend}")
        assert "Another program listens there." in said
        assert time.monotonic() - began < 20
