"""What is decided about an item on its way, on what the library holds at that moment. Pure.

Whoever stores looks up what is asked for here, and applies what comes out, in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from enum import StrEnum

import msgspec

from engine.facts.assessment import active_record, pending_record
from engine.facts.conflicts import (
    ConflictStrategy,
    duplicate_warning,
    previews_of,
    replaced_warning,
    resolve,
    resolve_pending,
    with_images,
)
from engine.facts.edits import Edited, follow
from engine.facts.files import FoundFile
from engine.facts.preview_sets import PlannedSet
from engine.facts.promotion_report import Outcome
from engine.facts.records import ActiveMeta, ModelRecord, PendingModelRecord
from engine.facts.source import Defect, Notice
from engine.facts.states import ModelState
from engine.facts.work import Candidate, Work


class Course(StrEnum):
    """How an item of stage 2 goes on, once its content is known."""

    GO_ON = "go on"
    """It becomes active, joined with the active model of its content if there is one."""
    STAY = "stay"
    """It goes on waiting, in the state it was in."""
    LEAVE = "leave"
    """It leaves the queue, and a later import of its source does not bring it back."""


class Decision(msgspec.Struct, frozen=True):
    """The course of an item, and what its promotion reports of it; None while it goes on."""

    course: Course
    outcome: Outcome | None = None


def decide(strategy: ConflictStrategy | None, existing: ModelRecord | None) -> Decision:
    """What becomes of a model that waits where its content is active already as `existing`."""
    if existing is None:
        return Decision(Course.GO_ON)
    match strategy:
        case None:
            return Decision(Course.STAY, Outcome.CONFLICT)
        case ConflictStrategy.IGNORE:
            return Decision(Course.STAY, Outcome.IGNORED)
        case ConflictStrategy.DELETE:
            return Decision(Course.LEAVE, Outcome.DELETED)
        case _:
            return Decision(Course.GO_ON)


def needs_no_files(candidate: Candidate, unfinished: Sequence[PlannedSet]) -> bool:
    """Whether a model whose content is known becomes active by its record alone: it has no images,
    and no interrupted writing of previews is to be cleared away."""
    return not candidate.images and not unfinished


class Activation(msgspec.Struct, frozen=True):
    """The record that a model becomes active with, tags to link and to unlink, by name, and what is
    to be said of it."""

    record: ModelRecord
    notices: tuple[Notice, ...] = ()
    link: tuple[str, ...] = ()
    unlink: tuple[str, ...] = ()


def activate(
    candidate: Candidate,
    sha256: str,
    existing: ModelRecord | None,
    waited: PendingModelRecord | None,
    strategy: ConflictStrategy,
    images_count: int | None,
    at_path: Callable[[str], Iterable[str]],
) -> Activation:
    """Join a model with the active one of its content, whose sets are counted anew; where none
    was added, None, and the count stays as it is.

    `waited` is what the candidate's model is in the queue, which it leaves. `at_path` tells the
    hashes of the other models that are active at a path.
    """
    carried, edited = candidate.carried, None
    count = previews_of(existing) if images_count is None else images_count
    record = active_record(candidate, sha256)
    notices: tuple[Notice, ...] = ()
    if waited is not None:
        record, edited = _leaving(waited, candidate, sha256, strategy)
    if existing is not None:
        if waited is None and carried is not None and carried.sha256 == sha256:
            record, edited = follow(existing, carried, candidate, strategy)
        else:
            notices = duplicate_warning(existing.path, record.path)
            record = resolve(strategy, existing, record)
    notices += edited.notices if edited is not None else ()
    notices += replaced_warning(at_path(record.path))
    return Activation(
        with_images(record, count),
        notices,
        candidate.tags if edited is None else edited.link,
        () if edited is None else edited.unlink,
    )


def _leaving(
    waited: PendingModelRecord, candidate: Candidate, sha256: str, strategy: ConflictStrategy
) -> tuple[ModelRecord, Edited | None]:
    """A model that waited, as an active one, joined with the row that tells its hash now."""
    meta = waited.meta_json
    record = ModelRecord(
        sha256=sha256,
        path=waited.path,
        name=waited.name,
        type=waited.type,
        size_bytes=candidate.size_bytes or waited.size_bytes,
        created_at=waited.created_at,
        meta_json=ActiveMeta(
            description=meta.description,
            community_links=meta.community_links,
            prompts=meta.prompts,
        ),
    )
    if candidate.carried is not None:
        return follow(record, candidate.carried, candidate, strategy)
    return resolve(strategy, record, active_record(candidate, sha256)), None


def stay_pending(
    candidate: Candidate,
    pending_id: int,
    sha256: str,
    images: tuple[str, ...],
    existing: PendingModelRecord | None,
    strategy: ConflictStrategy,
) -> tuple[PendingModelRecord, Edited]:
    """The record of a model that waits, joined with the one that waits at its path already."""
    record = pending_record(candidate, pending_id, sha256, images)
    edited = Edited(candidate.tags, (), ())
    if existing is None:
        return record, edited
    if candidate.carried is None:
        return resolve_pending(strategy, existing, record), edited
    followed, edited = follow(existing, candidate.carried, candidate, strategy)
    there = followed.meta_json.images
    joined = (*there, *(name for name in images if name not in there))
    meta = msgspec.structs.replace(followed.meta_json, images=joined)
    return msgspec.structs.replace(followed, meta_json=meta), edited


class Enlistment(msgspec.Struct, frozen=True):
    """How a promotion takes an item: from which state, after a retry, from another run's work."""

    state: ModelState
    retries: bool = False
    takes_over: bool = False


