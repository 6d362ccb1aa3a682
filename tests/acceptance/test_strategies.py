"""Every strategy on every combination of two records of one content, in both stages, against an
account of the contract that shares nothing with the engine.

A case is two legacy rows of one content: the first is active, the second comes. Stage 1 meets the
second hashed, stage 2 unhashed. All cases of a strategy are rows of one library.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from pathlib import Path

import anyio
import msgspec
import pytest

from engine.facts.conflicts import ConflictStrategy
from engine.facts.promotion_report import PromotionReport
from tests.waiting_library import (
    Legacy,
    Row,
    Spoken,
    active,
    migrate,
    opened,
    originals,
    picture,
    preview_names,
    previews,
    sha_of,
    waiting,
)

TEXTS = ("name", "type", "description", "community_links", "positive", "negative")
PATTERNS: dict[str, tuple[str, ...]] = {
    "empty": (),
    "filled": (*TEXTS, "created_at", "size_bytes"),
    "some": ("name", "description", "positive", "created_at"),
    "the others": ("type", "community_links", "negative", "size_bytes"),
}
FIELDS = [*product(("empty", "filled"), repeat=2), ("some", "the others"), ("the others", "some")]
IMAGES: list[tuple[int, int | str]] = [
    *((old, new) for old in range(3) for new in range(3)),
    (1, "the same"),
    (2, "the same and one more"),
]


class Case(msgspec.Struct, frozen=True):
    """Fields and images of the active side, None where there is no conflict, and of the other."""

    existing: tuple[str, int] | None
    incoming: tuple[str, int | str]

    def __str__(self) -> str:
        return f"{self.existing or 'nothing'} meets {self.incoming}"


CONFLICTS = [
    Case((there, old), (comes, new)) for (there, comes), (old, new) in product(FIELDS, IMAGES)
]
ALONE = [Case(None, (comes, count)) for comes, count in product(PATTERNS, (0, 1, 2))]
CASES = [*CONFLICTS, *ALONE]
FIRST_INCOMING = 1000


class Trial(msgspec.Struct, frozen=True):
    """One stage with one strategy, over all cases."""

    stage: int
    strategy: ConflictStrategy | None

    def __str__(self) -> str:
        return f"stage {self.stage}, {self.strategy or 'null'}"

    @property
    def joins(self) -> bool:
        """Whether two records of one content become one."""
        return self.strategy in {ConflictStrategy.MERGE, ConflictStrategy.OVERRIDE}


STAGE_1 = (ConflictStrategy.MERGE, ConflictStrategy.OVERRIDE, ConflictStrategy.IGNORE)
TRIALS = [
    *(Trial(1, strategy) for strategy in STAGE_1),
    *(Trial(2, strategy) for strategy in (None, *ConflictStrategy)),
]


# --- the rows of a case


def content(number: int) -> bytes:
    return f"the content of case {number}".encode()


def image(number: int, name: str) -> tuple[str, bytes]:
    """An image whose content is its name's own."""
    file = f"{number}-{name}.png"
    return file, picture(int.from_bytes(file.encode(), "big") % 65_521)


def images(number: int, side: str, count: int | str) -> tuple[tuple[str, bytes], ...]:
    if isinstance(count, str):
        same = image(number, "existing 0")
        return (same,) if count == "the same" else (image(number, "one more"), same)
    return tuple(image(number, f"{side} {seq}") for seq in range(count))


def row(number: int, side: str, pattern: str, count: int | str, *, hashed: bool) -> Row:
    filled = PATTERNS[pattern]
    texts = {field: f"{side} {field}" for field in TEXTS if field in filled}
    return Row(
        key=number + (FIRST_INCOMING if side == "incoming" else 1),
        content=content(number),
        hashed=hashed,
        file=f"{side} {number}.safetensors",
        created_at={"existing": 1, "incoming": 2}[side] if "created_at" in filled else 0,
        sized="size_bytes" in filled,
        images=images(number, side, count),
        tags=(side, "both") if filled else (),
        **texts,
    )


def rows(stage: int) -> list[Row]:
    made = []
    for number, case in enumerate(CASES):
        if case.existing is not None:
            made.append(row(number, "existing", *case.existing, hashed=True))
        made.append(row(number, "incoming", *case.incoming, hashed=stage == 1))
    return sorted(made, key=lambda each: each.key)


# --- what the contract says


def spoken(made: Row, folder: Path, *, measured: bool) -> Spoken:
    """A row as the record it asks for; `measured` where its file was looked at for its size."""
    return {
        "path": str(folder / made.file),
        **{field: getattr(made, field) or "" for field in TEXTS},
        "created_at": made.created_at,
        "size_bytes": len(made.content) if made.sized or measured else 0,
        "tags": set(made.tags),
    }


def expected_record(trial: Trial, number: int, folder: Path) -> Spoken:
    """The active record that a case must end with."""
    case = CASES[number]
    new = row(number, "incoming", *case.incoming, hashed=True)
    incoming = spoken(new, folder, measured=trial.stage == 2)
    if case.existing is None:
        return {**incoming, "images_count": len(new.images)}
    old = row(number, "existing", *case.existing, hashed=True)
    existing = spoken(old, folder, measured=False)
    if not trial.joins:
        return {**existing, "images_count": len(old.images)}
    together = {name for name, _ in old.images} | {name for name, _ in new.images}
    record = incoming
    if trial.strategy is ConflictStrategy.MERGE:
        record = {field: existing[field] or incoming[field] for field in existing}
    return {**record, "tags": {*old.tags, *new.tags}, "images_count": len(together)}


