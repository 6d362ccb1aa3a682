"""The header fields of a request: what they say of its body and of who sends it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from adapters.http.asgi import Scope

_SINGLE = (
    b"host origin sec-fetch-site sec-fetch-mode sec-fetch-dest authorization content-length "
    b"content-type"
).split()
"""Fields that decide something here: two of one kind could be read in two ways."""

_METHODS_WITH_BODY = {"POST", "PUT", "PATCH", "DELETE"}

JSON = b"application/json"
_MULTIPART = b"multipart/form-data"

_LENGTH = re.compile(rb"[0-9]{1,18}")


class Headers:
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
        """Whether the body is declared as one of the two kinds that are read here."""
        if self.media_type == JSON:
            return self._parameters <= {b"charset=utf-8"}
        return self.media_type == _MULTIPART

    @property
    def bearer(self) -> bytes | None:
        """The token that the request brings, None where it brings none."""
        scheme, _, credentials = self.get(b"authorization").partition(b" ")
        return credentials.strip() if scheme.lower() == b"bearer" else None

    def cookies(self, name: bytes) -> Iterator[bytes]:
        """Every value of the cookies of this name."""
        for line in self._values.get(b"cookie", ()):  # HTTP/2 may send one for each crumb
            for crumb in line.split(b";"):
                given, _, value = crumb.strip().partition(b"=")
                if given == name:
                    yield value


def has_body(scope: Scope, headers: Headers) -> bool:
    """Whether a body is announced that the application may want."""
    if scope["method"] not in _METHODS_WITH_BODY:
        return False
    if b"content-length" in headers:
        return headers.length > 0
    # From HTTP/2 on a body may come without a length; it is looked at if it has a type.
    unframed = b"content-type" in headers and not over_http_1(scope)
    return b"transfer-encoding" in headers or unframed


def over_http_1(scope: Scope) -> bool:
    """Whether header fields tell where a body ends and whether the connection does."""
    return str(scope.get("http_version", "1.1")).startswith("1")
