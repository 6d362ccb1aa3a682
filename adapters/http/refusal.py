"""The refusals of the gate: each with its status, its word and its sentence."""

from __future__ import annotations

import math

import msgspec

from adapters.http.asgi import Fields, Message


class Refusal(msgspec.Struct, frozen=True):
    """Why a request goes no further."""

    status: int
    code: str
    error: str
    fields: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def body(self) -> bytes:
        """The error body of the contract."""
        return msgspec.json.encode({"error": self.error, "code": self.code})

    @property
    def headers(self) -> Fields:
        """All fields that tell of the body, and the refusal's own."""
        length = b"%d" % len(self.body)
        kind = (b"content-type", b"application/json")
        return [kind, (b"content-length", length), *self.fields]

    def messages(self) -> tuple[Message, Message]:
        """The answer, as an application sends it."""
        return (
            {"type": "http.response.start", "status": self.status, "headers": self.headers},
            {"type": "http.response.body", "body": self.body},
        )


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
MALFORMED = Refusal(400, "malformed_request", "What arrived is no HTTP request, or too long a one.")
CRUMBS = Refusal(
    400, "malformed_request", "The body comes in too many small chunks. Send it in larger ones."
)
BUSY = Refusal(
    503,
    "too_many_connections",
    "Too many connections are open. Close some, or try again in a moment.",
    ((b"retry-after", b"5"),),
)
STOPPING = Refusal(
    503,
    "stopping",
    "The server is stopping. What was done is kept; ask again when it runs.",
    ((b"retry-after", b"5"),),
)


NAMED = (
    *(AMBIGUOUS, HOST, ORIGIN, CROSS_SITE, TOKEN, MEDIA_TYPE, DEEP, MALFORMED, CRUMBS),
    *(BUSY, STOPPING),
)
"""Those that know everything beforehand."""


def too_large(most: int) -> Refusal:
    """A body of more than `most` bytes."""
    return Refusal(413, "body_too_large", f"The body is larger than {most:,} bytes.")


def too_slow(seconds: float) -> Refusal:
    """A body that took longer than `seconds`."""
    return Refusal(408, "body_too_slow", f"The body did not arrive within {seconds:g} seconds.")


def too_many_guesses(seconds: float) -> Refusal:
    """A token that is not looked at for another `seconds`."""
    whole = math.ceil(seconds)
    return Refusal(
        429,
        "too_many_guesses",
        f"Too many wrong tokens came from your address. Try again in {whole} s.",
        ((b"retry-after", b"%d" % whole),),
    )


def too_slow_head(seconds: float) -> Refusal:
    """A request whose head took longer than `seconds`."""
    return Refusal(408, "request_too_slow", f"No request arrived within {seconds:g} seconds.")
