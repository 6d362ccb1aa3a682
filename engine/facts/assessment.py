"""What a source row becomes: its identity judged against the file, and the lane it takes. Pure."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b

import msgspec

from engine.facts.conflicts import ConflictStrategy
from engine.facts.records import ActiveMeta, ModelRecord, PendingMeta, PendingModelRecord
from engine.facts.source import Notice, SourceModel
from engine.facts.work import Candidate, Carried


class Lane(StrEnum):
    """How a row goes on after it was recorded."""

    FAILED = "failed"
    """It can be no model; it stops at once."""
    ACTIVE = "active"
    """Hashed and without images: promoted in the transaction that records it."""
    PREVIEWS = "previews"
    """Hashed: a worker makes its previews, then it is promoted."""
    PENDING = "pending"
    """Unhashed and without images: waits for promotion at once."""
    ORIGINALS = "originals"
    """Unhashed: a worker copies its original images, then it waits for promotion."""
    REMOVED = "removed"
    """Somebody removed its model, and it stays removed."""


class AssessedRow(msgspec.Struct, frozen=True, gc=False):
    """A source row with its settled identity: `sha256` is empty while it must be hashed anew.

    `carried` is the version of the row that was recorded before, if that can be told.
    """

    model: SourceModel
    digest: bytes
    sha256: str
    warnings: tuple[Notice, ...]
    carried: Carried | None = None

    @property
    def follows_itself(self) -> bool:
        """Whether the model of the version before is still this row's."""
        carried = self.carried
        return carried is not None and not carried.removed and carried.sha256 == self.sha256


def row_digest(verbatim: bytes, where: str) -> bytes:
    """Names one version of a row: what it says, and where its images were looked for."""
    return blake2b(verbatim, digest_size=16, key=_key(where)).digest()


@lru_cache(maxsize=8)
def _key(where: str) -> bytes:
    return blake2b(where.encode(errors="surrogatepass"), digest_size=16).digest()


def assess(model: SourceModel, digest: bytes, file_size: int | None) -> AssessedRow:
    """Judge a claimed hash against the file; `file_size` is None when there is no file.

    The legacy application refreshed `size_bytes` and kept `hash_hex` when a file was replaced, so
    a size that differs from the file's proves the hash stale. A model whose file is absent keeps
    its hash: there is nothing to hash anew.
    """
    if not model.sha256 or model.defect is not None:
        return AssessedRow(model, digest, "", model.warnings)
    if file_size is None:
        warning = Notice("file_missing", f"no file at {model.path}")
        return AssessedRow(model, digest, model.sha256, (*model.warnings, warning))
    if model.size_bytes is not None and model.size_bytes != file_size:
        warning = Notice(
            "stale_hash",
            # Not the file's size: the row may name any file, and its reader is not its owner.
            f"the row says {model.size_bytes} bytes, and the file has another size: hash it anew",
        )
        return AssessedRow(model, digest, "", (*model.warnings, warning))
    return AssessedRow(model, digest, model.sha256, model.warnings)


def identified(row: AssessedRow) -> AssessedRow:
    """A row that never told a hash has that of the version before, whose file it still is: it was
    read for its promotion."""
    carried = row.carried
    if carried is None or carried.claimed or not carried.sha256 or row.model.sha256:
        return row
    if row.model.defect is not None or row.model.size_bytes != carried.row.size_bytes:
        return row
    return msgspec.structs.replace(row, sha256=carried.sha256)


def stays_removed(row: AssessedRow, strategy: ConflictStrategy) -> bool:
    """Whether a row's model was removed, and is not asked for again: by `override`, or by another
    content."""
    carried = row.carried
    if carried is None or not carried.removed or strategy is ConflictStrategy.OVERRIDE:
        return False
    return row.model.defect is None and (
        not (row.sha256 and carried.sha256) or row.sha256 == carried.sha256
    )


def as_new_if_removed(row: AssessedRow) -> AssessedRow:
    """What is asked for again after it was removed comes whole, as a row that was never carried."""
    if row.carried is None or not row.carried.removed:
        return row
    return msgspec.structs.replace(row, carried=None)


def may_wait(row: AssessedRow, strategy: ConflictStrategy) -> bool:
    """Whether a row can become a model that waits, whatever it meets; see `lane`."""
    return not row.sha256 or strategy is ConflictStrategy.IGNORE


def lane(row: AssessedRow, strategy: ConflictStrategy, *, conflicts: bool, follows: bool) -> Lane:
    """Where a row goes on.

    `conflicts`: a model of this hash is active or on its way. `follows`: it is on its way, so
    this row must come after it, through the workers, which keep the order of one hash.
    """
    if row.model.defect is not None:
        return Lane.FAILED
    asks = strategy is not ConflictStrategy.IGNORE or row.follows_itself
    if not row.sha256 or (conflicts and not asks):
        return Lane.ORIGINALS if row.model.images else Lane.PENDING
    return Lane.PREVIEWS if row.model.images or follows else Lane.ACTIVE


def active_record(model: SourceModel | Candidate, sha256: str) -> ModelRecord:
    """The record that a row of a source asks for, as an active model without previews."""
    return ModelRecord(
        sha256=sha256,
        path=model.path,
        name=model.name,
        type=model.type,
        size_bytes=model.size_bytes or 0,
        created_at=model.created_at,
        meta_json=ActiveMeta(
            description=model.description,
            community_links=model.community_links,
            prompts=model.prompts,
        ),
    )


def pending_record(
    model: SourceModel | Candidate, pending_id: int, sha256: str, images: tuple[str, ...]
) -> PendingModelRecord:
    """The record that a row of a source asks for, as a model that waits."""
    return PendingModelRecord(
        id=pending_id,
        path=model.path,
        sha256=sha256,
        name=model.name,
        type=model.type,
        size_bytes=model.size_bytes or 0,
        created_at=model.created_at,
        meta_json=PendingMeta(
            description=model.description,
            community_links=model.community_links,
            images=images,
            prompts=model.prompts,
        ),
    )
