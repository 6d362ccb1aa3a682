"""Random histories of a library, next to a small account of it that knows only the contract: the
two agree after every step."""

from __future__ import annotations

import copy
import os
import shutil
import tempfile
from contextlib import AbstractContextManager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from adapters.composition import Reshelve
from engine.errors import NothingToResume
from engine.facts.conflicts import ConflictStrategy
from engine.facts.files import Root
from engine.facts.findings import Fault
from engine.facts.promotion_report import PromotionReport
from engine.facts.scan_report import ScanReport
from engine.service import MigrationService
from tests.waiting_library import (
    Legacy,
    Row,
    Spoken,
    active,
    expected_previews,
    migrate,
    originals,
    picture,
    previews,
    query,
    sha_of,
    waiting,
)

CONTENTS = [b"A", b"BB", b"bb", b"CCC"]
"""Few, so that rows meet; two of one size, so that size alone tells no content."""
PICTURES = {"p.png": picture(1), "q.png": picture(2)}
UNUSABLE = {"gone.png": b"", "bad.png": b"no image"}
"""Images that rows name and that cannot be carried: one is not there, one is none."""
MADE_AT = 1_700_000_000_000
TEXTS = ("name", "type", "description", "positive")
FIELDS = ("path", *TEXTS, "size_bytes", "created_at")

COUNTED = """
SELECT r.id, c.name, c.n FROM migration_counts c JOIN migration_runs r ON r.id = c.run_id
WHERE r.kind = 'legacy' AND c.n <> 0
  AND c.name IN ('pending', 'imported', 'images_done', 'promoted', 'failed')
"""
GROUPED = """
SELECT i.run_id, i.state, count(*) FROM migration_items i JOIN migration_runs r ON r.id = i.run_id
WHERE r.kind = 'legacy' GROUP BY i.run_id, i.state
"""

Strategy = ConflictStrategy | None


class Entry(msgspec.Struct):
    """A model in the account: its fields, its tags, and its images by name, in order."""

    fields: Spoken
    tags: set[str]
    images: list[str]

    def join(self, other: Entry, strategy: Strategy) -> None:
        """What the contract says of `override` and of `merge`."""
        if strategy is ConflictStrategy.OVERRIDE:
            self.fields = dict(other.fields)
        else:
            self.fields = {name: self.fields[name] or other.fields[name] for name in self.fields}
        self.tags |= other.tags
        self.hold(other.images)

    def hold(self, images: list[str]) -> None:
        """Images that it has not yet are the last ones."""
        self.images += [name for name in images if name not in self.images]

    def follow(self, before: Row, row: Row, strategy: Strategy, *, shared: bool) -> None:
        """What the README says of a row that was edited after it was carried."""
        self.fields["created_at"] = self.fields["created_at"] or row.created_at
        if strategy is ConflictStrategy.IGNORE:
            return
        for name in TEXTS:
            was, now, stands = getattr(before, name), getattr(row, name), self.fields[name]
            edited_here = stands not in ("", was)
            if now != was and (strategy is ConflictStrategy.OVERRIDE or not edited_here):
                self.fields[name] = now
        self.tags |= {*row.tags} - {*before.tags}
        if not shared:
            self.tags -= {*before.tags} - {*row.tags}


