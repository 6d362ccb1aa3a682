"""Who gets through the gate, with which bodies, and what everybody else is told."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import pytest

from adapters.http.asgi import Message, Receive, Scope, Send
from adapters.http.credentials import Credentials
from adapters.http.gate import Gate, Policy, credentials_of
from adapters.http.guesses import FREE

pytestmark = pytest.mark.anyio

HOST = b"127.0.0.1:8189"
OWN_ORIGIN = b"http://127.0.0.1:8189"
FRIEND = b"https://shelf.example"
TOKEN = "s3cret"
JSON = b"application/json"
FORM = b"multipart/form-data; boundary=x"

POLICY = Policy(
    hosts=frozenset({"127.0.0.1:8189", "localhost:8189", "[::1]:8189"}),
    origins=frozenset({FRIEND.decode()}),
    token=None,
    linger_seconds=0.05,
)
SMALL = msgspec.structs.replace(POLICY, json_bytes=10, upload_bytes=20)
HASTY = msgspec.structs.replace(POLICY, body_seconds=0.05)
LOCKED = msgspec.structs.replace(POLICY, token=TOKEN)

Fields = Sequence[tuple[bytes, bytes]]


class App:
    """An application that takes the whole body, and answers what it was told to."""

    def __init__(self, fields: Fields = ()) -> None:
        self.fields = fields
        self.calls = 0
        self.body: bytes | None = None
        self.taken = 0
        self.ended_early = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls += 1
        self.body = None
        body = b""
        try:
            async for part in parts(receive):
                body += part
                self.taken += len(part)
        except anyio.get_cancelled_exc_class():
            self.ended_early = True
            raise
        self.body = body
        await send({"type": "http.response.start", "status": 200, "headers": self.fields})
        await send({"type": "http.response.body", "body": b"passed"})


async def parts(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        assert message["type"] == "http.request"
        yield message["body"]
        more = message["more_body"]


class Client:
    """What is on the other end of a request: sends its messages, then waits for ever."""

    def __init__(self, *messages: Message, pause: float = 0) -> None:
        self._messages = iter(messages)
        self._pause = pause
        self.asked = 0

    async def receive(self) -> Message:
        self.asked += 1
        for message in self._messages:
            await anyio.sleep(self._pause)
            return message
        await anyio.sleep_forever()
        raise AssertionError


def sending(*chunks: bytes) -> Client:
    """A client that sends a body in these chunks, to its end."""
    last = len(chunks) - 1
    return Client(*(chunk(data, place < last) for place, data in enumerate(chunks)))


def chunk(data: bytes, more: bool = True) -> Message:
    return {"type": "http.request", "body": data, "more_body": more}


class Answer:
    """What was sent back."""

    def __init__(self, sent: list[Any]) -> None:
        self.sent = sent
        assert [message["type"] for message in sent] in (
            [],
            ["http.response.start"],
            ["http.response.start", "http.response.body"],
            ["http.response.start", "http.response.body", "http.response.body"],
        )
        assert [message.get("more_body", False) for message in sent[1:]] in (
            [],
            [False],
            [True, False],
        )

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])

    @property
    def code(self) -> str | None:
        """The error's code; None for what passed."""
        if self.body == b"passed":
            return None
        document = json.loads(self.body)
        assert document.keys() == {"error", "code"}
        return str(document["code"])

    def values(self, name: bytes) -> list[bytes]:
        return [value for field, value in self.sent[0]["headers"] if field == name]


async def ask(
    app: App,
    policy: Policy = POLICY,
    method: str = "GET",
    fields: Fields = (),
    *,
    host: bytes = HOST,
    client: Client | None = None,
    version: str = "1.1",
    credentials: Credentials | None = None,
) -> Answer:
    """One request through the gate; the client has said everything unless told otherwise."""
    everything = [(b"host", host), *fields]
    client = client or sending(b"")
    return await ask_exactly(app, policy, method, everything, client, version, credentials)


async def ask_exactly(
    app: App,
    policy: Policy,
    method: str,
    fields: Fields,
    client: Client,
    version: str = "1.1",
    credentials: Credentials | None = None,
) -> Answer:
    sent: list[Any] = []

    async def send(message: Message) -> None:
        await anyio.lowlevel.checkpoint()
        sent.append(message)

    scope = {"type": "http", "http_version": version, "method": method, "headers": fields}
    with anyio.fail_after(10):
        await Gate(app, policy, credentials)(scope, client.receive, send)
    return Answer(sent)


