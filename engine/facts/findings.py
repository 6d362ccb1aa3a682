"""What verification looks at and what it finds wrong."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from engine.facts.repairs import Remedy


class Fault(msgspec.Struct, frozen=True):
    """Something wrong: a code of the contract, the file or record, and what was found."""

    code: str
    path: str
    detail: str


class Finding(msgspec.Struct, frozen=True):
    """A fault, and what would mend it for certain; None where nothing would."""

    fault: Fault
    remedy: Remedy | None = None


class FaultKind(StrEnum):
    """What can be wrong by the database alone, in the order in which it is looked for."""

    META = "meta"
    TAGS = "tags"
    MODEL_LINKS = "model_links"
    PENDING_LINKS = "pending_links"
    ACTIVE_PATHS = "active_paths"
    PENDING_PATHS = "pending_paths_twice"
    JOURNAL_TABLES = "journal_tables"
    JOURNAL_REFERENCES = "journal_references"
    JOURNAL_COUNTS = "journal_counts"
    JOURNAL_RUNS = "journal_runs"
    JOURNAL_ITEMS = "journal_items"
    JOURNAL_HISTORY = "journal_history"
    JOURNAL_LOSSES = "journal_losses"
    JOURNAL_PROMOTIONS = "journal_promotions"


class FaultPage(msgspec.Struct, frozen=True):
    """Some of what was found; `next` is the number to go on behind, None at the end."""

    findings: list[Finding]
    next: int | None


class RecordDefect(msgspec.Struct, frozen=True):
    """What is wrong with a field of a record; `missing` where there is no value at all."""

    detail: str
    missing: bool = False


class StoredModel(msgspec.Struct, frozen=True):
    """An active model as verification sees it; `defects` tell what is wrong with its record."""

    number: int
    sha256: str
    path: str
    images_count: int
    defects: tuple[RecordDefect, ...]


class StoredPending(msgspec.Struct, frozen=True):
    """A pending model as verification sees it.

    `unread` tells that its hash is that of an active model, and that nobody is known to have read
    it from the file.
    """

    id: int
    path: str
    sha256: str
    images: tuple[str, ...]
    defects: tuple[RecordDefect, ...]
    unread: bool = False


class Sample(msgspec.Struct, frozen=True):
    """Which model files to hash anew: the `part`-th of `parts` equal parts, by hash."""

    part: int
    parts: int

    def holds(self, sha256: str) -> bool:
        """Whether a model falls into this part."""
        return int(sha256[:8], 16) % self.parts == self.part - 1
