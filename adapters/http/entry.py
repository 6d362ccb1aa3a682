"""How a browser brings the token: once in an address or a form, from then on by a session.

It only translates. A token in the address or in the form becomes the header that the gate judges;
where the gate lets the request through, the answer begins a session and leads to the address
without the token.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from adapters.http.asgi import ASGIApp, Fields, Message, Receive, Scope, Send
from adapters.http.bodies import Arrival, Lingering, Replay
from adapters.http.door import ENDED, WRONG, Door, patience
from adapters.http.headers import Headers, has_body
from adapters.http.refusal import Refusal
from adapters.http.sessions import Sessions

FORM_TYPE = b"application/x-www-form-urlencoded"
FORM_BYTES = 16_384
FORM_SECONDS = 15.0

_CLOSING = [(b"connection", b"close")]

_OF_THE_BODY = {
    *(b"content-type", b"content-length", b"content-security-policy", b"etag", b"cache-control")
}
"""Fields of an answer that tell of the body that another one replaces."""
_OF_A_FORM = {b"content-type", b"content-length", b"transfer-encoding"}


class Entry:
    """Lets a browser in at `/`, in front of a gate that asks for a token."""

    def __init__(self, gate: ASGIApp, sessions: Sessions, door: Door) -> None:
        self._gate = gate
        self._sessions = sessions
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] != "http" or scope["path"] != "/":
            await self._gate(scope, receive, send)
            return
        headers = Headers(scope["headers"])
        if scope["method"] == "POST" and headers.media_type == FORM_TYPE:
            await self._take_form(scope, headers, receive, send)
        elif scope["method"] == "GET":
            await self._welcome(scope, _token(scope["query_string"]), receive, send)
        else:
            await self._gate(scope, receive, send)

    async def _take_form(
        self, scope: Scope, headers: Headers, receive: Receive, send: Send
    ) -> None:
        arrival = Arrival(receive, FORM_BYTES, FORM_SECONDS)
        arrival.ended = headers.ambiguous or not has_body(scope, headers)
        body = b""
        while not arrival.ended:
            message = await arrival.next()
            if isinstance(message, Refusal):
                answer = Lingering(send, arrival, FORM_BYTES, FORM_SECONDS, _CLOSING)
                for part in message.messages():
                    await answer(part)
                return
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
        # Who sends it, and from which page, the gate judges as for any other request.
        kept = [(n, v) for n, v in scope["headers"] if n.lower() not in _OF_A_FORM]
        asked = {**scope, "method": "GET", "query_string": b"", "headers": kept}
        await self._welcome(asked, _token(body) or b"", Replay(receive, b""), send)

    async def _welcome(
        self, scope: Scope, token: bytes | None, receive: Receive, send: Send
    ) -> None:
        given = Headers(scope["headers"])
        if token:
            headers = [*scope["headers"], (b"authorization", b"Bearer " + token)]
            scope = {**scope, "headers": headers}
            form = self._door.after(WRONG)
        elif any(given.cookies(self._sessions.cookie)):
            form = self._door.after(ENDED)
        else:
            form = self._door.asking()
        sessions = self._sessions if token else None
        shown = self._door if _shows_pages(given) else None
        await self._gate(scope, receive, _Welcome(send, form, shown, sessions))


class _Welcome:
    """Sends the gate's answer, or what stands for it at the door.

    `form` is for whoever is not let in, at a `door` that a browser sees; `sessions` are those of
    who brings a token, None for everybody else.
    """

    def __init__(
        self, send: Send, form: bytes, door: Door | None, sessions: Sessions | None
    ) -> None:
        self._send = send
        self._form = form
        self._door = door
        self._sessions = sessions
        self._replaced = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if message["status"] in (401, 429) and self._door is not None:
                wait = Headers(message["headers"]).get(b"retry-after").decode()
                form = self._door.after(patience(wait)) if wait else self._form
                await self._replace(message, message["status"], self._door.fields(form), form)
            elif message["status"] < 400 and self._sessions is not None:
                fields = [
                    (b"location", b"/"),
                    (b"content-length", b"0"),
                    (b"set-cookie", self._sessions.begin()),
                    (b"cache-control", b"no-store"),
                ]
                await self._replace(message, 303, fields, b"")
        if not self._replaced:
            await self._send(message)

    async def _replace(self, message: Message, status: int, fields: Fields, body: bytes) -> None:
        self._replaced = True
        replaced = _OF_THE_BODY | {name for name, _ in fields}
        kept = [(n, v) for n, v in message["headers"] if n.lower() not in replaced]
        await self._send({**message, "status": status, "headers": [*kept, *fields]})
        await self._send({"type": "http.response.body", "body": body})


def _token(query: bytes) -> bytes | None:
    """The token as a form writes it, byte by byte, whatever its encoding is."""
    values = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1"))
    return values["token"].encode("latin-1") if "token" in values else None


def _shows_pages(headers: Headers) -> bool:
    """Whether the client is a browser that opens an address, and no program."""
    return b"text/html" in headers.get(b"accept")