def length(body: bytes | int) -> tuple[bytes, bytes]:
    return b"content-length", b"%d" % (body if isinstance(body, int) else len(body))


CHUNKED = (b"transfer-encoding", b"chunked")


async def post(
    app: App,
    policy: Policy,
    media_type: bytes,
    *chunks: bytes,
    chunked: bool = False,
) -> Answer:
    framing = CHUNKED if chunked else length(b"".join(chunks))
    fields = [(b"content-type", media_type), framing]
    return await ask(app, policy, "POST", fields, client=sending(*chunks))


# Who may call, as one matrix against labels that were written by hand.

HOSTS = {
    b"127.0.0.1:8189": True,
    b"LocalHost:8189": True,
    b"[::1]:8189": True,
    b"rebound.example:8189": False,
    b"127.0.0.1:8190": False,
    b"127.0.0.1": False,
    b"localhost.:8189": False,
    b"[::1]": False,
}
ORIGINS = {
    None: "absent",
    OWN_ORIGIN: "own",
    b"http://localhost:8189": "own",
    FRIEND: "allowed",
    b"null": "foreign",
    b"http://127.0.0.1:8190": "foreign",
    b"https://127.0.0.1:8189": "foreign",
    b"https://shelf.example.evil": "foreign",
}
SITES = {
    None: True,
    b"none": True,
    b"same-origin": True,
    b"same-site": False,
    b"cross-site": False,
    b"": False,
}
MEDIA_TYPES = {
    None: False,
    b"application/json": True,
    b'Application/JSON; charset="UTF-8"': True,
    b"multipart/form-data; boundary=x": True,
    b"application/json; charset=utf-16": False,
    b"application/json, text/plain": False,
    b"text/plain; application/json": False,
    b"application/x-www-form-urlencoded": False,
    b"application/jsonx": False,
}
METHODS = {
    "GET": False,
    "HEAD": False,
    "OPTIONS": False,
    "POST": True,
    "PUT": True,
    "PATCH": True,
    "DELETE": True,
}


def verdict(host: bool, origin: str, site: bool, media_type: bool, takes_body: bool) -> str | None:
    if not host:
        return "host_not_allowed"
    if origin == "foreign":
        return "origin_not_allowed"
    if not site and origin != "allowed":
        return "cross_site"
    if takes_body and not media_type:
        return "unsupported_media_type"
    return None


STATUS = {
    None: 200,
    "host_not_allowed": 403,
    "origin_not_allowed": 403,
    "cross_site": 403,
    "unsupported_media_type": 415,
}


async def test_of_all_combinations_exactly_the_allowed_ones_pass() -> None:
    app = App()
    passed = 0
    for host, origin, site, media_type, method in itertools.product(
        HOSTS, ORIGINS, SITES, MEDIA_TYPES, METHODS
    ):
        fields = [
            (name, value)
            for name, value in (
                (b"origin", origin),
                (b"sec-fetch-site", site),
                (b"content-type", media_type),
                length(b"[1]"),
            )
            if value is not None
        ]
        answer = await ask(app, POLICY, method, fields, host=host, client=sending(b"[1]"))
        expected = verdict(
            HOSTS[host], ORIGINS[origin], SITES[site], MEDIA_TYPES[media_type], METHODS[method]
        )
        seen = (answer.code, answer.status)
        assert seen == (expected, STATUS[expected]), (host, origin, site, media_type, method)
        passed += expected is None
        assert app.calls == passed
        assert answer.values(b"access-control-allow-origin") == (
            [FRIEND] if ORIGINS[origin] == "allowed" else []
        )
    assert passed > 1000


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"localhost",
        b"localhost:",
        b"localhost:80",
        b"localhost:08189",
        b"localhost:8189, localhost:8189",
        b"localhost:8189.evil.example",
        b"localhost:8189@evil.example",
        b"me@localhost:8189",
        b"http://localhost:8189",
        b"127.0.0.1.:8189",
        b"127.1:8189",
        b"0.0.0.0:8189",
        b"::1:8189",
        b"[::1]:8189:8189",
        b"[::ffff:127.0.0.1]:8189",
        b"[0:0:0:0:0:0:0:1]:8189",
        b"l\xf6calhost:8189",
    ],
)
async def test_only_names_that_the_server_gave_itself_are_its_own(host: bytes) -> None:
    assert (await ask(App(), host=host)).code == "host_not_allowed"


async def test_a_request_without_a_host_is_refused() -> None:
    answer = await ask_exactly(App(), POLICY, "GET", [], sending(b""))
    assert answer.code == "host_not_allowed"


