"""Who may call, and with what body: checked before a framework sees a request.

A server on 127.0.0.1 is within reach of every web page that its user opens. Three things tell a
page from the user: Host names the server the browser meant (DNS rebinding), Origin and
Sec-Fetch-Site name the page that asks, and a body that is declared as JSON makes a browser ask
first. Bodies are bounded in bytes, in seconds and in depth, so that no request costs more than
its answer. Pure ASGI 3: https://asgi.readthedocs.io/en/stable/specs/www.html
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import anyio
import anyio.lowlevel
import msgspec

# Frameworks and servers type scopes and messages in ways of their own; Any takes all of them.
Scope = Mapping[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Any], Awaitable[None]]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]
Fields = list[tuple[bytes, bytes]]

COOKIE = b"reshelve_token"

_SINGLE = b"host origin sec-fetch-site authorization content-length content-type".split()
"""Fields that decide something here: two of one kind could be read in two ways."""

_NEVER_ORIGINS = {b"null", b"*"}
"""What sandboxed frames and local files send, which is nobody's name; and a wildcard."""

_METHODS_WITH_BODY = {"POST", "PUT", "PATCH", "DELETE"}
_JSON, _MULTIPART = b"application/json", b"multipart/form-data"

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, POST, PATCH, DELETE"),
    (b"access-control-allow-headers", b"content-type, authorization"),
    (b"access-control-max-age", b"600"),
]

_PORT = re.compile(rb":[0-9]+\Z")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_STRING = re.compile(rb'"[^"]*"?')
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class Policy(msgspec.Struct, frozen=True):
    """Who may call and how much they may send. Bounds are in bytes, levels and seconds."""

    hosts: frozenset[str]
    """The server's own Host values with their port, such as `127.0.0.1:8189`, `[::1]:8189`."""
    origins: frozenset[str]
    """Other origins that may call, as browsers send them: `https://example.org`, no slash."""
    token: str | None
    """What every request must bring, as a bearer token or a cookie; None: nothing."""
    json_bytes: int = 1_048_576
    upload_bytes: int = 67_108_864
    depth: int = 64
    """How deep JSON may be nested; `[]` is 1."""
    body_seconds: float = 30
    """How long the server waits for a body in all; the time the application takes is its own."""

    def __post_init__(self) -> None:
        if self.token == "":
            raise ValueError("An empty token would let everybody in.")


class Refusal(msgspec.Struct, frozen=True):
    """Why a request goes no further."""

    status: int
    code: str
    error: str
    fields: tuple[tuple[bytes, bytes], ...] = ()


AMBIGUOUS = Refusal(400, "bad_request", "A header occurs twice or cannot be understood.")
HOST = Refusal(403, "host_not_allowed", "Use the address that the server printed on its start.")
ORIGIN = Refusal(403, "origin_not_allowed", "Pages of this origin need --allow-origin to call.")
CROSS_SITE = Refusal(403, "cross_site", "Pages of other sites may not call.")
TOKEN = Refusal(
    401,
    "token_required",
    "The token is missing or wrong. Send it as `Authorization: Bearer <token>`.",
    ((b"www-authenticate", b"Bearer"),),
)
MEDIA_TYPE = Refusal(
    415,
    "unsupported_media_type",
    "A body must be declared as application/json in UTF-8 or as multipart/form-data.",
)
DEEP = Refusal(400, "invalid_json", "Invalid JSON body")


