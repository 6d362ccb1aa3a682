"""`reshelve serve` as a process of its own, and a client that speaks plain HTTP to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple

from tests import commands

START_SECONDS = 60
ANSWER_SECONDS = 60
END_SECONDS = 20
ENDED = {"completed", "completed_with_failures", "failed", "cancelled", "interrupted"}


class Answer(NamedTuple):
    """What a server answered; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def refusal(self) -> tuple[int, str, str]:
        """The status, the sentence and the word of an error, which has nothing else."""
        told = self.json
        assert set(told) == {"error", "code"}, told
        return self.status, told["error"], told["code"]


class Event(NamedTuple):
    """One server-sent event."""

    id: int
    name: str
    data: Any


class Client:
    """Requests that tests send to a server, each over a connection of its own."""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self.address = ""
        """The address of this machine that it comes from; any where it is empty."""

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.url.rstrip("/").rsplit(":", 1)[1])

    def connect(self, timeout: float = ANSWER_SECONDS) -> HTTPConnection:
        """A connection; the caller closes it."""
        source = (self.address, 0) if self.address else None
        return HTTPConnection("127.0.0.1", self.port, timeout, source)

    def open_socket(self, timeout: float = ANSWER_SECONDS) -> socket.socket:
        """A bare connection; the caller closes it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = ANSWER_SECONDS,
    ) -> Answer:
        """One request over a connection of its own."""
        connection = self.connect(timeout)
        try:
            connection.request(method, path, body, dict(headers or {}))
            return read_answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """GET."""
        return self.call("GET", path, headers=headers)

    def delete(self, path: str) -> Answer:
        """DELETE."""
        return self.call("DELETE", path)

    def send(self, path: str, body: Any = None, method: str = "POST") -> Answer:
        """A JSON body; None is none at all, bytes go as they are."""
        if body is None:
            return self.call(method, path)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.call(method, path, data, {"Content-Type": "application/json"})

    def upload(self, fields: Mapping[str, str], image: bytes | None) -> Answer:
        """A multipart form with an image and other fields."""
        parts = [
            f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        if image is not None:
            parts.append(
                b'--edge\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n'
                b"Content-Type: image/png\r\n\r\n" + image + b"\r\n"
            )
        body = b"".join([*parts, b"--edge--\r\n"])
        kind = {"Content-Type": "multipart/form-data; boundary=edge"}
        return self.call("POST", "/api/images/upload", body, kind)

    def status(self) -> Any:
        """The status of the last run."""
        answer = self.get("/api/migration/status")
        assert answer.status == 200, answer
        return answer.json

    def wait_for(self, reached: Callable[[Any], bool], seconds: float = ANSWER_SECONDS) -> Any:
        """Poll the status until a fact holds of it; returns that status."""
        ends = time.monotonic() + seconds
        while not reached(status := self.status()):
            assert time.monotonic() < ends, status
            time.sleep(0.01)
        return status

    def wait_for_end(self) -> Any:
        """Poll the status until the run has ended, in whichever way."""
        return self.wait_for(lambda status: status["run"]["status"] in ENDED)


class Server(Client):
    """A server that runs as a process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__()
        self.process = process
        self.lines: list[str] = []
        self._listening = threading.Event()
        self._drain = threading.Thread(target=self._read, daemon=True)
        self._drain.start()

    def wait_for_url(self) -> None:
        """Wait until it has said where it listens."""
        assert self._listening.wait(START_SECONDS), self.lines
        assert self.url, self.lines

    def kill(self) -> None:
        """As a power cut would."""
        os.kill(self.process.pid, signal.SIGKILL)
        self._gone()

    def stop(self) -> int:
        """Ask it to end, by signal; returns its exit code. One that hangs is killed."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)
        return self._gone()

    def _gone(self) -> int:
        try:
            code = self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise
        finally:
            self._drain.join(END_SECONDS)
            for pipe in (self.process.stdout, self.process.stderr):
                if pipe is not None:
                    pipe.close()
        return code

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            text = line.decode(errors="replace").rstrip()
            self.lines.append(text)
            if not self.url and text.startswith("reshelve serves "):
                self.url = text.rsplit(" ", 1)[1]
                self._listening.set()
        self._listening.set()


def launch(library: Path, *options: str | Path) -> Server:
    """Start a server on a free port; its home and working folder lie beside the library."""
    home = library.parent / "home"
    home.mkdir(parents=True, exist_ok=True)
    command = ("serve", "--library", library, "--port", "0", *options)
    environment = {**os.environ, "HOME": str(home), "USERPROFILE": str(home)}
    server = Server(commands.start(*command, cwd=home, env=environment))
    try:
        server.wait_for_url()
    except BaseException:
        server.stop()
        raise
    return server


@contextmanager
def serving(library: Path, *options: str | Path) -> Iterator[Server]:
    """A server for the length of a block."""
    server = launch(library, *options)
    try:
        yield server
    finally:
        server.stop()


def read_answer(response: HTTPResponse) -> Answer:
    """An answer, read whole."""
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


def ask(connection: socket.socket, request: bytes) -> Answer:
    """The answer to a request written byte by byte; closes the connection."""
    with connection:
        # A server that refuses the head does not read on.
        with suppress(ConnectionError):
            connection.sendall(request)
        return answer_on(connection)


def answer_on(connection: socket.socket) -> Answer:
    """The answer that arrives on a connection."""
    response = HTTPResponse(connection)
    try:
        response.begin()
        return read_answer(response)
    finally:
        response.close()


def blocks(response: HTTPResponse) -> Iterator[list[str]]:
    """The blocks of an event stream, as lines; ends with the stream."""
    block: list[str] = []
    while line := response.readline():
        text = line.decode().rstrip("\r\n")
        if text:
            block.append(text)
        elif block:
            yield block
            block = []


def events(response: HTTPResponse) -> Iterator[Event]:
    """The events of a stream; comments are left out."""
    for block in blocks(response):
        fields = dict(line.split(": ", 1) for line in block if not line.startswith(":"))
        if fields:
            yield Event(int(fields["id"]), fields["event"], json.loads(fields["data"]))


@contextmanager
def event_stream(server: Client, last: int | None = None) -> Iterator[HTTPResponse]:
    """An open event stream."""
    connection = server.connect()
    try:
        headers = {} if last is None else {"Last-Event-ID": str(last)}
        connection.request("GET", "/api/migration/events", headers=headers)
        response = connection.getresponse()
        assert response.status == 200
        assert response.getheader("Content-Type", "").startswith("text/event-stream")
        try:
            yield response
        finally:
            response.close()
    finally:
        connection.close()


def adds_up(status: Any) -> bool:
    """Whether the total is the sum of the five states."""
    counts = dict(status["counts"])
    total: int = counts.pop("total")
    return total == sum(counts.values()) and set(counts) == {
        *("pending", "imported", "images_done", "promoted", "failed")
    }
