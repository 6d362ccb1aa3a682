"""What can be asked of the library's database: every read of committed facts, as data.

A query's fields are the arguments of the function that answers it. A run of None is the last one,
or all of them where the query says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from engine.facts.catalogue import ModelSummary, TagCount
from engine.facts.codes import ProblemKind
from engine.facts.files import FileFacts
from engine.facts.findings import FaultKind, FaultPage, StoredModel, StoredPending
from engine.facts.origins import ImageOrigin
from engine.facts.preview_sets import PlannedSet
from engine.facts.problems import CodeCount, Problem, ProblemCounts
from engine.facts.promotion_report import Conflict, PromotionReport
from engine.facts.records import ModelRecord, PendingModelRecord, Tag
from engine.facts.refusals import KeptRefusal
from engine.facts.removal import Removal
from engine.facts.reports import LibraryCounts, Step
from engine.facts.search import FoundModels, ModelSearch
from engine.facts.source import Defect, SourceRef
from engine.facts.states import ModelState
from engine.facts.status import ItemPage, RunFailure, RunNotice, RunStatus
from engine.facts.work import EarlierRow, Run, Work, WorkItem

T_co = TypeVar("T_co", covariant=True)


class Query(msgspec.Struct, Generic[T_co], frozen=True):
    """Something to read; `T_co` is the answer."""


class RunById(Query[Run | None], frozen=True):
    """A run, the last one by default; None where there is none."""

    run_id: int | None = None


class LastRunOf(Query[Run | None], frozen=True):
    """The last run of a source, whatever was said of it."""

    source: SourceRef


class UnfinishedRun(Query[Run | None], frozen=True):
    """The run that is running, interrupted or cancelled, if any."""


class StatusOf(Query[RunStatus], frozen=True):
    """The status of a run, the last one by default. Raises `UnknownRun`."""

    run_id: int | None = None


class ItemsOf(Query[ItemPage], frozen=True):
    """Items of a run, the last one by default, ascending by id; `verbatim` with their rows as
    they were. Raises `UnknownRun`."""

    run_id: int | None
    state: ModelState | None
    after: int
    limit: int
    verbatim: bool = False


class WarningsOf(Query[list[tuple[int, RunNotice]]], frozen=True):
    """Warnings of a run in the order of their items, each with its own number."""

    run_id: int
    after: int
    limit: int


class FailuresOf(Query[list[RunFailure]], frozen=True):
    """Failed items of a run, ascending by id."""

    run_id: int
    after: int
    limit: int


class RetryableItems(Query[int], frozen=True):
    """How many failed items of a run might succeed when tried again."""

    run_id: int


class KnownDigests(Query[set[tuple[str, bytes]]], frozen=True):
    """(key, digest) of the rows with these keys that were recorded of the run's source."""

    run_id: int
    keys: Sequence[str]


class EarlierRows(Query[dict[str, EarlierRow]], frozen=True):
    """The last version that was recorded of each of the rows with these keys of the run's source;
    those that were never recorded are left out."""

    run_id: int
    keys: Sequence[str]


class OpenWork(Query[list[WorkItem]], frozen=True):
    """Items with work, id > `after`, ascending, which is the order of their source."""

    run_id: int
    after: int
    limit: int


class PromotionWindow(Query[int | None], frozen=True):
    """The first place > `after` of a promotion that has work left; None at the end."""

    run_id: int
    after: int


class EnlistedItems(Query[list[WorkItem]], frozen=True):
    """Items of a promotion with this work, after < place <= until, ascending."""

    run_id: int
    work: Work
    after: int
    until: int
    limit: int


class CachedHashes(Query[dict[str, tuple[FileFacts, str]]], frozen=True):
    """Of those of the paths that were hashed before: how the file looked, and its hash."""

    paths: Sequence[str]


class CachedHash(Query[str | None], frozen=True):
    """The hash of a file that was hashed before and has not changed since."""

    path: str
    facts: FileFacts


class PendingModels(Query[list[PendingModelRecord]], frozen=True):
    """Models that wait for promotion, with their tags, ascending by id."""

    after: int
    limit: int


class PendingPaths(Query[dict[int, str]], frozen=True):
    """The paths of the pending models among `ids`."""

    ids: Sequence[int]


class PromotionOf(Query[PromotionReport], frozen=True):
    """What became of every id of a promotion so far."""

    run_id: int


class PromotionRunOf(Query[int | None], frozen=True):
    """The id of a run, or of the last one, if it is a promotion."""

    run_id: int | None


class UnusedOriginals(Query[list[str]], frozen=True):
    """Adopted originals that nothing refers to any more."""


class KnownPaths(Query[set[str]], frozen=True):
    """Those of the paths that an active or a pending model has."""

    paths: Sequence[str]