class Gate:
    """Lets the requests that `policy` allows through to `app`, and answers the others."""

    def __init__(self, app: ASGIApp, policy: Policy) -> None:
        self._app = app
        self._policy = policy
        self._hosts = {_with_port(host.lower().encode()) for host in policy.hosts}
        self._origins = {origin.lower().encode() for origin in policy.origins} - _NEVER_ORIGINS
        self._token = None if policy.token is None else policy.token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on; web sockets are closed, the lifespan is the app's."""
        match scope["type"]:
            case "http":
                await self._answer(scope, receive, send)
            case "lifespan":
                await self._app(scope, receive, send)
            case "websocket":
                # Before it is accepted, this makes the server answer 403.
                await send({"type": "websocket.close", "code": 1008, "reason": "No web sockets."})
            case other:
                raise ValueError(f"Nothing here speaks {other}.")

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _Headers(scope["headers"])
        sharing = self._shares_with(headers)
        reply = _Reply(send, self._sharing_fields(sharing))
        refusal = self._judge_sender(headers)
        preflight = scope["method"] == "OPTIONS" and b"access-control-request-method" in headers
        if refusal is None and sharing and preflight:
            # Browsers send no credentials with it, so it comes before the token.
            await reply.end(204, _PREFLIGHT, b"")
            return
        refusal = refusal or self._judge_token(headers)
        bodiless = not _has_body(scope, headers)
        refusal = refusal or (None if bodiless else self._judge_body(headers))
        if refusal is not None:
            await reply.refuse(refusal)
        elif bodiless:
            await self._app(scope, _Replay(receive, b""), reply)
        elif headers.media_type == _JSON:
            await self._pass_json(scope, receive, reply)
        else:
            await self._pass_stream(scope, receive, reply)

    def _judge_sender(self, headers: _Headers) -> Refusal | None:
        if headers.ambiguous:
            return AMBIGUOUS
        if _with_port(headers.get(b"host").lower()) not in self._hosts:
            return HOST
        if self._shares_with(headers):
            return None
        if b"origin" in headers and not self._is_own(headers.get(b"origin").lower()):
            return ORIGIN
        if headers.get(b"sec-fetch-site", b"none") not in (b"none", b"same-origin"):
            return CROSS_SITE
        return None

    def _judge_token(self, headers: _Headers) -> Refusal | None:
        if self._token is None:
            return None
        # Any right one will do: cookies are shared between ports, so a neighbour can add his own.
        known = [hmac.compare_digest(given, self._token) for given in headers.tokens()]
        return None if any(known) else TOKEN

    def _judge_body(self, headers: _Headers) -> Refusal | None:
        if not headers.declares_json_or_multipart():
            return MEDIA_TYPE
        is_json = headers.media_type == _JSON
        most = self._policy.json_bytes if is_json else self._policy.upload_bytes
        return _too_large(most) if headers.length > most else None

    def _is_own(self, origin: bytes) -> bool:
        scheme, _, host = origin.partition(b"://")
        return scheme == b"http" and _with_port(host) in self._hosts

    def _shares_with(self, headers: _Headers) -> bytes | None:
        """The origin of the page that asks, when it is another's and allowed by name."""
        origin = headers.get(b"origin").lower()
        return origin if origin in self._origins and not self._is_own(origin) else None

    def _sharing_fields(self, sharing: bytes | None) -> Fields:
        if not self._origins:
            return []
        # Also on answers that nobody shares: a cache must not hand those to a page that may read.
        fields = [(b"vary", b"Origin")]
        return [(b"access-control-allow-origin", sharing), *fields] if sharing else fields

    async def _pass_json(self, scope: Scope, receive: Receive, reply: _Reply) -> None:
        """Read the body whole, then hand it on: a decoder must not meet one nested too deep."""
        arrival = _Arrival(receive, self._policy.json_bytes, self._policy.body_seconds)
        body = bytearray()
        while not arrival.ended:
            message = await arrival.next()
            if isinstance(message, Refusal):
                await reply.refuse(message)
                return
            if message["type"] != "http.request":
                return  # The client left: there is nobody to answer.
            body += message.get("body", b"")
        if nested_deeper(body, self._policy.depth):
            await reply.refuse(DEEP)
        else:
            await self._app(scope, _Replay(receive, bytes(body)), reply)

    async def _pass_stream(self, scope: Scope, receive: Receive, reply: _Reply) -> None:
        """Hand the body on as it arrives; the application is cancelled if it is refused midway."""
        arrival = _Arrival(receive, self._policy.upload_bytes, self._policy.body_seconds)
        refusal: Refusal | None = None

        async def bounded() -> Message:
            nonlocal refusal
            if refusal is None:
                message = await arrival.next()
                if not isinstance(message, Refusal):
                    return message
                refusal = message
                running.cancel()
            await anyio.lowlevel.checkpoint()
            return {"type": "http.disconnect"}  # to a task that is out of the scope's reach

        with anyio.CancelScope() as running:
            await self._app(scope, bounded, reply)
        if refusal is not None and not reply.started:
            await reply.refuse(refusal)


class _Headers:
    """The request's header fields, by lower-cased name."""

    def __init__(self, fields: Iterable[tuple[bytes, bytes]]) -> None:
        self._values: dict[bytes, list[bytes]] = {}
        for name, value in fields:
            self._values.setdefault(name.lower(), []).append(value)
        length = self.get(b"content-length", b"0")
        self.ambiguous = (
            any(len(self._values.get(name, ())) > 1 for name in _SINGLE)
            or not _LENGTH.fullmatch(length)
            # RFC 9112 6.3: it may be an attempt at request smuggling.
            or {b"content-length", b"transfer-encoding"} <= self._values.keys()
        )
        self.length = 0 if self.ambiguous else int(length)
        self.media_type, *parameters = (
            part.strip().lower() for part in self.get(b"content-type").split(b";")
        )
        self._parameters = {part.replace(b'"', b"") for part in parameters if part}

    def __contains__(self, name: bytes) -> bool:
        return name in self._values

    def get(self, name: bytes, default: bytes = b"") -> bytes:
        """The field's first value."""
        return self._values.get(name, [default])[0]

    def declares_json_or_multipart(self) -> bool:
        if self.media_type == _JSON:
            return self._parameters <= {b"charset=utf-8"}
        return self.media_type == _MULTIPART

    def tokens(self) -> Iterable[bytes]:
        """Every token that the request brings."""
        scheme, _, credentials = self.get(b"authorization").partition(b" ")
        if scheme.lower() == b"bearer":
            yield credentials.strip()
        for line in self._values.get(b"cookie", ()):  # HTTP/2 may send one for each crumb
            for crumb in line.split(b";"):
                name, _, value = crumb.strip().partition(b"=")
                if name == COOKIE:
                    yield value


