"""How a browser brings the token: once in an address or a form, from then on in a cookie.

It only translates. A token in the address becomes the header that the gate judges; where the gate
lets the request through, the answer sets the cookie and leads to the address without the token.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from adapters.http.asgi import ASGIApp, Fields, Message, Receive, Scope, Send
from adapters.http.headers import COOKIE

FORM = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>reshelve</title>
<main>
<h1>reshelve</h1>
<form action="/">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Open</button>
</form>
<p>It is in the file that the server was started with (--token FILE).</p>
</main>
</html>
"""
FORM_FIELDS: Fields = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-length", b"%d" % len(FORM)),
    (b"content-security-policy", b"default-src 'none'; form-action 'self'; base-uri 'none'"),
    (b"cache-control", b"no-store"),
]

_OF_THE_BODY = {b"content-type", b"content-length", b"content-security-policy", b"etag"}
"""Fields of an answer that tell of the body that another one replaces."""


class Entry:
    """Lets a browser in at `/`, in front of a gate that asks for a token."""

    def __init__(self, gate: ASGIApp) -> None:
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != "/":
            await self._gate(scope, receive, send)
            return
        token = _token(scope["query_string"])
        if token is not None:
            headers = [*scope["headers"], (b"authorization", b"Bearer " + token)]
            scope = {**scope, "headers": headers}
        await self._gate(scope, receive, _Welcome(send, token, shown=_shows_pages(scope)))


class _Welcome:
    """Sends the gate's answer, or what stands for it at the door."""

    def __init__(self, send: Send, token: bytes | None, *, shown: bool) -> None:
        self._send = send
        self._token = token
        self._shown = shown
        self._replaced = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if message["status"] == 401 and self._shown:
                await self._replace(message, 401, FORM_FIELDS, FORM)
            elif message["status"] < 400 and self._token is not None:
                cookie = COOKIE + b"=" + self._token + b"; HttpOnly; SameSite=Strict; Path=/"
                fields = [(b"location", b"/"), (b"content-length", b"0"), (b"set-cookie", cookie)]
                await self._replace(message, 303, fields, b"")
        if not self._replaced:
            await self._send(message)

    async def _replace(self, message: Message, status: int, fields: Fields, body: bytes) -> None:
        self._replaced = True
        kept = [(n, v) for n, v in message["headers"] if n.lower() not in _OF_THE_BODY]
        await self._send({**message, "status": status, "headers": [*kept, *fields]})
        await self._send({"type": "http.response.body", "body": body})


def _token(query: bytes) -> bytes | None:
    """The token as a form writes it, byte by byte, whatever its encoding is."""
    values = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1"))
    return values["token"].encode("latin-1") if "token" in values else None


def _shows_pages(scope: Scope) -> bool:
    """Whether the client is a browser that opens an address, and no program."""
    return any(n.lower() == b"accept" and b"text/html" in v for n, v in scope["headers"])
