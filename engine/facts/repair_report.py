"""What a repair tells: what was mended, and what was left, with what a person can do about it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class RepairMode(StrEnum):
    """Whether a repair mends, or only tells what it would mend."""

    MEND = "mend"
    PLAN = "plan"


class Repaired(msgspec.Struct, frozen=True):
    """A problem that is mended, or would be: as verification told it, and how."""

    code: str
    path: str
    detail: str


class LeftOver(msgspec.Struct, frozen=True):
    """A problem that is left as it is, and what can be done about it, in a sentence."""

    code: str
    path: str
    detail: str
    advice: str


class RepairReport(msgspec.Struct):
    """Everything that verification finds, each in one of two places."""

    repaired: list[Repaired] = []
    left: list[LeftOver] = []


ADVICE = {
    "file_missing": "Put the file back, or scan the folder that it was moved to.",
    "folder_stray": "Nobody else uses this folder: look what it is, and move it elsewhere.",
    "hash_mismatch": "The file was replaced: scan its folder for the new content, or put the old "
    "file back.",
    "image_missing": "What it was made from is not there: add the picture once more, or remove "
    "it from the model.",
    "image_stray": "Reshelve did not write it: look at it, and move it elsewhere if it is "
    "nobody's.",
    "image_unreadable": "What it was made from is not there: remove this picture from its model, "
    "and add it once more.",
    "images_count_wrong": "First settle the pictures of this model that are named beside it.",
    "journal_wrong": "Somebody edited reshelve's own tables: put a backup of the database back, "
    "or migrate the same source into a new library.",
    "meta_wrong": "Another program may have changed the format: open the library with version 2 "
    "before anything else is done to it.",
    "path_twice": "Only one content can lie at a path: correct the path of the model whose file "
    "it is not, or remove that model.",
    "pending_image_stray": "No model has it: look at it, and move it elsewhere if it is nobody's.",
    "pending_image_wrong": "Somebody put another picture here: keep it elsewhere, remove this "
    "one, and repair again.",
    "preview_wrong": "Somebody put another picture here: remove it from its model, and add the "
    "right one.",
    "record_invalid": "Correct the field in version 2, or migrate its source once more.",
    "tag_invalid": "Give the tag a name, or remove it.",
    "tag_link_dangling": "Remove the link.",
    "temporary_left": "Let the other reshelve end, which removes it.",
}
"""What a person can do about a problem that is not mended, by its code."""