@pytest.mark.parametrize("host", [b"shelf.test", b"shelf.test:80", b"SHELF.test", b"[::1]"])
async def test_port_80_goes_without_saying(host: bytes) -> None:
    policy = Policy(hosts=frozenset({"Shelf.test:80", "[::1]:80"}), origins=frozenset(), token=None)
    origin = b"http://" + host.lower()
    assert (await ask(App(), policy, fields=[(b"origin", origin)], host=host)).code is None
    assert (await ask(App(), policy, host=b"shelf.test:8080")).code == "host_not_allowed"


@pytest.mark.parametrize(
    "origin",
    [b"", b"null", b"*", b"http://", b"127.0.0.1:8189", b"http://127.0.0.1:8189/", b"http://a b"],
)
async def test_an_origin_that_is_nobodys_name_is_refused(origin: bytes) -> None:
    answer = await ask(App(), fields=[(b"origin", origin)])
    assert answer.code == "origin_not_allowed"


@pytest.mark.parametrize("origin", ["null", "*"])
async def test_null_and_the_wildcard_cannot_even_be_allowed(origin: str) -> None:
    policy = msgspec.structs.replace(POLICY, origins=frozenset({origin}))
    answer = await ask(App(), policy, fields=[(b"origin", origin.encode())])
    assert answer.code == "origin_not_allowed"
    assert answer.values(b"access-control-allow-origin") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"host", HOST),
        (b"origin", OWN_ORIGIN),
        (b"sec-fetch-site", b"none"),
        (b"content-type", JSON),
        (b"content-length", b"2"),
        (b"authorization", b"Bearer x"),
    ],
)
async def test_a_header_that_decides_and_occurs_twice_is_a_bad_request(
    name: bytes, value: bytes
) -> None:
    app = App()
    once = [(b"host", HOST), (b"content-type", JSON), length(2)]
    fields = [*(field for field in once if field[0] != name), (name, value)]
    assert (await ask_exactly(app, POLICY, "POST", fields, sending(b"[]"))).code is None
    again = [*fields, (name.title(), value)]
    answer = await ask_exactly(app, POLICY, "POST", again, sending(b"[]"))
    assert (answer.status, answer.code) == (400, "bad_request")
    assert app.calls == 1


@pytest.mark.parametrize("value", [b"", b"-1", b"+2", b"2, 2", b"0x2", b"2.0", b"9" * 5000, b"1_0"])
async def test_a_length_that_is_no_number_is_a_bad_request(value: bytes) -> None:
    fields = [(b"content-type", JSON), (b"content-length", value)]
    assert (await ask(App(), POLICY, "POST", fields)).code == "bad_request"


async def test_a_body_with_two_framings_is_a_bad_request() -> None:
    fields = [(b"content-type", JSON), length(2), CHUNKED]
    answer = await ask(App(), POLICY, "POST", fields, client=sending(b"[]"))
    assert answer.code == "bad_request"


# The token.


@pytest.mark.parametrize(
    "fields",
    [
        [(b"authorization", b"Bearer s3cret")],
        [(b"authorization", b"bearer  s3cret ")],
    ],
)
async def test_the_token_opens_the_gate_as_header(fields: Fields) -> None:
    assert (await ask(App(), LOCKED, fields=fields)).code is None


@pytest.mark.parametrize(
    "fields",
    [
        [(b"cookie", b"%s")],
        [(b"cookie", b"theme=dark; %s; a=b")],
        [(b"cookie", b"theme=dark"), (b"cookie", b"%s")],
        [(b"cookie", b"reshelve_session=planted; %s")],
        [(b"authorization", b"Basic eDp5"), (b"cookie", b"%s")],
    ],
)
async def test_a_session_opens_the_gate_as_cookie(fields: Fields) -> None:
    credentials = credentials_of(LOCKED)
    assert credentials is not None
    begun = credentials.sessions.begin().partition(b";")[0]
    brought = [(name, value.replace(b"%s", begun)) for name, value in fields]
    assert (await ask(App(), LOCKED, fields=brought, credentials=credentials)).code is None


async def test_a_token_that_is_brought_is_judged_whatever_the_session() -> None:
    credentials = credentials_of(LOCKED)
    assert credentials is not None
    begun = (b"cookie", credentials.sessions.begin().partition(b";")[0])
    wrong = (b"authorization", b"Bearer wrong")
    answer = await ask(App(), LOCKED, fields=[wrong, begun], credentials=credentials)
    assert answer.code == "token_required"