class RecordsOfSizes(Query[list[tuple[int, str, str]]], frozen=True):
    """(size, sha256, path) of models of these sizes in bytes; no hash for those that wait."""

    sizes: Sequence[int]


class StoredModels(Query[list[StoredModel]], frozen=True):
    """Active models as they are, damaged ones too, ascending by their number."""

    after: int
    limit: int


class StoredPendingModels(Query[list[StoredPending]], frozen=True):
    """Pending models as they are, damaged ones too, ascending by id."""

    after: int
    limit: int


class ImagesCounts(Query[dict[str, int]], frozen=True):
    """`images_count` of those of the hashes that are active models."""

    hashes: Sequence[str]


class FaultsOf(Query[FaultPage], frozen=True):
    """What is wrong of a kind by the database alone, all of one moment, ascending by number."""

    kind: FaultKind
    after: int
    limit: int


class StoredModelAt(Query[StoredModel | None], frozen=True):
    """The active model of this number, None where it has left."""

    number: int


class StoredPendingAt(Query[StoredPending | None], frozen=True):
    """The model that waits under this number, None where it has left."""

    number: int


class CarriedFrom(Query[list[ImageOrigin]], frozen=True):
    """Where the images may lie that the previews of a model were made of: each that was carried
    for it, in every source that there was."""

    sha256: str


class ActivePaths(Query[list[str]], frozen=True):
    """The hashes of the active models of a path."""

    path: str


class UnderWay(Query[set[str]], frozen=True):
    """Those of the hashes whose preview sets the journal tells to be written or removed: now, or
    when what was interrupted goes on."""

    hashes: Sequence[str]


class UnwantedOriginals(Query[list[str]], frozen=True):
    """Those of the names of pending originals that no model in the queue has, that nothing under
    way writes, and that the journal has never heard of."""

    names: Sequence[str]


class ModelsOfType(Query[list[ModelSummary]], frozen=True):
    """Active models of a type; `Others` for those of no known type."""

    type_name: str
    known_types: Sequence[str]


class ModelsFound(Query[FoundModels], frozen=True):
    """Some of the active models that are wanted, in order, and how many there are."""

    search: ModelSearch
    offset: int
    limit: int


class PathsFound(Query[list[tuple[str, str]]], frozen=True):
    """(sha256, path) of some of the active models that are wanted, in order; as it is stored."""

    search: ModelSearch
    offset: int
    limit: int


class ModelsOfHashes(Query[list[ModelSummary]], frozen=True):
    """The active models of these hashes, in their order; those that are gone are left out."""

    hashes: Sequence[str]


class PendingMarks(Query[tuple[dict[int, Defect], set[int]]], frozen=True):
    """Why the last promotion of pending models failed, and which of them are in conflict."""


class TagCounts(Query[list[TagCount]], frozen=True):
    """All tags by name, with how many models have each."""


class TypesInUse(Query[list[str]], frozen=True):
    """The types that active models have."""


class ActiveModel(Query[ModelRecord | None], frozen=True):
    """An active model with its tags."""

    sha256: str


class AllTags(Query[list[Tag]], frozen=True):
    """All tags by name."""


class RefusedImages(Query[list[KeptRefusal]], frozen=True):
    """Images of a source, of which the same was said, that could not be carried; after one of them,
    ascending by item, name and place."""

    source: SourceRef
    after: KeptRefusal
    limit: int


class OpenRemovals(Query[list[Removal]], frozen=True):
    """Removals that are under way: of one model, of all by default."""

    sha256: str | None = None


class OpenPlans(Query[list[PlannedSet]], frozen=True):
    """Sets that were to be written and are not counted yet: of one model, of all by default."""

    sha256: str | None = None


class ProblemTotals(Query[ProblemCounts], frozen=True):
    """How many problems there are in all runs."""


class LastProblem(Query[int], frozen=True):
    """The greatest id that a problem of this kind can have now."""

    kind: ProblemKind


class ProblemsByCode(Query[list[CodeCount]], frozen=True):
    """The problems of a run, or of all, by code, after < id <= until."""

    run_id: int | None
    kind: ProblemKind
    after: int
    until: int


class ProblemsOf(Query[list[Problem]], frozen=True):
    """Problems of one code in a run, or in all, after < id <= until, ascending."""

    run_id: int | None
    kind: ProblemKind
    code: str
    after: int
    until: int
    limit: int


class KnownConflicts(Query[list[Conflict]], frozen=True):
    """Models that wait and whose known content is active, ascending by id."""

    after: int
    limit: int


class ModelHistory(Query[list[Step]], frozen=True):
    """Every transition of the items that became this model, in order."""

    sha256: str


class ItemHistory(Query[list[Step]], frozen=True):
    """Every transition of an item, in order."""

    item_id: int


class CountsOfLibrary(Query[LibraryCounts], frozen=True):
    """How much the library holds."""
