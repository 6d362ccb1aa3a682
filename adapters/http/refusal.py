"""The refusals of the gate: each with its status, its word and its sentence."""

from __future__ import annotations

import msgspec


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


NAMED = (AMBIGUOUS, HOST, ORIGIN, CROSS_SITE, TOKEN, MEDIA_TYPE, DEEP)
"""Those that know everything beforehand."""


def too_large(most: int) -> Refusal:
    """A body of more than `most` bytes."""
    return Refusal(413, "body_too_large", f"The body is larger than {most:,} bytes.")


def too_slow(seconds: float) -> Refusal:
    """A body that took longer than `seconds`."""
    return Refusal(408, "body_too_slow", f"The body did not arrive within {seconds:g} seconds.")
