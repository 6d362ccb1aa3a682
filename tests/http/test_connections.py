"""What a client may hold: so many connections, each so long, and every refusal of it in JSON."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from typing import Any

import anyio
import pytest
from anyio.from_thread import start_blocking_portal

from adapters.http.asgi import Message, Receive, Scope, Send
from adapters.http.connections import Limits
from adapters.http.server import listen, make_server
from tests.http.server import Answer, Client, answer_on, ask, read_answer

HEAD = 0.6
PATIENCE = 10
"""Seconds after which what should have happened has not."""

LARGE = bytes(1 << 25)

FIRST = b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n"


class Application:
    """Answers at once, or when it is told to; `left` are the paths whose clients went away."""

    def __init__(self) -> None:
        self.go_on = anyio.Event()
        self.asked: list[str] = []
        self.left: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        path = scope["path"]
        self.asked.append(path)
        if path == "/slow":
            await self.go_on.wait()
        elif path == "/body":
            while (await receive()).get("more_body"):
                pass
        elif path == "/defect":
            raise RuntimeError("spoiled")
        elif path == "/large":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": LARGE})
            return
        elif path == "/forever":
            await self._send_forever(send)
            return
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
        )
        await send({"type": "http.response.body", "body": b"ok"})

    async def _send_forever(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(10_000):
            # A connection that is lost takes what it is given.
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
        self.left.append("/forever")

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message: Message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


class Bench(Client):
    """A server of this process, and its application."""

    def __init__(self, port: int, application: Application) -> None:
        super().__init__(f"http://127.0.0.1:{port}/")
        self.application = application
        self.stop: Callable[[], object] = lambda: None

    def opened(self, stack: ExitStack, request: bytes = b"", source: str = "") -> socket.socket:
        """A connection on which a request was begun, closed with the stack."""
        address = (source, 0) if source else None
        made = socket.create_connection(("127.0.0.1", self.port), PATIENCE, address)
        stack.enter_context(made).sendall(request)
        return made

    def asked(self, source: str = "") -> Answer:
        """One request to the end, by an address of this machine."""
        address = (source, 0) if source else None
        connection = HTTPConnection("127.0.0.1", self.port, PATIENCE, address)
        try:
            connection.request("GET", "/quick")
            return read_answer(connection.getresponse())
        finally:
            connection.close()


@contextmanager
def bench(**limits: Any) -> Iterator[Bench]:
    listener = listen("127.0.0.1", 0)
    with start_blocking_portal("asyncio") as portal:
        application = portal.call(Application)
        server = make_server(application, Limits(**limits))
        running = Bench(listener.getsockname()[1], application)

        async def stop() -> None:
            application.go_on.set()
            server.should_exit = True

        running.stop = lambda: portal.call(stop)
        serving = portal.start_task_soon(lambda: server.serve(sockets=[listener]))
        try:
            yield running
        finally:
            portal.call(stop)
            serving.result(PATIENCE)


@pytest.fixture
def hurried() -> Iterator[Bench]:
    """A server that waits a moment for a head."""
    with bench(head_seconds=HEAD) as running:
        yield running


def until(reached: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < ends
        time.sleep(0.01)


def is_closed(connection: socket.socket) -> bool:
    """Whether the server closes a connection; what it says before is passed over."""
    with suppress(ConnectionError):
        while connection.recv(4096):
            pass
    return True


def dripped(connection: socket.socket, pieces: bytes) -> float:
    """How long the server listens to a byte now and then."""
    began = time.monotonic()
    connection.settimeout(HEAD / 6)
    for number in range(1000):
        assert time.monotonic() - began < PATIENCE
        try:
            connection.sendall(pieces[number % len(pieces) :][:1])
            if not connection.recv(4096):
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    return time.monotonic() - began


def first_answered(connection: socket.socket) -> None:
    connection.sendall(FIRST)
    received = b""
    while not received.endswith(b"ok"):
        received += connection.recv(4096)


# Deadlines


@pytest.mark.parametrize("requests", [0, 1, 3])
def test_a_head_that_drips_has_as_long_as_one_that_does_not_come(
    hurried: Bench, requests: int
) -> None:
    with ExitStack() as stack:
        connection = hurried.opened(stack)
        for _ in range(requests):
            first_answered(connection)
        assert dripped(connection, b"GET /quick HTTP/1.1\r\nA: " + b"b" * 1000) < 6 * HEAD


@pytest.mark.parametrize("requests", [0, 1])
def test_a_connection_on_which_nothing_comes_is_closed(hurried: Bench, requests: int) -> None:
    with ExitStack() as stack:
        connection = hurried.opened(stack)
        for _ in range(requests):
            first_answered(connection)
        assert is_closed(connection)


def test_a_body_that_drips_after_its_answer_keeps_no_connection(hurried: Bench) -> None:
    with ExitStack() as stack:
        connection = hurried.opened(
            stack, b"GET /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
        )
        until(lambda: hurried.application.asked == ["/quick"])
        assert dripped(connection, b"x" * 1000) < 6 * HEAD


def test_a_head_that_is_late_is_told_so(hurried: Bench) -> None:
    with hurried.open_socket() as connection:
        connection.sendall(b"GET /quick HT")
        answer = answer_on(connection)
    assert answer.refusal[::2] == (408, "request_too_slow")


def test_a_connection_that_is_used_stays_open(hurried: Bench) -> None:
    with ExitStack() as stack:
        connection = hurried.opened(stack)
        ends = time.monotonic() + 4 * HEAD
        while time.monotonic() < ends:
            first_answered(connection)
            time.sleep(HEAD / 6)


def test_an_answer_may_take_its_time(hurried: Bench) -> None:
    with hurried.open_socket() as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(3 * HEAD)
        hurried.stop()
        assert answer_on(connection).body == b"ok"


CHUNKED = b"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
CRUMB = b"1\r\n \r\n"


def test_a_body_in_crumbs_is_refused_before_all_of_it_was_taken(hurried: Bench) -> None:
    """Six megabytes of them kept everybody waiting for four seconds, those of four clients for
    twelve: taking a chunk of one byte costs as much as taking thousands of bytes."""
    answer = ask(hurried.open_socket(), CHUNKED + 2000 * CRUMB)
    assert answer.refusal[::2] == (400, "malformed_request")
    assert "chunks" in answer.refusal[1]


@pytest.mark.parametrize("size", [1, 200, 100_000])
def test_a_body_in_chunks_is_taken(hurried: Bench, size: int) -> None:
    number = {1: 900, 200: 5000, 100_000: 20}[size]
    chunk = b"%x\r\n%s\r\n" % (size, size * b" ")
    with hurried.open_socket() as connection:
        for _ in range(2):  # each body of a connection is one of its own
            connection.sendall(CHUNKED + number * chunk + b"0\r\n\r\n")
            received = b""
            while not received.endswith(b"ok"):
                received += connection.recv(4096)


def test_who_takes_nothing_of_an_answer_is_cut_off() -> None:
    with bench(write_seconds=0.5) as running, ExitStack() as stack:
        connection = running.opened(stack)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(b"GET /forever HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: running.application.left == ["/forever"])


def test_who_takes_a_large_answer_slowly_gets_all_of_it() -> None:
    with bench(write_seconds=2) as running, ExitStack() as stack:
        connection = running.opened(stack)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        began, taken = time.monotonic(), 0
        while part := connection.recv(1 << 16):
            taken += len(part)
            time.sleep(0.01)
        assert taken > len(LARGE)
        assert time.monotonic() - began > 3, "It was taken at once."


# Shares


def test_who_asks_gets_in_however_many_wait_without_asking() -> None:
    with bench(share=8, connections=64) as running, ExitStack() as stack:
        for _ in range(40):
            running.opened(stack, b"GET /quick HT")
            assert running.asked().status == 200


def test_the_one_that_has_waited_longest_makes_room() -> None:
    with bench(share=3) as running, ExitStack() as stack:
        oldest, second, third = (running.opened(stack) for _ in range(3))
        newest = running.opened(stack)
        assert is_closed(oldest)
        for connection in (second, third, newest):
            first_answered(connection)


def test_one_whose_body_does_not_come_makes_room_after_those_that_ask_nothing() -> None:
    body = b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nx"
    with bench(share=2) as running, ExitStack() as stack:
        asking = running.opened(stack, body)
        until(lambda: running.application.asked == ["/body"])
        silent = running.opened(stack)
        third = running.opened(stack, body)
        assert is_closed(silent)
        until(lambda: running.application.asked == ["/body"] * 2)
        fourth = running.opened(stack)
        assert is_closed(asking)
        first_answered(fourth)
        third.sendall(b"x")
        assert third.recv(4096).startswith(b"HTTP/1.1 200")


def test_answers_under_way_are_not_ended_for_others_who_read_why() -> None:
    slow = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
    with bench(share=3) as running, ExitStack() as stack:
        asking = [running.opened(stack, slow) for _ in range(3)]
        until(lambda: len(running.application.asked) == 3)
        for _ in range(5):
            refused = running.asked()
            assert refused.refusal[::2] == (503, "too_many_connections")
            assert refused.headers["retry-after"]
        running.stop()
        for connection in asking:
            assert answer_on(connection).body == b"ok"


def test_the_share_of_one_address_is_not_taken_from_another() -> None:
    slow = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
    with bench(share=3, connections=64) as running, ExitStack() as stack:
        for _ in range(3):
            running.opened(stack, slow, "127.0.0.2")
        until(lambda: len(running.application.asked) == 3)
        assert running.asked("127.0.0.2").status == 503
        assert running.asked("127.0.0.3").status == 200


def test_all_addresses_together_have_no_more_than_there_is() -> None:
    slow = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
    with bench(share=3, connections=9) as running, ExitStack() as stack:
        for number in range(9):
            running.opened(stack, slow, f"127.0.0.{2 + number // 3}")
        until(lambda: len(running.application.asked) == 9)
        assert running.asked("127.0.0.9").status == 503


def test_a_crowd_that_is_refused_holds_nothing() -> None:
    slow = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
    with bench(share=1, farewell_seconds=60) as running, ExitStack() as stack:
        running.opened(stack, slow)
        until(lambda: len(running.application.asked) == 1)
        refused = [running.opened(stack) for _ in range(300)]
        # They say nothing and do not go; most of them are cut off all the same.
        gone = [each for each in refused[100:] if is_closed(each)]
        assert len(gone) == 200


# What the server says by itself


MALFORMED = {
    "no request": b"no request at all\r\n\r\n",
    "no version": b"GET /quick\r\n\r\n",
    "two lengths": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "no host": b"GET /quick HTTP/1.1\r\n\r\n",
    "a line too long": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a field too long": b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 200_000 + b"\r\n\r\n",
    "a coding that nobody knows": b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: br\r\n\r\n",
    "bytes": bytes(range(256)) * 8,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "a chunk without a size": (
        b"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    ),
}


@pytest.mark.parametrize("request_", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_http_is_refused_in_json(hurried: Bench, request_: bytes) -> None:
    answer = ask(hurried.open_socket(), request_)
    assert answer.refusal[::2] == (400, "malformed_request")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["connection"] == "close"
    assert hurried.asked().status == 200


def test_a_defect_is_answered_in_json(hurried: Bench, caplog: pytest.LogCaptureFixture) -> None:
    answer = hurried.get("/defect")
    assert answer.refusal[::2] == (500, "internal_error")
    assert "spoiled" not in answer.body.decode()
    assert "spoiled" in caplog.text


def test_what_a_stopping_server_cannot_finish_is_answered_in_json() -> None:
    body = b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nx"
    with bench() as running, running.open_socket() as connection:
        connection.sendall(body)
        until(lambda: running.application.asked == ["/body"])
        answers: list[Answer] = []
        reading = threading.Thread(target=lambda: answers.append(answer_on(connection)))
        reading.start()
        running.stop()
        reading.join(PATIENCE)
        assert [answer.refusal[::2] for answer in answers] == [(503, "stopping")]


def test_an_offer_to_speak_another_protocol_is_passed_over(hurried: Bench) -> None:
    offer = (
        b"GET /quick HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert ask(hurried.open_socket(), offer).status == 200


def test_a_client_does_not_say_itself_who_it_is() -> None:
    with bench(share=2) as running, ExitStack() as stack:
        slow = b"GET /slow HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.0.0.%d\r\n\r\n"
        for number in range(2):
            running.opened(stack, slow % number)
        until(lambda: len(running.application.asked) == 2)
        connection = HTTPConnection("127.0.0.1", running.port, PATIENCE)
        connection.request("GET", "/quick", headers={"X-Forwarded-For": "10.0.0.9"})
        assert read_answer(connection.getresponse()).status == 503
        connection.close()
