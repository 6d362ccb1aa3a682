"""What a browser may keep of an answer, and when it is told that it has it already."""

from __future__ import annotations

from collections.abc import Mapping

from litestar import Response

KEEP = "private, no-cache"
"""Kept, and asked for again with its ETag: what was replaced is seen at once."""


def kept(
    data: bytes,
    media_type: str,
    version: str,
    if_none_match: str | None,
    fields: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """The bytes, or word that the browser has this version of them already."""
    etag = f'"{version}"'
    headers = {"ETag": etag, "Cache-Control": KEEP, **(fields or {})}
    if if_none_match is not None and _has(if_none_match, etag):
        return Response(b"", status_code=304, headers=headers, media_type=media_type)
    return Response(data, headers=headers, media_type=media_type)


def _has(if_none_match: str, etag: str) -> bool:
    """RFC 9110, 13.1.2: any of the tags, compared weakly; an asterisk means any."""
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag in tags
