"""What a browser is shown that brings no token, or a wrong one: a form that stands on its own.

Whoever is not let in gets none of the page's files either, so the form carries its style and its
picture in itself, and its policy allows just these.
"""

from __future__ import annotations

import html
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from adapters.http.asgi import Fields

NOTICE = "<!-- notice -->"
"""Where the document says why it is shown again."""

_STYLE = re.compile(r' *<link rel="stylesheet" href="([\w/.]+)" />\n')
_PICTURE = re.compile(r'(src|href)="([\w/.]+\.svg)"')


class Door:
    """The form of a page's folder, in one piece."""

    def __init__(self, page: Path) -> None:
        written = (page / "door.html").read_text(encoding="utf-8")
        style = "\n".join(
            (page / name).read_text(encoding="utf-8") for name in _STYLE.findall(written)
        )
        document = _STYLE.sub("", written).replace("</head>", f"<style>{style}</style></head>")
        self._document = _PICTURE.sub(lambda found: _inline(page, found), document)
        allowed = b64encode(sha256(style.encode()).digest())
        self._policy = (
            b"default-src 'none'; style-src 'sha256-" + allowed + b"'; img-src data:; "
            b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )

    def asking(self) -> bytes:
        """To whoever brings nothing."""
        return self._with("")

    def after(self, notice: str) -> bytes:
        """To whoever was not let in, with the reason."""
        alert = f'<p class="banner error" role="alert">{html.escape(notice)}</p>'
        return self._with(alert)

    def fields(self, document: bytes) -> Fields:
        """The fields of an answer that is this document.

        With the referrer policy of other answers a browser would not say where the form came from.
        """
        return [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", b"%d" % len(document)),
            (b"content-security-policy", self._policy),
            (b"referrer-policy", b"same-origin"),
            (b"cache-control", b"no-store"),
        ]

    def _with(self, notice: str) -> bytes:
        return self._document.replace(NOTICE, notice).encode()


def _inline(page: Path, found: re.Match[str]) -> str:
    picture = b64encode((page / found[2]).read_bytes()).decode()
    return f'{found[1]}="data:image/svg+xml;base64,{picture}"'


WRONG = "That is not the token. Copy the whole line of the file, without blanks around it."
ENDED = "Your session has ended. Enter the token again."


def patience(seconds: str) -> str:
    """To whoever guessed too often."""
    return (
        "Too many wrong tokens came from your address. "
        f"Wait {seconds} {'second' if seconds == '1' else 'seconds'}, then try again."
    )
