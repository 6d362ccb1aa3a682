"""Who may call, and with what body: checked before a framework sees a request.

A server on 127.0.0.1 is within reach of every web page that its user opens. Three things tell a
page from the user: Host names the server the browser meant (DNS rebinding), Origin and
Sec-Fetch-Site name the page that asks, and a body that is declared as JSON makes a browser ask
first; a link to the page that is followed from elsewhere is the user (`navigation`). Bodies are
bounded in bytes, in seconds and in depth, so that no request costs more than its answer.
Pure ASGI 3: https://asgi.readthedocs.io/en/stable/specs/www.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import anyio
import anyio.lowlevel
import msgspec

from adapters.http.asgi import ASGIApp, Fields, Message, Receive, Scope, Send
from adapters.http.bodies import Arrival, Lingering, Replay
from adapters.http.credentials import Credentials
from adapters.http.headers import JSON, Headers, has_body, over_http_1
from adapters.http.navigation import opens_page
from adapters.http.nesting import Nesting
from adapters.http.refusal import (
    AMBIGUOUS,
    CROSS_SITE,
    DEEP,
    HOST,
    MEDIA_TYPE,
    ORIGIN,
    Refusal,
    too_large,
)
from adapters.http.sessions import Sessions

_NEVER_ORIGINS = {b"null", b"*"}
"""What sandboxed frames and local files send, which is nobody's name; and a wildcard."""

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    # A page of our own says so with it; another learns nothing.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, POST, PATCH, DELETE"),
    (b"access-control-allow-headers", b"content-type, authorization"),
    (b"access-control-max-age", b"600"),
]

_PORT = re.compile(rb":[0-9]+\Z")


class Policy(msgspec.Struct, frozen=True):
    """Who may call and how much they may send. Bounds are in bytes, levels and seconds."""

    hosts: frozenset[str]
    """The server's own Host values with their port, such as `127.0.0.1:8189`, `[::1]:8189`."""
    origins: frozenset[str]
    """Other origins that may call, as browsers send them: `https://example.org`, no slash."""
    token: str | None
    """What every request must bring, or a session that it began; None: nothing."""
    cookie: str = "reshelve_session"
    """The name of the cookie that holds a session: another for each port of a host, as browsers
    send cookies to all of them."""
    json_bytes: int = 1_048_576
    upload_bytes: int = 67_108_864
    depth: int = 64
    """How deep JSON may be nested; `[]` is 1."""
    body_seconds: float = 30
    """How long the server waits for a body in all; the time the application takes is its own."""
    linger_bytes: int = 134_217_728
    """How much of a body is still taken, and dropped, after an answer that did not wait for it.

    Most clients send all of a body before they look for the answer. A connection that is closed
    while they send takes the answer with it: they would report a broken pipe, not what was wrong.
    Twice the largest upload: a picture that is somewhat too large is told so; a gigabyte is cut
    off."""
    linger_seconds: float = 10
    """… and for how long."""

    def __post_init__(self) -> None:
        if self.token == "":
            raise ValueError("An empty token would let everybody in.")


def credentials_of(policy: Policy) -> Credentials | None:
    """What a server under this policy asks of everybody, None for nothing."""
    return None if policy.token is None else Credentials(policy.token, Sessions(policy.cookie))