def enlist(
    state: ModelState, failed_in: ModelState | None, work: Work | None
) -> Enlistment | Defect:
    """Take a model for promotion, or tell why not: a migration's own work on it comes first."""
    if work in {Work.PREVIEWS, Work.ORIGINALS}:
        return Defect("busy", "A migration is still working on it. Try again later.")
    if failed_in is not None:
        return Enlistment(failed_in, retries=True)
    return Enlistment(state, takes_over=work is not None)


class Whereabouts(StrEnum):
    """Where the model of an item is that is not in its place in the queue any more."""

    PENDING = "pending"
    """In another place of the queue."""
    ACTIVE = "active"
    """Among the active models: another program has promoted it."""
    NOWHERE = "nowhere"
    """Somebody has removed it."""
    UNDECIDED = "undecided"
    """A worker has it in hand, and will tell."""


def whereabouts(waits_as: int | None, active_as: str | None, *, held: bool) -> Whereabouts:
    """Where a model is, by its number in the queue and its hash as an active one, if any."""
    if waits_as is not None:
        return Whereabouts.PENDING
    if held:
        return Whereabouts.UNDECIDED
    return Whereabouts.NOWHERE if active_as is None else Whereabouts.ACTIVE


NO_LONGER_PENDING = Defect("record_missing", "Its record has left the queue meanwhile.")
"""Why a model cannot be promoted that was taken from the queue after it was asked for."""


def claim_wrong(claimed: str, by: str, sha256: str) -> Notice | None:
    """What to say of a hash that a source claimed, once the file's own is known."""
    if claimed in {"", sha256}:
        return None
    return Notice(
        "claim_wrong",
        f"{by} says {claimed}; the file's own is {sha256}, and that one is used.",
    )


def not_pending(pending_id: int) -> Defect:
    """Why an id that nobody in the queue has is not promoted."""
    return Defect("unknown_id", f"No model with id {pending_id} waits for promotion.")


def unknown_files(files: Iterable[FoundFile], known: Container[str]) -> list[FoundFile]:
    """Those of the files that no model has by its path or by the one free of links."""
    return [file for file in files if file.path not in known and file.real_path not in known]


def found_record(file: FoundFile, number: int) -> PendingModelRecord:
    """The record of a file that a scan found, as a model that waits."""
    return PendingModelRecord(
        id=number,
        path=file.path,
        name=file.path.replace("\\", "/").rsplit("/", 1)[-1],
        type=file.type,
        size_bytes=file.size,
        created_at=file.created_at,
    )
