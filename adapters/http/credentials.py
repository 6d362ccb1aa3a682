"""What lets a client in where a token is asked for: the token itself, or a session it began."""

from __future__ import annotations

import hmac

from adapters.http.asgi import Scope
from adapters.http.guesses import Guesses
from adapters.http.headers import Headers
from adapters.http.refusal import TOKEN, Refusal, too_many_guesses
from adapters.http.sessions import Sessions


class Credentials:
    """Judges what requests bring. Programs bring the token each time, browsers a session."""

    def __init__(self, token: str, sessions: Sessions, guesses: Guesses | None = None) -> None:
        self._token = token.encode()
        self._guesses = guesses or Guesses()
        self.sessions = sessions

    def judge(self, scope: Scope, headers: Headers) -> Refusal | None:
        """Why the request is not let in, None where it is."""
        if not headers.bearer:
            known = self.sessions.knows(headers.cookies(self.sessions.cookie))
            return None if known else TOKEN
        host = scope["client"][0] if scope.get("client") else None
        if pause := self._guesses.pause(host):
            return too_many_guesses(pause)
        if hmac.compare_digest(headers.bearer, self._token):
            return None
        self._guesses.note_wrong(host)
        return TOKEN