async def test_after_some_wrong_tokens_none_is_looked_at_and_sessions_go_on() -> None:
    credentials = credentials_of(LOCKED)
    assert credentials is not None
    begun = (b"cookie", credentials.sessions.begin().partition(b";")[0])
    codes = []
    for given in (*[b"wrong"] * FREE, TOKEN.encode()):
        bearer = (b"authorization", b"Bearer " + given)
        answer = await ask(App(), LOCKED, fields=[bearer], credentials=credentials)
        codes.append(answer.code)
    assert codes == [*["token_required"] * FREE, "too_many_guesses"]
    assert (answer.status, answer.values(b"retry-after")) == (429, [b"1"])
    assert (await ask(App(), LOCKED, fields=[begun], credentials=credentials)).code is None


async def test_who_brings_no_token_makes_no_guess() -> None:
    credentials = credentials_of(LOCKED)
    assert credentials is not None
    stale = (b"cookie", b"reshelve_session=that of the last start")
    for _ in range(FREE + 1):
        assert (await ask(App(), LOCKED, fields=[stale], credentials=credentials)).status == 401
    bearer = (b"authorization", b"Bearer " + TOKEN.encode())
    assert (await ask(App(), LOCKED, fields=[bearer], credentials=credentials)).code is None


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [(b"authorization", b"s3cret")],
        [(b"authorization", b"Bearer")],
        [(b"authorization", b"Bearer ")],
        [(b"authorization", b"Bearer s3cre")],
        [(b"authorization", b"Bearer s3cretx")],
        [(b"authorization", b"Bearer S3CRET")],
        [(b"authorization", b"Bearer \xff")],
        [(b"authorization", b"Basic s3cret")],
        [(b"cookie", b"reshelve_session=")],
        [(b"cookie", b"reshelve_session")],
        [(b"cookie", b"reshelve_session=s3cret")],
        [(b"cookie", b"reshelve_token=s3cret; token=s3cret")],
        [(b"x-token", TOKEN.encode())],
    ],
)
async def test_without_the_right_token_the_gate_stays_shut(fields: Fields) -> None:
    app = App()
    for method in METHODS:
        answer = await ask(app, LOCKED, method, fields)
        assert (answer.status, answer.code) == (401, "token_required")
        assert answer.values(b"www-authenticate") == [b"Bearer"]
    assert app.calls == 0


async def test_a_token_does_not_excuse_a_foreign_page() -> None:
    bearer = (b"authorization", b"Bearer s3cret")
    answer = await ask(App(), LOCKED, fields=[bearer, (b"origin", b"https://evil.example")])
    assert answer.code == "origin_not_allowed"
    assert (await ask(App(), LOCKED, fields=[bearer], host=b"evil.example")).status == 403


def test_an_empty_token_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="empty token"):
        Policy(hosts=frozenset(), origins=frozenset(), token="")


# Sharing with other origins.

PREFLIGHT = [
    (b"access-control-request-method", b"PATCH"),
    (b"access-control-request-headers", b"content-type"),
    (b"sec-fetch-site", b"cross-site"),
]


@pytest.mark.parametrize("policy", [POLICY, LOCKED], ids=["open", "locked"])
async def test_an_allowed_origin_is_told_what_it_may_ask(policy: Policy) -> None:
    app = App()
    answer = await ask(app, policy, "OPTIONS", [(b"origin", FRIEND), *PREFLIGHT])
    assert (answer.status, answer.body, app.calls) == (204, b"", 0)
    assert answer.values(b"access-control-allow-origin") == [FRIEND]
    assert answer.values(b"access-control-allow-methods") == [b"GET, POST, PATCH, DELETE"]
    assert answer.values(b"access-control-allow-headers") == [b"content-type, authorization"]
    assert answer.values(b"access-control-max-age") == [b"600"]
    assert answer.values(b"vary") == [b"Origin"]
    assert answer.values(b"x-content-type-options") == [b"nosniff"]


@pytest.mark.parametrize("origin", [b"https://evil.example", b"null"])
async def test_another_origin_gets_no_answer_to_its_preflight(origin: bytes) -> None:
    answer = await ask(App(), POLICY, "OPTIONS", [(b"origin", origin), *PREFLIGHT])
    assert answer.code == "origin_not_allowed"
    assert not [name for name, _ in answer.sent[0]["headers"] if name.startswith(b"access-control")]