class Account:
    """What a library holds, as the contract has it: active models by content, others by path."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.lost: set[str] = set()
        self.rows: tuple[dict[int, Row], ...] = ({}, {})
        """Of each legacy library, by key, in the order of the keys."""
        self.carried: tuple[set[Row], ...] = (set(), set())
        """Every version of a row that a migration has seen."""
        self.active: dict[bytes, Entry] = {}
        self.waiting: dict[str, Entry] = {}
        self.before: dict[str, Row] = {}
        """The version of a row that was carried last, by its path."""
        self.became: dict[str, bytes] = {}
        """What that version became among the active models."""
        self.left: set[str] = set()
        """Paths of rows whose model was removed while it waited."""
        self.ever: dict[bytes, set[str]] = {}
        """Paths of all rows that became a model."""

    def migrate(self, source: int, folder: Path, strategy: ConflictStrategy) -> None:
        """Rows that were not carried as they are, in their order."""
        ever = copy.deepcopy(self.ever)
        for row in self.rows[source].values():
            if row in self.carried[source]:
                continue
            self.carried[source].add(row)
            entry = Entry(
                {
                    "path": str(folder / f"{row.key}.safetensors"),
                    **{field: getattr(row, field) for field in TEXTS},
                    "size_bytes": len(row.content),
                    "created_at": row.created_at,
                },
                set(row.tags),
                [name for name, _ in row.images if name in PICTURES],
            )
            self._carry(entry, row, strategy, ever)

    def _carry(
        self, entry: Entry, row: Row, strategy: Strategy, ever: dict[bytes, set[str]]
    ) -> None:
        path = entry.fields["path"]
        before, became = self.before.get(path), self.became.get(path)
        self.before[path] = row
        if path in self.left:
            if strategy is not ConflictStrategy.OVERRIDE:
                return
            self.left.discard(path)
            before = None
        shared = became is not None and len(ever[became]) > 1
        known = row.hashed or (became is not None and before is not None and not before.hashed)
        there = self.active.get(row.content) if known else None
        waits = self.waiting.get(path)
        if not known or (there and strategy is ConflictStrategy.IGNORE and became is None):
            if waits is None:
                self.waiting[path] = entry
            elif before is None:
                waits.join(entry, strategy)
            else:
                waits.follow(before, row, strategy, shared=shared)
                waits.hold(entry.images)
            self.became.pop(path, None)
            return
        if waits is not None:
            del self.waiting[path]
            images = [*entry.images, *(name for name in waits.images if name not in entry.images)]
            if before is None:
                waits.join(entry, strategy)
            else:
                waits.follow(before, row, strategy, shared=shared)
            entry = msgspec.structs.replace(waits, images=images)
        elif there and before is not None and became is not None:
            there.follow(before, row, strategy, shared=shared)
            there.hold(entry.images)
            return
        self._activate(path, row.content, entry, strategy)

    def _activate(self, path: str, content: bytes, entry: Entry, strategy: Strategy) -> None:
        if content in self.active:
            self.active[content].join(entry, strategy)
        else:
            self.active[content] = entry
        if path in self.before:
            self.became[path] = content
            self.ever.setdefault(content, set()).add(path)

    def scan(self) -> tuple[list[str], list[tuple[str, str]]]:
        """What a scan adds, and what it offers as moved: (path of the record, found path)."""
        known = {entry.fields["path"] for entry in self.active.values()} | set(self.waiting)
        added, moved = [], []
        for path in sorted(set(self.files) - self.lost - known):
            there = self.active.get(self.files[path])
            if there and self.gone(there.fields["path"]):
                moved.append((there.fields["path"], path))
                continue
            added.append(path)
            texts = {"name": Path(path).name, "type": "found", "description": "", "positive": ""}
            size = len(self.files[path])
            fields = {"path": path, **texts, "size_bytes": size, "created_at": MADE_AT}
            self.waiting[path] = Entry(fields, set(), [])
        return added, moved

    def gone(self, path: str) -> bool:
        """Whether there is no file at a path."""
        return path in self.lost or path not in self.files

    def promote(self, path: str, strategy: Strategy) -> str:
        """What becomes of one model that waits."""
        if self.gone(path):
            return "failed"
        entry, there = self.waiting[path], self.active.get(self.files[path])
        if there and strategy is None:
            return "conflict"
        if there and strategy is ConflictStrategy.IGNORE:
            return "ignored"
        del self.waiting[path]
        if there and strategy is ConflictStrategy.DELETE:
            if path in self.before and path not in self.became:
                self.left.add(path)
            return "deleted"
        self._activate(path, self.files[path], entry, strategy)
        return "success"


def outcomes(report: PromotionReport) -> dict[int, str]:
    """What became of every id."""
    places: dict[str, list[Any]] = {
        "success": report.success,
        "conflict": [conflict.pending.id for conflict in report.conflict],
        "ignored": report.ignored,
        "deleted": report.deleted,
        "failed": [refusal.id for refusal in report.failed],
    }
    return {key: place for place, keys in places.items() for key in keys}


rows = st.builds(
    Row,
    key=st.just(0),
    content=st.sampled_from(CONTENTS),
    hashed=st.sampled_from([False, False, True]),
    name=st.sampled_from(["", "a name"]),
    type=st.sampled_from(["", "loras"]),
    description=st.sampled_from(["", "one", "two"]),
    positive=st.sampled_from(["", "a prompt"]),
    created_at=st.sampled_from([0, 5, 6]),
    images=st.lists(st.sampled_from(sorted({**PICTURES, **UNUSABLE}.items())), unique=True).map(
        tuple
    ),
    tags=st.sets(st.sampled_from(["a", "b", "c"])).map(lambda tags: tuple(sorted(tags))),
)
sources = st.sampled_from([0, 0, 1])
"""Which legacy library; most happens in one."""
strategies = st.sampled_from([None, *ConflictStrategy])
some = st.sets(st.integers(0, 7), min_size=1)
"""Which of the models that wait, by their place among them."""


class Library(RuleBasedStateMachine):
    """A service that lives through the steps, on a backend of its own."""

    @initialize(
        backend=st.sampled_from(["asyncio", "trio"]),
        drawn=st.lists(rows, min_size=4, max_size=10),
    )
    def begin(self, backend: str, drawn: list[Row]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="reshelve-stateful-"))
        self.library = self.folder / "library"
        self.legacies = [Legacy(self.folder / name) for name in ("legacy", "legacy_2")]
        self.account = Account()
        self.numbers: dict[int, str] = {}
        self.starting = start_blocking_portal(backend)
        self.portal: BlockingPortal = self.starting.__enter__()
        self.open()
        self.grow_by(0, drawn)
        self.migrate(0, ConflictStrategy.MERGE)

    def open(self) -> None:
        service = Reshelve().service(self.library, 2)
        self.opened: AbstractContextManager[MigrationService] = (
            self.portal.wrap_async_context_manager(service)
        )
        self.service = self.opened.__enter__()

    def teardown(self) -> None:
        if hasattr(self, "opened"):
            self.opened.__exit__(None, None, None)
            self.starting.__exit__(None, None, None)
            shutil.rmtree(self.folder)

    # --- what happens to a library

    @rule(source=sources, drawn=st.lists(rows, min_size=1, max_size=3))
    def grow(self, source: int, drawn: list[Row]) -> None:
        """A legacy library gets more models."""
        self.grow_by(source, drawn)

    def grow_by(self, source: int, drawn: list[Row]) -> None:
        for row in drawn:
            made = msgspec.structs.replace(row, key=len(self.account.rows[source]) + 1)
            self.legacies[source].add(made)
            self.note(source, made)

    def note(self, source: int, row: Row) -> None:
        (self.legacies[source].images / "gone.png").unlink(missing_ok=True)
        self.account.rows[source][row.key] = row
        self.put(str(self.legacies[source].path(row)), row.content)

    @rule(place=st.integers(0, 20), drawn=rows)
    def edit(self, place: int, drawn: Row) -> None:
        """The legacy application changes what a row says of its file."""
        there = [*self.account.rows[0].values()]
        old = there[place % len(there)]
        row = msgspec.structs.replace(drawn, key=old.key, content=old.content)
        self.legacies[0].change(row)
        self.note(0, row)

    def put(self, path: str, content: bytes) -> None:
        Path(path).write_bytes(content)
        os.utime(path, ns=(MADE_AT * 1_000_000,) * 2)
        self.account.files[path] = content
        self.account.lost.discard(path)

    @rule(content=st.sampled_from(CONTENTS), number=st.integers(0, 3))
    def download(self, content: bytes, number: int) -> None:
        """A file that no manager knows appears, unless its name is taken."""
        path = str(self.legacies[0].models / f"new {number}.ckpt")
        if path not in self.account.files:
            self.put(path, content)

    @precondition(lambda self: self.account.files)
    @rule(place=st.integers(0, 20))
    def lose(self, place: int) -> None:
        paths = sorted(self.account.files)
        path = paths[place % len(paths)]
        Path(path).unlink(missing_ok=True)
        self.account.lost.add(path)

    @precondition(lambda self: self.account.lost)
    @rule()
    def find_again(self) -> None:
        """The cause of failures is gone."""
        for path in sorted(self.account.lost):
            self.put(path, self.account.files[path])

    # --- what the service is asked

    @rule(source=sources, strategy=st.sampled_from([*ConflictStrategy][:3]))
    def migrate_what_is_new(self, source: int, strategy: ConflictStrategy) -> None:
        self.migrate(source, strategy)

    def migrate(self, source: int, strategy: ConflictStrategy) -> None:
        legacy = self.legacies[source]
        self.portal.call(migrate, self.service, legacy, strategy)
        self.account.migrate(source, legacy.models, strategy)

    @rule()
    def scan(self) -> None:
        report: ScanReport = self.portal.call(
            self.service.scan, [Root("found", str(legacy.models)) for legacy in self.legacies]
        )
        added, moved = self.account.scan()
        paths = {key: record["path"] for key, record in waiting(self.library).items()}
        assert [paths[key] for key in report.pending_ids] == added
        assert [(move.path, move.found) for move in report.moved] == moved
        assert report.scanned == report.added + report.skipped + len(report.moved)

    @precondition(lambda self: self.account.waiting)
    @rule(places=some, strategy=strategies)
    def promote(self, places: set[int], strategy: Strategy) -> None:
        """Also what failed before: to promote it again is to retry it."""
        paths = self.chosen(places)
        report: PromotionReport = self.portal.call(self.service.promote, [*paths], strategy)
        self.settle(report, paths, strategy)

    @precondition(lambda self: self.account.waiting)
    @rule(places=some, strategy=strategies, beats=st.sampled_from([0, 3, 30, 300]))
    def promote_with_interruptions(self, places: set[int], strategy: Strategy, beats: int) -> None:
        """Cancelled, resumed, stopped, closed, opened and resumed."""
        paths = self.chosen(places)
        run_id: int = self.portal.call(self.promote_and_cancel, [*paths], strategy, beats)
        self.portal.call(self.resume_and_stop, beats)
        self.restart()
        self.settle(self.portal.call(self.resume_to_the_end, run_id), paths, strategy)

    @rule()
    def restart(self) -> None:
        self.opened.__exit__(None, None, None)
        self.open()

    def chosen(self, places: set[int]) -> dict[int, str]:
        """Some of the models that wait, by id."""
        there = sorted(waiting(self.library).items())
        wanted = {place % len(there) for place in places}
        return {key: record["path"] for n, (key, record) in enumerate(there) if n in wanted}

    def settle(self, report: PromotionReport, paths: dict[int, str], strategy: Strategy) -> None:
        expected = {key: self.account.promote(path, strategy) for key, path in paths.items()}
        assert outcomes(report) == expected

    async def promote_and_cancel(self, ids: list[int], strategy: Strategy, beats: int) -> int:
        begun = await self.service.begin_promotion(ids, strategy)
        assert begun.run is not None
        await go_on(beats)
        await self.service.cancel()
        await self.service.wait(begun.run.id)
        return begun.run.id

    async def resume_and_stop(self, beats: int) -> None:
        with suppress(NothingToResume):
            await self.service.resume()
            await go_on(beats)
            await self.service.stop(0)

    async def resume_to_the_end(self, run_id: int) -> PromotionReport:
        with suppress(NothingToResume):
            resumed = await self.service.resume()
            assert resumed.run is not None
            await self.service.wait(resumed.run.id)
        return await self.service.promotion(run_id)

    # --- what must hold after every step

    @invariant()
    def active_models_are_those_of_the_account(self) -> None:
        found = {
            sha: (plain(record), record["tags"], record["images_count"])
            for sha, record in active(self.library).items()
        }
        assert found == {
            sha_of(content): (entry.fields, entry.tags, len(entry.images))
            for content, entry in self.account.active.items()
        }

    @invariant()
    def models_that_wait_are_those_of_the_account(self) -> None:
        found = {
            record["path"]: (plain(record), record["tags"], record["images"])
            for record in waiting(self.library).values()
        }
        assert found == {
            path: (entry.fields, entry.tags, entry.images)
            for path, entry in self.account.waiting.items()
        }

    @invariant()
    def a_number_of_the_queue_stays_that_of_one_model(self) -> None:
        for key, record in waiting(self.library).items():
            assert self.numbers.setdefault(key, record["path"]) == record["path"]

    @invariant()
    def image_files_are_those_of_the_records(self) -> None:
        kept = {name for entry in self.account.waiting.values() for name in entry.images}
        assert previews(self.library) == expected_previews(self.library)
        assert originals(self.library) == kept

    @invariant()
    def counts_add_up(self) -> None:
        counted, grouped = query(self.library, COUNTED), query(self.library, GROUPED)
        assert sorted(counted) == sorted(grouped)

    @invariant()
    def every_reference_has_both_ends(self) -> None:
        assert query(self.library, "PRAGMA foreign_key_check") == []

    @invariant()
    def verification_finds_what_is_lost_and_what_is_active_and_waits(self) -> None:
        entries = [*self.account.active.values(), *self.account.waiting.values()]
        gone = [
            entry.fields["path"] for entry in entries if self.account.gone(entry.fields["path"])
        ]
        both = {entry.fields["path"] for entry in self.account.active.values()} & {
            *self.account.waiting
        }
        found = [(p.code, p.path) for p in self.portal.call(self.problems)]
        assert sorted(found) == sorted(
            [("file_missing", path) for path in gone] + [("path_twice", path) for path in both]
        )

    async def problems(self) -> list[Fault]:
        async with Reshelve().verification(self.library, None, 1) as verification:
            return [fault async for fault in verification.faults()]


def plain(record: Spoken) -> Spoken:
    return {field: record[field] for field in FIELDS}


async def go_on(beats: int) -> None:
    """Let others run so many times."""
    for _ in range(beats):
        await anyio.lowlevel.checkpoint()


SEED = int(os.environ.get("RESHELVE_SEED") or date.today().toordinal())
"""Which histories are drawn: others every day, and the same again where a failure told its seed."""

BOUNDED = settings(
    max_examples=60,
    stateful_step_count=20,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def live_through(histories: settings) -> None:
    """Draw histories by the seed, and tell it to whoever sees this fail."""
    print(f"RESHELVE_SEED={SEED} draws these histories again.")  # noqa: T201
    run_state_machine_as_test(seed(SEED)(Library), settings=histories)


def test_a_library_is_what_its_history_makes_it() -> None:
    live_through(BOUNDED)


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_a_library_is_what_a_long_history_makes_it() -> None:
    live_through(settings(BOUNDED, max_examples=300, stateful_step_count=40))
