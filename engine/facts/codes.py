"""What the codes of failures and warnings mean: one sentence each, and what a person can do."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class ProblemKind(StrEnum):
    """A failure stopped its item; a warning did not."""

    FAILURE = "failure"
    WARNING = "warning"


class Meaning(msgspec.Struct, frozen=True):
    """`fact` is a sentence without its capital and full stop; `advice` are whole sentences."""

    fact: str
    advice: str

    @property
    def title(self) -> str:
        """The fact as a sentence."""
        return f"{self.fact[:1].upper()}{self.fact[1:]}."


_RESTORE = "Restore the legacy database from a backup and migrate again to get them back."
_IN_LEGACY = "Nothing need be done; to have it right, correct it in the library."

KILLED = "killed_its_process"
"""The code of what ended the process that worked on it, twice, the second time alone."""

FAILURES = {
    "file_missing": Meaning(
        "the model's file is not there",
        "Put the file back where the path says, or connect its drive, then retry.",
    ),
    "file_unreadable": Meaning(
        "the model's file cannot be read",
        "Look at its permissions and at the health of its disk, then retry.",
    ),
    "file_unstable": Meaning(
        "the model's file kept changing while it was hashed",
        "Wait until whatever writes it has ended, then retry.",
    ),
    KILLED: Meaning(
        "the model's file or one of its images ends the process that reads it",
        "Replace or remove the file that is named, then retry.",
    ),
    # What an earlier version set aside; it blamed whatever was in hand when it was killed.
    "crashed_repeatedly": Meaning(
        "reshelve died three times while it worked on this model, and set it aside",
        "Look at the model's file and images; replace or remove the damaged one, then retry.",
    ),
    "folder_model": Meaning(
        "the model is a folder of several files, which a library cannot hold",
        "Convert it to a single file in its old manager, and scan for that.",
    ),
    "link_not_followed": Meaning(
        "the model's file is a link that leads outside the folders that were named",
        "Name the folder that it leads to as a root as well, then migrate again.",
    ),
    "row_invalid": Meaning(
        "the row names no usable file",
        "Correct or remove the row in the legacy application, then migrate again.",
    ),
    "record_invalid": Meaning(
        "the record of the pending model is damaged",
        "Mend the field that is named, or remove the record and scan again.",
    ),
    "record_missing": Meaning(
        "the pending model has left the queue meanwhile",
        "Nothing need be done; scan again if it should be there.",
    ),
    "model_gone": Meaning(
        "the model left the library while images that had been missing were added to it",
        "Nothing need be done; migrate its row again if it should be there.",
    ),
    "unexpected_error": Meaning(
        "a defect of reshelve itself stopped it",
        "Retry; if it fails again, report it with the log of the server.",
    ),
}
"""Codes of items that stopped."""

WARNINGS = {
    "file_missing": Meaning(
        "the model's file is not there; its record was kept",
        "Put the file back, or remove the model if it is gone for good.",
    ),
    "stale_hash": Meaning(
        "the file has changed since it was hashed; it waits to be hashed anew",
        "Promote the model: that hashes its file.",
    ),
    "invalid_hash": Meaning(
        "the recorded hash is no SHA-256; the model waits to be hashed",
        "Promote the model: that hashes its file.",
    ),
    "duplicate_hash": Meaning(
        "another row has the same content; both became one record",
        "Nothing need be done; one of the two files could be removed.",
    ),
    "path_replaced": Meaning(
        "another model is active at its path: its file was replaced since that one was hashed",
        "Give the other model the path where its file lies now, or remove it if it is gone for "
        "good. Verifying with hashes tells which of the two lies there.",
    ),
    "edit_followed": Meaning(
        "its row was edited after it was carried, and the record follows",
        "Nothing need be done.",
    ),
    "edit_kept": Meaning(
        "its row was edited after it was carried, and so was the record, which stays as it is",
        "Nothing need be done; to have what the row says, edit the record, or migrate its row "
        "again, once it was edited anew, with `--on-conflict override`.",
    ),
    "removed_stays": Meaning(
        "its row was edited after its model was removed from the library; it stays removed",
        "To have it back whole, edit its row once more and migrate with `--on-conflict override`.",
    ),
    "metadata_unreadable": Meaning(
        "its notes are no JSON; the raw text is kept in the journal",
        "Write the notes anew in the library if they matter.",
    ),
    "field_invalid": Meaning(
        "a field has a value of the wrong type; the raw row is kept in the journal", _IN_LEGACY
    ),
    "invalid_text": Meaning(
        "a text is not UTF-8 or holds a NUL; characters that cannot be kept were replaced",
        _IN_LEGACY,
    ),
    "image_missing": Meaning(
        "an image is named that is not in the image folder",
        "Check that the right image folder was named, or upload the image in the library.",
    ),
    "image_unreadable": Meaning(
        "an image cannot be read or decoded; the original file is untouched",
        "Replace the image by one that opens, or upload another in the library.",
    ),
    "image_too_large": Meaning(
        "an image is too large to be decoded safely",
        "Scale the image down and upload it in the library.",
    ),
    "image_invalid": Meaning(
        "an entry in its image list names no file",
        "Nothing need be done; upload the image in the library if it is missed.",
    ),
    "image_duplicate": Meaning(
        "an image is listed twice; it was carried once", "Nothing need be done."
    ),
    "previews_adopted": Meaning(
        "more previews were on disk than its record counted, as version 2 leaves it; they are "
        "counted now",
        "Nothing need be done; remove in the library those that are not wanted.",
    ),
    "previews_gone": Meaning(
        "its record counted previews that are not on disk; they are counted no more",
        "Upload the images in the library if they are missed.",
    ),
    "preview_incomplete": Meaning(
        "a preview lacks one of its three files; it was left as it is",
        "Remove that preview in the library, and upload its image again.",
    ),
    "sidecar_orphaned": Meaning(
        "a file that tells of a model has no model beside it",
        "Put the model beside it and migrate again, or remove it.",
    ),
    "header_unusable": Meaning(
        "the model file's own header cannot be read; the model came without it",
        "Nothing need be done, unless the file itself does not load either.",
    ),
    "folder_unreadable": Meaning(
        "a folder of models cannot be read; what lies in it was left out",
        "Look at its permissions and at the health of its disk, then migrate again.",
    ),
    "link_not_followed": Meaning(
        "a link leads outside the folders that were named; it was not followed",
        "Name the folder that it leads to as a root as well, then migrate again.",
    ),
    "layout_damaged": Meaning(
        "a manager's settings cannot be read in part; folders that they name were left out",
        "Mend the settings, or name the folders as roots, then migrate again.",
    ),
    "map_unused": Meaning(
        "a mapping of paths never fitted any",
        "Compare it with the paths of the items, and migrate again with it mended.",
    ),
    "claim_wrong": Meaning(
        "a hash that was told for the model is not its file's; the file's own is used",
        "Nothing need be done; the file may have been changed or replaced since.",
    ),
    "video_skipped": Meaning(
        "a preview is a video; the model came without it",
        "Nothing need be done; upload a picture of it in the library if one is missed.",
    ),
    "sidecar_damaged": Meaning(
        "a file beside the model cannot be read as what it is; the model came without it",
        "Mend or remove that file, then migrate again.",
    ),
    "claim_rejected": Meaning(
        "a hash that is told for the model cannot be its file's SHA-256",
        "Nothing need be done: promotion hashes the file itself.",
    ),
    "claims_disagree": Meaning(
        "several hashes are told for the model",
        "Nothing need be done: promotion hashes the file itself.",
    ),
    "hidden_in_source": Meaning(
        "the model was hidden in its old manager; version 2 shows it",
        "Nothing need be done, unless it should not be seen.",
    ),
    "tag_missing": Meaning(
        "a tag is linked that no longer exists", "Tag the model anew if the tag is missed."
    ),
    "tag_unreadable": Meaning(
        "a tag has no readable name", "Tag the models anew if the tag is missed."
    ),
    "tag_link_orphaned": Meaning(
        "tags are linked to models that no longer exist", "Nothing need be done."
    ),
    "cell_unreadable": Meaning(
        "one cell of its row is damaged; the rest of the row was kept",
        "Restore the legacy database from a backup and migrate again to get the cell back.",
    ),
    "tag_duplicate": Meaning(
        "two tags have one name; both became one tag", "Nothing need be done."
    ),
    "tag_links_unreadable": Meaning(
        "tag links lie on damaged pages of the legacy database and are lost", _RESTORE
    ),
    "source_empty": Meaning(
        "the source holds no models", "Check that the right one was named, then migrate again."
    ),
    "tags_damaged": Meaning(
        "tags lie on damaged pages of the legacy database and are lost", _RESTORE
    ),
    "tags_unreadable": Meaning("the tag tables cannot be read; models came without tags", _RESTORE),
    "rows_unreadable": Meaning(
        "rows lie on damaged pages of the legacy database and are lost", _RESTORE
    ),
}
"""Codes of what a person should know about items that went on."""

_TABLES = {ProblemKind.FAILURE: FAILURES, ProblemKind.WARNING: WARNINGS}


def meaning(kind: ProblemKind, code: str) -> Meaning:
    """What a code means; the code itself where it is new."""
    unknown = Meaning(code.replace("_", " "), "See the details of each item.")
    return _TABLES[kind].get(code, unknown)