async def test_a_preflight_under_a_foreign_name_is_refused() -> None:
    fields = [(b"origin", FRIEND), *PREFLIGHT]
    answer = await ask(App(), POLICY, "OPTIONS", fields, host=b"evil.example:8189")
    assert answer.code == "host_not_allowed"


async def test_options_that_is_no_preflight_is_for_the_application() -> None:
    app = App()
    assert (await ask(app, POLICY, "OPTIONS", [(b"origin", FRIEND)])).code is None
    assert (await ask(app, POLICY, "OPTIONS", PREFLIGHT[:2])).code is None
    assert app.calls == 2


async def test_an_allowed_origin_may_read_answers_and_refusals() -> None:
    origin = (b"origin", FRIEND)
    for answer in (
        await ask(App(), fields=[origin, (b"sec-fetch-site", b"cross-site")]),
        await ask(App(), LOCKED, fields=[origin]),
    ):
        assert answer.values(b"access-control-allow-origin") == [FRIEND]
        assert answer.values(b"vary") == [b"Origin"]


async def test_the_server_itself_shares_with_nobody() -> None:
    wildcard = [(b"Access-Control-Allow-Origin", b"*")]
    alone = msgspec.structs.replace(POLICY, origins=frozenset())
    for policy, fields in (
        (POLICY, []),
        (POLICY, [(b"origin", OWN_ORIGIN)]),
        (alone, [(b"origin", OWN_ORIGIN)]),
    ):
        answer = await ask(App(wildcard), policy, fields=fields)
        assert answer.code is None
        assert not [n for n, _ in answer.sent[0]["headers"] if n.lower() == wildcard[0][0].lower()]
    assert (await ask(App(), alone)).values(b"vary") == []


async def test_an_application_that_would_share_with_all_shares_with_the_allowed_one() -> None:
    app = App([(b"access-control-allow-origin", b"*")])
    answer = await ask(app, fields=[(b"origin", FRIEND)])
    assert answer.values(b"access-control-allow-origin") == [FRIEND]


async def test_own_is_own_even_when_it_is_allowed_too() -> None:
    policy = msgspec.structs.replace(POLICY, origins=frozenset({OWN_ORIGIN.decode()}))
    fields = [(b"origin", OWN_ORIGIN), (b"sec-fetch-site", b"cross-site")]
    assert (await ask(App(), policy, fields=fields)).code == "cross_site"


async def test_every_answer_carries_the_protective_headers() -> None:
    for answer in (await ask(App()), await ask(App(), host=b"evil.example")):
        assert answer.values(b"x-content-type-options") == [b"nosniff"]
        assert answer.values(b"referrer-policy") == [b"same-origin"]
        assert answer.values(b"cross-origin-resource-policy") == [b"same-origin"]


async def test_what_the_application_says_about_itself_stands() -> None:
    answer = await ask(App([(b"Referrer-Policy", b"same-origin"), (b"etag", b"1")]))
    assert answer.values(b"Referrer-Policy") == [b"same-origin"]
    assert answer.values(b"referrer-policy") == []
    assert answer.values(b"etag") == [b"1"]
    assert answer.values(b"x-content-type-options") == [b"nosniff"]


# Bodies: what they are declared as.


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("fields", [[], [length(0)], [(b"content-type", b"text/plain")]])
async def test_what_has_no_body_needs_no_type(method: str, fields: Fields) -> None:
    app = App()
    assert (await ask(app, POLICY, method, fields)).code is None
    assert app.body == b""


async def test_a_chunked_body_needs_a_type() -> None:
    answer = await ask(App(), POLICY, "POST", [CHUNKED], client=sending(b"[", b"]"))
    assert answer.code == "unsupported_media_type"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "post", "PROPFIND"])
async def test_other_methods_have_no_body_whatever_is_sent(method: str) -> None:
    app = App()
    fields = [(b"content-type", b"text/plain"), length(10**9)]
    answer = await ask(app, POLICY, method, fields, client=sending(b"smuggled"))
    assert answer.code is None
    assert app.body == b""


async def test_over_http_2_a_body_without_a_length_is_read_if_it_has_a_type() -> None:
    app = App()
    fields = [(b"content-type", JSON)]
    client = sending(b"[1", b"]")
    assert (await ask(app, POLICY, "POST", fields, client=client, version="2")).code is None
    assert app.body == b"[1]"