class Gate:
    """Lets the requests that `policy` allows through to `app`, and answers the others."""

    def __init__(
        self, app: ASGIApp, policy: Policy, credentials: Credentials | None = None
    ) -> None:
        self._app = app
        self._policy = policy
        self._hosts = {_with_port(host.lower().encode()) for host in policy.hosts}
        self._origins = {origin.lower().encode() for origin in policy.origins} - _NEVER_ORIGINS
        self._credentials = credentials or credentials_of(policy)

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
        headers = Headers(scope["headers"])
        sharing = self._shares_with(headers)
        arrival = Arrival(receive, self._most(headers), self._policy.body_seconds)
        arrival.ended = not has_body(scope, headers)
        bounds = (self._policy.linger_bytes, self._policy.linger_seconds)
        closing = [(b"connection", b"close")] if over_http_1(scope) else []
        patient = Lingering(send, arrival, *bounds, closing)
        reply = _Reply(patient, self._sharing_fields(sharing))
        refusal = self._judge_sender(scope, headers)
        preflight = scope["method"] == "OPTIONS" and b"access-control-request-method" in headers
        if refusal is None and sharing and preflight:
            # Browsers send no credentials with it, so it comes before the token.
            await reply.end(204, _PREFLIGHT, b"")
            return
        refusal = refusal or self._judge_credentials(scope, headers)
        refusal = refusal or (None if arrival.ended else self._judge_body(headers))
        if refusal is not None:
            await reply.refuse(refusal)
        elif arrival.ended:
            await self._app(scope, Replay(receive, b""), reply)
        elif headers.media_type == JSON:
            await self._pass_json(scope, receive, arrival, reply)
        else:
            await self._pass_stream(scope, arrival, reply)

    def _judge_sender(self, scope: Scope, headers: Headers) -> Refusal | None:
        if headers.ambiguous:
            return AMBIGUOUS
        if _with_port(headers.get(b"host").lower()) not in self._hosts:
            return HOST
        if self._shares_with(headers):
            return None
        if b"origin" in headers and not self._is_own(headers.get(b"origin").lower()):
            return ORIGIN
        if headers.get(b"sec-fetch-site", b"none") in (b"none", b"same-origin"):
            return None
        return None if opens_page(scope, headers) else CROSS_SITE

    def _judge_credentials(self, scope: Scope, headers: Headers) -> Refusal | None:
        return None if self._credentials is None else self._credentials.judge(scope, headers)

    def _judge_body(self, headers: Headers) -> Refusal | None:
        if not headers.declares_json_or_multipart():
            return MEDIA_TYPE
        most = self._most(headers)
        return too_large(most) if headers.length > most else None

    def _most(self, headers: Headers) -> int:
        is_json = headers.media_type == JSON
        return self._policy.json_bytes if is_json else self._policy.upload_bytes

    def _is_own(self, origin: bytes) -> bool:
        scheme, _, host = origin.partition(b"://")
        return scheme == b"http" and _with_port(host) in self._hosts

    def _shares_with(self, headers: Headers) -> bytes | None:
        """The origin of the page that asks, when it is another's and allowed by name."""
        origin = headers.get(b"origin").lower()
        return origin if origin in self._origins and not self._is_own(origin) else None

    def _sharing_fields(self, sharing: bytes | None) -> Fields:
        if not self._origins:
            return []
        # Also on answers that nobody shares: a cache must not hand those to a page that may read.
        fields = [(b"vary", b"Origin")]
        return [(b"access-control-allow-origin", sharing), *fields] if sharing else fields

    async def _pass_json(
        self, scope: Scope, receive: Receive, arrival: Arrival, reply: _Reply
    ) -> None:
        """Read the body whole, then hand it on: a decoder must not meet one nested too deep."""
        nesting = Nesting(self._policy.depth)
        body = bytearray()
        while not arrival.ended:
            message = await arrival.next()
            if isinstance(message, Refusal):
                await reply.refuse(message)
                return
            if message["type"] != "http.request":
                return  # The client left: there is nobody to answer.
            piece = message.get("body", b"")
            if await nesting.exceeded_by(piece):
                await reply.refuse(DEEP)
                return
            body += piece
        await self._app(scope, Replay(receive, bytes(body)), reply)

    async def _pass_stream(self, scope: Scope, arrival: Arrival, reply: _Reply) -> None:
        """Hand the body on as it arrives; the application is cancelled if it is refused midway."""
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
        for message in refusal.messages():
            await self(message)

    def _dress(self, fields: Iterable[tuple[bytes, bytes]]) -> Fields:
        # Who may read an answer is decided here alone, and never with a wildcard.
        own = [(n, v) for n, v in fields if n.lower() != b"access-control-allow-origin"]
        names = {name.lower() for name, _ in own}
        return [*own, *(field for field in _ALWAYS if field[0] not in names), *self._sharing]


def _with_port(host: bytes) -> bytes:
    """The host with the port that goes without saying, 80."""
    return host if _PORT.search(host) else host + b":80"