def stays(trial: Trial, case: Case) -> bool:
    """Whether the second row of a case goes on waiting."""
    if case.existing is None or trial.joins:
        return False
    return trial.strategy is not ConflictStrategy.DELETE


def expected_waiting(trial: Trial, number: int, folder: Path) -> Spoken | None:
    """The record that must wait after a case; its size is left to a test of its own."""
    case = CASES[number]
    if not stays(trial, case):
        return None
    made = row(number, "incoming", *case.incoming, hashed=True)
    record = spoken(made, folder, measured=False)
    del record["size_bytes"]
    names = [name for name, _ in made.images]
    return {**record, "sha256": sha_of(made.content), "images": names}


# --- what was made


class Outcome(msgspec.Struct):
    """A library after a trial."""

    models: Path
    active: dict[str, Spoken]
    waiting: dict[int, Spoken]
    previews: set[str]
    originals: set[str]
    report: PromotionReport


@pytest.fixture(scope="module", params=TRIALS, ids=str)
def trial(request: pytest.FixtureRequest) -> Trial:
    found: Trial = request.param
    return found


@pytest.fixture(scope="module")
def outcome(trial: Trial, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("trial")
    library, legacy = folder / "library", Legacy(folder / "legacy", rows(trial.stage))

    async def conduct() -> PromotionReport:
        async with opened(library) as service:
            if trial.stage == 1:
                await migrate(service, legacy, trial.strategy or ConflictStrategy.MERGE)
                return PromotionReport()
            await migrate(service, legacy)
            return await service.promote(await service.pending_ids(), trial.strategy)

    # Half of the trials on each backend: the strategies know of neither.
    report = anyio.run(conduct, backend=("asyncio", "trio")[TRIALS.index(trial) % 2])
    return Outcome(
        legacy.models,
        active(library),
        waiting(library),
        previews(library),
        originals(library),
        report,
    )


Told = Mapping[int, object]
"""Something of each case, by the case's number."""


def wrong(found: Told, expected: Told) -> dict[str, tuple[object, object]]:
    """The cases that ended otherwise than the contract says: what was found, and expected."""
    return {
        str(CASES[number]): (found[number], expected[number])
        for number in range(len(CASES))
        if found[number] != expected[number]
    }


NUMBERS = range(len(CASES))


def test_active_records_are_what_the_strategy_makes_of_both(trial: Trial, outcome: Outcome) -> None:
    found = {number: outcome.active[sha_of(content(number))] for number in NUMBERS}
    expected = {number: expected_record(trial, number, outcome.models) for number in NUMBERS}
    assert wrong(found, expected) == {}


def test_the_queue_keeps_what_the_strategy_leaves_there(trial: Trial, outcome: Outcome) -> None:
    found = {number: outcome.waiting.get(FIRST_INCOMING + number) for number in NUMBERS}
    expected = {number: expected_waiting(trial, number, outcome.models) for number in NUMBERS}
    assert (
        wrong({n: record and without_size(record) for n, record in found.items()}, expected) == {}
    )


def without_size(record: Spoken) -> Spoken:
    return {field: value for field, value in record.items() if field != "size_bytes"}


def test_previews_are_numbered_without_gaps(trial: Trial, outcome: Outcome) -> None:
    found: dict[int, set[str]] = {}
    expected: dict[int, set[str]] = {}
    for number in NUMBERS:
        sha = sha_of(content(number))
        count = expected_record(trial, number, outcome.models)["images_count"]
        found[number] = {name for name in outcome.previews if name.startswith(sha)}
        expected[number] = preview_names(sha, count)
    assert wrong(found, expected) == {}


def test_originals_lie_there_while_their_model_waits(trial: Trial, outcome: Outcome) -> None:
    found: dict[int, set[str]] = {}
    expected: dict[int, set[str]] = {}
    for number, case in enumerate(CASES):
        made = row(number, "incoming", *case.incoming, hashed=True)
        found[number] = {name for name in outcome.originals if name.startswith(f"{number}-")}
        expected[number] = {name for name, _ in made.images} if stays(trial, case) else set()
    assert wrong(found, expected) == {}


def test_there_is_one_active_model_for_each_case(outcome: Outcome) -> None:
    assert set(outcome.active) == {sha_of(content(number)) for number in range(len(CASES))}


@pytest.mark.parametrize("trial", TRIALS[len(STAGE_1) :], ids=str, indirect=True)
def test_every_id_is_reported_in_its_place(trial: Trial, outcome: Outcome) -> None:
    report = outcome.report
    conflicting = [FIRST_INCOMING + number for number in range(len(CONFLICTS))]
    alone = [FIRST_INCOMING + len(CONFLICTS) + number for number in range(len(ALONE))]
    places: dict[ConflictStrategy | None, list[int]] = {
        None: [found.pending.id for found in report.conflict],
        ConflictStrategy.IGNORE: report.ignored,
        ConflictStrategy.DELETE: report.deleted,
    }
    place = places.get(trial.strategy, report.success[: len(conflicting)])
    assert (place, report.success[-len(alone) :], report.failed) == (conflicting, alone, [])