async def test_over_http_2_a_body_without_a_length_and_a_type_is_dropped() -> None:
    app = App()
    client = sending(b"smuggled")
    assert (await ask(app, POLICY, "POST", client=client, version="2")).code is None
    assert app.body == b""


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("media_type", [JSON, FORM])
async def test_a_body_reaches_the_application_as_it_was_sent(
    media_type: bytes, chunked: bool
) -> None:
    app = App()
    chunks = (b'{"a": ', b"", b"[1, 2]", b"}")
    assert (await post(app, POLICY, media_type, *chunks, chunked=chunked)).code is None
    assert app.body == b"".join(chunks)


@pytest.mark.parametrize("body", [b"[1]", b""], ids=["body", "no body"])
@pytest.mark.parametrize("media_type", [JSON, FORM])
async def test_after_the_body_the_application_learns_only_that_the_client_left(
    media_type: bytes, body: bytes
) -> None:
    seen = []

    class Listener(App):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            seen.extend([await receive(), await receive()])
            await super().__call__(scope, Client(chunk(b"", more=False)).receive, send)

    client = Client(chunk(body, more=False), chunk(b"late"), {"type": "http.disconnect"})
    fields = [(b"content-type", media_type), length(body)]
    assert (await ask(Listener(), POLICY, "POST", fields, client=client)).code is None
    assert seen == [chunk(body, more=False), {"type": "http.disconnect"}]


# Bodies: how large, how slow.


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize(("media_type", "most"), [(JSON, 10), (FORM, 20)])
async def test_a_body_may_be_as_large_as_the_bound_and_not_a_byte_larger(
    media_type: bytes, most: int, chunked: bool
) -> None:
    app = App()
    whole = b"7" * most
    fitting = await post(app, SMALL, media_type, whole[:3], whole[3:], chunked=chunked)
    assert (fitting.code, app.body) == (None, whole)
    larger = App()
    answer = await post(larger, SMALL, media_type, whole, b"7", chunked=chunked)
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert (larger.body, larger.taken) == (None, most if chunked and media_type == FORM else 0)
    assert larger.ended_early == (chunked and media_type == FORM)


@pytest.mark.parametrize("media_type", [JSON, FORM])
async def test_a_body_larger_than_it_says_is_still_bounded(media_type: bytes) -> None:
    client = Client(*(chunk(b"7") for _ in range(100)))
    fields = [(b"content-type", media_type), length(3)]
    policy = msgspec.structs.replace(SMALL, linger_bytes=10)
    answer = await ask(App(), policy, "POST", fields, client=client)
    assert answer.code == "body_too_large"
    assert client.asked <= 21 + 10


@pytest.mark.parametrize("media_type", [JSON, FORM])
@pytest.mark.parametrize("sent", [[], [chunk(b"[")]], ids=["silent", "stalled"])
async def test_a_body_that_does_not_arrive_is_given_up(
    media_type: bytes, sent: list[Message]
) -> None:
    app = App()
    fields = [(b"content-type", media_type), length(2)]
    answer = await ask(app, HASTY, "POST", fields, client=Client(*sent))
    assert (answer.status, answer.code) == (408, "body_too_slow")
    assert app.body is None
    assert app.ended_early == (media_type == FORM)


@pytest.mark.parametrize("media_type", [JSON, FORM])
async def test_a_trickle_does_not_extend_the_time(media_type: bytes) -> None:
    client = Client(*(chunk(b"7") for _ in range(1000)), pause=0.01)
    fields = [(b"content-type", media_type), length(1000)]
    answer = await ask(App(), HASTY, "POST", fields, client=client)
    assert answer.code == "body_too_slow"
    assert client.asked < 100


async def test_the_time_that_the_application_takes_is_not_the_clients() -> None:
    class Busy(App):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            async def slowly() -> Message:
                await anyio.sleep(2 * HASTY.body_seconds)
                return await receive()

            await super().__call__(scope, slowly, send)

    app = Busy()
    assert (await post(app, HASTY, FORM, b"a", b"b", b"c")).code is None
    assert app.body == b"abc"


async def test_an_upload_refused_after_the_answer_began_is_cut_off() -> None:
    class Hasty(App):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await super().__call__(scope, receive, send)

    app = Hasty()
    answer = await post(app, SMALL, FORM, b"7" * 20, b"7", chunked=True)
    assert [message["type"] for message in answer.sent] == ["http.response.start"]
    assert app.ended_early


async def test_what_the_application_clears_up_is_cleared_up_when_its_body_is_refused() -> None:
    cleared = False

    class Careful(App):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal cleared
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(super().__call__, scope, receive, send)
                    await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    # Whoever asks on all the same is told that there is nobody.
                    assert (await receive())["type"] == "http.disconnect"
                    cleared = True

    answer = await post(Careful(), SMALL, FORM, b"7" * 20, b"7", chunked=True)
    assert (answer.code, cleared) == ("body_too_large", True)