class _Arrival:
    """A body on its way: bounded in bytes, and in the seconds that are spent waiting for it."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive = receive
        self._most = most
        self._seconds = seconds
        self._bytes = 0
        self._waited = 0.0
        self.ended = False

    async def next(self) -> Message | Refusal:
        """The next message; once the body ended, only that the client left."""
        if self.ended:
            return await _departure(self._receive)
        since = anyio.current_time()
        message: Message | None = None
        with anyio.move_on_after(self._seconds - self._waited):
            message = await self._receive()
        if message is None:
            return _too_slow(self._seconds)
        self._waited += anyio.current_time() - since
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._most:
            return _too_large(self._most)
        self.ended = not message.get("more_body", False)
        return message


class _Replay:
    """Receives a body that is known, once; then waits until the client leaves.

    What else the client sends never reaches the application, so neither does a body that was not
    declared: with a GET, or over HTTP/2 without a length and a type.
    """

    def __init__(self, receive: Receive, body: bytes) -> None:
        self._receive = receive
        self._body: bytes | None = body

    async def __call__(self) -> Message:
        if self._body is None:
            return await _departure(self._receive)
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class _Reply:
    """Sends an answer, with the fields that every answer has and those for the page that asks."""

    def __init__(self, send: Send, sharing: Fields) -> None:
        self._send = send
        self._sharing = sharing
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            message = {**message, "headers": self._dress(message.get("headers", ()))}
        await self._send(message)

    async def end(self, status: int, fields: Fields, body: bytes) -> None:
        await self({"type": "http.response.start", "status": status, "headers": fields})
        await self({"type": "http.response.body", "body": body})

    async def refuse(self, refusal: Refusal) -> None:
        body = msgspec.json.encode({"error": refusal.error, "code": refusal.code})
        fields = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            *refusal.fields,
        ]
        await self.end(refusal.status, fields, body)

    def _dress(self, fields: Iterable[tuple[bytes, bytes]]) -> Fields:
        # Who may read an answer is decided here alone, and never with a wildcard.
        own = [(n, v) for n, v in fields if n.lower() != b"access-control-allow-origin"]
        names = {name.lower() for name, _ in own}
        return [*own, *(field for field in _ALWAYS if field[0] not in names), *self._sharing]


def nested_deeper(text: bytes | bytearray, depth: int) -> bool:
    """Whether JSON is nested in more than `depth` arrays and objects; linear, and never recursive.

    What is not JSON gets an answer too, and it holds for the part before the first mistake.
    """
    if text.count(b"[") + text.count(b"{") <= depth:
        return False
    level = 0
    for bracket in _STRING.sub(b"", _ESCAPE.sub(b"", text)).translate(None, _NO_BRACKETS):
        level += 1 if bracket in b"[{" else -1
        if level > depth:
            return True
    return False


def _with_port(host: bytes) -> bytes:
    """The host with the port that goes without saying, 80."""
    return host if _PORT.search(host) else host + b":80"


def _has_body(scope: Scope, headers: _Headers) -> bool:
    """Whether a body is announced that the application may want."""
    if scope["method"] not in _METHODS_WITH_BODY:
        return False
    if b"content-length" in headers:
        return headers.length > 0
    # From HTTP/2 on a body may come without a length; it is looked at if it has a type.
    unframed = not str(scope.get("http_version", "1.1")).startswith("1")
    return b"transfer-encoding" in headers or (unframed and b"content-type" in headers)


def _too_large(most: int) -> Refusal:
    return Refusal(413, "body_too_large", f"The body is larger than {most:,} bytes.")


def _too_slow(seconds: float) -> Refusal:
    return Refusal(408, "body_too_slow", f"The body did not arrive within {seconds:g} seconds.")


async def _departure(receive: Receive) -> Message:
    while (message := await receive())["type"] == "http.request":
        pass
    return message
