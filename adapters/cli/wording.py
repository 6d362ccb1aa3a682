"""What the codes mean: one sentence each, and what a person can do."""

from __future__ import annotations

WARNINGS = {
    "file_missing": "the model's file is not there; its record was kept",
    "stale_hash": "the file has changed since it was hashed; it waits to be hashed anew",
    "invalid_hash": "the recorded hash is no SHA-256; the model waits to be hashed",
    "duplicate_hash": "another row has the same content; both became one record",
    "metadata_unreadable": "its notes are no JSON; the raw text is kept in the journal",
    "field_invalid": "a field has a value of the wrong type; the raw row is kept in the journal",
    "invalid_text": "a text is not UTF-8; unreadable characters were replaced",
    "image_missing": "an image is named that is not in the image folder",
    "image_unreadable": "an image cannot be decoded; the original file is untouched",
    "image_too_large": "an image is too large to be decoded safely",
    "image_invalid": "an entry in its image list names no file",
    "image_duplicate": "an image is listed twice; it was carried once",
    "tag_missing": "a tag is linked that no longer exists",
    "tag_unreadable": "a tag has no readable name",
    "tag_link_orphaned": "tags are linked to models that no longer exist",
    "cell_unreadable": "one cell of its row is damaged; the rest of the row was kept",
    "tag_duplicate": "two tags have one name; both became one tag",
    "tag_links_unreadable": "tag links lie on damaged pages of the legacy database and are lost",
    "tags_damaged": "tags lie on damaged pages of the legacy database and are lost",
    "tags_unreadable": "the tag tables cannot be read; models came without tags",
    "rows_unreadable": "rows lie on damaged pages of the legacy database and are lost",
}
"""Sentences for warning codes."""


def sentence(code: str) -> str:
    """What a code means; the code itself where it is new."""
    return WARNINGS.get(code, code.replace("_", " "))