async def test_a_client_that_leaves_while_its_json_arrives_is_not_answered() -> None:
    app = App()
    client = Client(chunk(b"["), {"type": "http.disconnect"})
    answer = await ask(app, POLICY, "POST", [(b"content-type", JSON), length(2)], client=client)
    assert (answer.sent, app.calls) == ([], 0)


async def test_an_application_learns_that_the_client_left_during_its_upload() -> None:
    seen = []

    async def listen(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend([await receive(), await receive(), await receive()])

    left = {"type": "http.disconnect"}
    client = Client(chunk(b"a"), left, left)
    scope = {
        "type": "http",
        "method": "POST",
        "headers": [(b"host", HOST), (b"content-type", FORM), length(9)],
    }
    with anyio.fail_after(5):
        await Gate(listen, POLICY)(scope, client.receive, unwanted)
    assert seen == [chunk(b"a"), left, left]


async def unwanted(message: Message) -> None:
    raise AssertionError(message)


@pytest.mark.parametrize("media_type", [JSON, FORM])
async def test_a_cancelled_request_ends_without_an_answer(media_type: bytes) -> None:
    scope = {
        "type": "http",
        "method": "POST",
        "headers": [(b"host", HOST), (b"content-type", media_type), length(9)],
    }
    with anyio.move_on_after(0.05) as waiting:
        await Gate(App(), POLICY)(scope, Client().receive, unwanted)
    assert waiting.cancelled_caught


# Bodies: answered before they have arrived.


class Line(Client):
    """A client on whose line it is seen what went which way, in order."""

    def __init__(self, *messages: Message) -> None:
        super().__init__(*messages)
        self.seen: list[str] = []

    async def receive(self) -> Message:
        message = await super().receive()
        self.seen.append("received")
        return message

    async def send(self, message: Message) -> None:
        await anyio.lowlevel.checkpoint()
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        self.seen.append("end" if last else "sent")


async def order(app: App, policy: Policy, fields: Fields, line: Line) -> list[str]:
    """What went which way while a body was posted."""
    scope = {"type": "http", "method": "POST", "headers": [(b"host", HOST), *fields]}
    with anyio.fail_after(10):
        await Gate(app, policy)(scope, line.receive, line.send)
    return line.seen


@pytest.mark.parametrize(
    "fields",
    [
        [(b"content-type", JSON), length(11)],
        [(b"content-type", FORM), length(21)],
        [(b"content-type", b"text/plain"), length(5)],
        [(b"content-type", JSON), length(5), (b"origin", b"null")],
        [(b"content-type", JSON), CHUNKED, (b"sec-fetch-site", b"cross-site")],
    ],
)
async def test_a_refusal_is_told_at_once_and_ends_when_the_body_has(fields: Fields) -> None:
    line = Line(chunk(b"7"), chunk(b"7"), chunk(b"7", more=False), chunk(b"of another request"))
    seen = await order(App(), SMALL, fields, line)
    assert seen == ["sent", "sent", "received", "received", "received", "end"]


async def test_what_is_found_wrong_midway_is_told_before_the_rest_is_taken() -> None:
    line = Line(chunk(b"7" * 10), chunk(b"7"), chunk(b"7"), chunk(b"", more=False))
    seen = await order(App(), SMALL, [(b"content-type", JSON), CHUNKED], line)
    assert seen == ["received", "received", "sent", "sent", "received", "received", "end"]


async def test_an_application_that_answers_without_the_body_is_heard_too() -> None:
    class Brisk(App):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b"no", "more_body": True})
            await send({"type": "http.response.body", "body": b"thing"})

    line = Line(chunk(b"7"), chunk(b"7", more=False))
    seen = await order(Brisk(), SMALL, [(b"content-type", FORM), length(2)], line)
    assert seen == ["sent", "sent", "sent", "received", "received", "end"]


async def test_only_so_many_bytes_are_taken_after_a_refusal() -> None:
    policy = msgspec.structs.replace(SMALL, linger_bytes=5, linger_seconds=60)
    line = Line(*(chunk(b"7") for _ in range(1000)))
    seen = await order(App(), policy, [(b"content-type", JSON), length(1000)], line)
    assert seen == ["sent", "sent", *["received"] * 5, "end"]


async def test_only_so_long_is_a_refused_client_listened_to() -> None:
    line = Line(chunk(b"7"))
    seen = await order(App(), SMALL, [(b"content-type", JSON), length(1000)], line)
    assert seen == ["sent", "sent", "received", "end"]


async def test_a_refused_client_that_leaves_is_not_waited_for() -> None:
    policy = msgspec.structs.replace(SMALL, linger_seconds=60)
    line = Line(chunk(b"7"), {"type": "http.disconnect"})
    seen = await order(App(), policy, [(b"content-type", JSON), length(1000)], line)
    assert seen == ["sent", "sent", "received", "received", "end"]


@pytest.mark.parametrize(("version", "told"), [("1.1", [b"close"]), ("2", [])])
async def test_that_the_connection_will_close_is_told_where_it_can_be(
    version: str, told: list[bytes]
) -> None:
    fields = [(b"content-type", JSON), length(11)]
    refused = await ask(App(), SMALL, "POST", fields, version=version)
    assert (refused.code, refused.values(b"connection")) == ("body_too_large", told)


async def test_a_connection_whose_body_was_read_stays_open() -> None:
    assert (await post(App(), SMALL, JSON, b"[" * 9)).values(b"connection") == []
    assert (await ask(App(), SMALL, "POST", host=b"evil.example")).values(b"connection") == []


# Bodies: how deep.


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
async def test_100_000_brackets_are_refused_before_they_are_decoded(opening: bytes) -> None:
    app = App()
    answer = await post(app, POLICY, JSON, opening * 100_000)
    assert (answer.status, app.calls) == (400, 0)
    assert json.loads(answer.body) == {"error": "Invalid JSON body", "code": "invalid_json"}


async def test_json_may_be_nested_as_deep_as_the_bound_and_no_deeper() -> None:
    assert (await post(App(), POLICY, JSON, b"[" * 64 + b"]" * 64)).code is None
    assert (await post(App(), POLICY, JSON, b"[" * 65 + b"]" * 65)).code == "invalid_json"
    assert (await post(App(), POLICY, JSON, b"[]" * 100_000)).code is None


async def test_brackets_inside_strings_nest_nothing() -> None:
    text = json.dumps({"a": "[" * 1000, "{" * 1000: ['\\"[[[' * 100, "\\"]}).encode()
    app = App()
    assert (await post(app, POLICY, JSON, text)).code is None
    assert app.body == text


async def test_an_upload_is_not_looked_into() -> None:
    assert (await post(App(), POLICY, FORM, b"[" * 100_000)).code is None


PATTERNS = [b'"', b"\\", b'\\"', b'"\\', b"[]", b'[""]', b'"[\\"', b'"["', b'["]"]', b'{"a":[1]},']


@pytest.mark.parametrize("pattern", PATTERNS)
async def test_the_largest_body_of_any_pattern_leaves_others_their_turns(pattern: bytes) -> None:
    body = (pattern * POLICY.json_bytes)[: POLICY.json_bytes]
    turns: list[float] = []

    async def take_turns() -> None:
        while True:
            began = time.thread_time()
            await anyio.lowlevel.checkpoint()
            turns.append(time.thread_time() - began)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take_turns)
        await anyio.lowlevel.checkpoint()
        assert (await post(App(), POLICY, JSON, body)).status in (200, 400)
        tasks.cancel_scope.cancel()
    # Seconds of the processor's time between two turns; a whole one takes up to a fifth.
    assert max(turns) < 0.01


# What is not HTTP.


async def test_a_web_socket_is_closed_before_it_opens() -> None:
    sent: list[Any] = []

    async def send(message: Message) -> None:
        sent.append(message)

    app = App()
    await Gate(app, POLICY)({"type": "websocket", "headers": []}, Client().receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]
    assert app.calls == 0


async def test_the_lifespan_is_the_applications() -> None:
    seen: list[Iterable[object]] = []

    async def app(*arguments: object) -> None:
        seen.append(arguments)

    scope, client = {"type": "lifespan"}, Client()
    receive = client.receive
    await Gate(app, POLICY)(scope, receive, unwanted)
    assert seen == [(scope, receive, unwanted)]


async def test_another_protocol_is_an_error() -> None:
    with pytest.raises(ValueError, match="telegram"):
        await Gate(App(), POLICY)({"type": "telegram"}, Client().receive, unwanted)


async def test_an_error_of_the_application_passes_through() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise LookupError("broken")

    scope = {"type": "http", "method": "GET", "headers": [(b"host", HOST)]}
    with pytest.raises(LookupError, match="broken"):
        await Gate(broken, POLICY)(scope, Client().receive, unwanted)
