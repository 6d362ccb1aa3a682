"""Random histories of a library that two programs and a person share. Whatever version 2 has done
to the same file and folder: what was there before a command of reshelve's is there after it, and
verification tells the truth."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import anyio
import msgspec
from hypothesis import seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from engine.facts.conflicts import ConflictStrategy
from engine.facts.files import Root
from engine.facts.repair_report import RepairMode
from engine.service import MigrationService
from tests.acceptance.test_stateful import BOUNDED, SEED
from tests.beside.shelves import Shelves, painted, problems
from tests.waiting_library import (
    TIERS,
    Row,
    active,
    migrate,
    opened,
    originals,
    query,
    sha_of,
    waiting,
)

T = TypeVar("T")

CONTENTS = [b"A", b"BB", b"CCC"]
SHAS = {sha_of(content): content for content in CONTENTS}
COLOURS = ["red", "lime", "blue", "yellow"]
IMAGE_FAULTS = {"images_count_wrong", "image_missing", "image_unreadable", "image_stray"}
NEVER = {"journal_wrong", "tag_link_dangling", "tag_invalid", "meta_wrong", "temporary_left"}
"""What neither program brings about, whatever they do in whatever order."""

colours = st.sampled_from(COLOURS)
some = st.integers(0, 7)
"""Which of those that are there, by its place among them."""


class Holdings(msgspec.Struct):
    """What a person has in a library: by hash, tags, a description and the colours of pictures; and
    the same by path for models that wait."""

    tags: dict[str, set[str]]
    texts: dict[str, str]
    pictures: dict[str, Counter[str]]
    files: Counter[bytes]
    waits: dict[str, tuple[set[str], str, Counter[str]]]


def holdings(shelves: Shelves) -> Holdings:
    """What is there now, as any client of the format sees it."""
    there, queue = active(shelves.library), waiting(shelves.library)
    folder = shelves.images / "pending"
    lying = {name: colour_of_original(folder / name) for name in originals(shelves.library)}
    return Holdings(
        tags={sha: set(record["tags"]) for sha, record in there.items()},
        texts={sha: record["description"] for sha, record in there.items()},
        pictures={sha: Counter(shelves.pictures(sha)) for sha in there},
        files=Counter(
            path.read_bytes()
            for path in shelves.images.glob("*.webp")
            if path.name.split("_")[0] in there
        ),
        waits={
            record["path"]: (
                set(record["tags"]),
                record["description"],
                Counter(lying[name] for name in record["images"] if name in lying),
            )
            for record in queue.values()
        },
    )


def colour_of_original(path: Path) -> str:
    """The colour of an image that waits with its model."""
    return next(colour for colour in COLOURS if painted(colour) == path.read_bytes())


rows = st.builds(
    Row,
    key=st.just(0),
    content=st.sampled_from(CONTENTS),
    hashed=st.booleans(),
    description=st.sampled_from(["", "from version 1"]),
    tags=st.sets(st.sampled_from(["a", "b"])).map(lambda tags: tuple(sorted(tags))),
    images=st.lists(colours, max_size=2, unique=True).map(
        lambda names: tuple((f"{name}.png", painted(name)) for name in names)
    ),
)


class TwoHands(RuleBasedStateMachine):
    """A library in two hands: every command of reshelve's opens it, and lets it go again."""

    @initialize(
        backend=st.sampled_from(["asyncio", "trio"]), drawn=st.lists(rows, min_size=2, max_size=4)
    )
    def begin(self, backend: str, drawn: list[Row]) -> None:
        self.backend = backend
        self.folder = Path(tempfile.mkdtemp(prefix="reshelve-beside-"))
        self.shelves = Shelves(self.folder)
        self.rows: list[Row] = []
        self.found = 0
        self.grow(drawn)
        self.reshelve(lambda service: migrate(service, self.shelves.legacy))

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    def reshelve(self, command: Callable[[MigrationService], Awaitable[T]]) -> T:
        """A command of reshelve's, after which all is there that was there before."""
        first = not (self.shelves.library / "hikaze_model_manager.db").exists()
        before = None if first else holdings(self.shelves)

        async def whole() -> T:
            async with opened(self.shelves.library) as service:
                return await command(service)

        told = anyio.run(whole, backend=self.backend)
        if before is not None:
            self.nothing_is_gone(before, holdings(self.shelves))
        return told

    def nothing_is_gone(self, before: Holdings, after: Holdings) -> None:
        for sha, tags in before.tags.items():
            assert tags <= after.tags[sha]
            assert before.texts[sha] in ("", after.texts[sha])
            assert before.pictures[sha] <= after.pictures[sha]
        assert before.files <= after.files
        for path, (tags, text, pictures) in before.waits.items():
            if path in after.waits:
                kept = after.waits[path]
                assert (tags <= kept[0], pictures <= kept[2]) == (True, True)
                assert text in ("", kept[1])
                continue
            sha = sha_of(Path(path).read_bytes())
            assert tags <= after.tags[sha]
            # A picture of the same name and content is carried once.
            assert set(pictures) <= set(after.pictures[sha])
            assert not text or after.texts[sha]

    # --- what the person does in version 1, and has reshelve do

    @rule(drawn=st.lists(rows, min_size=1, max_size=2))
    def grow(self, drawn: list[Row]) -> None:
        for row in drawn:
            made = msgspec.structs.replace(row, key=len(self.rows) + 1)
            self.rows.append(made)
            self.shelves.legacy.add(made)

    @rule(strategy=st.sampled_from([ConflictStrategy.MERGE, ConflictStrategy.IGNORE]))
    def migrate(self, strategy: ConflictStrategy) -> None:
        self.reshelve(lambda service: migrate(service, self.shelves.legacy, strategy))

    @rule(strategy=st.sampled_from([None, ConflictStrategy.MERGE, ConflictStrategy.IGNORE]))
    def promote_all(self, strategy: ConflictStrategy | None) -> None:
        async def promote(service: MigrationService) -> None:
            await service.promote(await service.pending_ids(), strategy)

        self.reshelve(promote)

    @rule()
    def scan(self) -> None:
        models = [Root("found", str(self.shelves.legacy.models))]
        self.reshelve(lambda service: service.scan(models))

    @precondition(lambda self: self.there())
    @rule(place=some, colour=colours)
    def upload_here(self, place: int, colour: str) -> None:
        sha = self.one(place)
        had = Counter(self.shelves.pictures(sha))
        self.reshelve(lambda service: service.catalogue.upload(sha, painted(colour)))
        assert Counter(self.shelves.pictures(sha)) >= had + Counter([colour])

    @rule()
    def repair(self) -> None:
        """What was told is mended: the second time nothing is left to mend."""
        self.reshelve(lambda service: service.repairs.run(RepairMode.MEND))
        again = self.reshelve(lambda service: service.repairs.run(RepairMode.MEND))
        assert again.repaired == []

    # --- what version 2 does to the same file and folder

    @precondition(lambda self: self.there())
    @rule(place=some, colour=colours)
    def upload_there(self, place: int, colour: str) -> None:
        self.shelves.version_2.upload(self.one(place), painted(colour))

    @precondition(lambda self: self.there())
    @rule(place=some, seq=st.integers(0, 2), whole=st.booleans())
    def delete_picture(self, place: int, seq: int, whole: bool) -> None:
        sha = self.one(place)
        if whole:
            self.shelves.version_2.delete_image(sha, seq)
        elif (self.shelves.images / f"{sha}_{seq}_medium.webp").exists():
            self.shelves.version_2.delete_tier(sha, seq, "medium")

    @precondition(lambda self: self.there())
    @rule(place=some, text=st.sampled_from(["mine", "mine too"]))
    def patch(self, place: int, text: str) -> None:
        self.shelves.version_2.patch(self.one(place), text)

    @precondition(lambda self: self.there())
    @rule(place=some, number=st.sampled_from([None, 0, 1, 4]))
    def set_count(self, place: int, number: int | None) -> None:
        self.shelves.version_2.set_count(self.one(place), number)

    @precondition(lambda self: self.there())
    @rule(place=some, name=st.sampled_from(["a", "mine"]))
    def tag(self, place: int, name: str) -> None:
        self.shelves.version_2.tag(self.one(place), name)

    @precondition(lambda self: self.there())
    @rule(place=some, clean=st.booleans())
    def delete(self, place: int, clean: bool) -> None:
        sha = self.one(place)
        if clean:
            self.shelves.version_2.delete_model(sha)
        else:
            self.shelves.version_2.forget_model(sha)

    @precondition(lambda self: self.queue())
    @rule(place=some)
    def promote_there(self, place: int) -> None:
        """With the first of its pictures, as version 2 does; the others stay where they are."""
        number, path, images = self.queue()[place % len(self.queue())]
        picture = None
        if images and (self.shelves.images / "pending" / images[0]).is_file():
            picture = (self.shelves.images / "pending" / images[0]).read_bytes()
        sha = sha_of(Path(path).read_bytes())
        if sha not in self.there():
            self.shelves.version_2.promote(number, sha, picture)

    @precondition(lambda self: self.queue())
    @rule(place=some)
    def leave_the_queue(self, place: int) -> None:
        self.shelves.version_2.remove_waiting(self.queue()[place % len(self.queue())][0])

    @rule(content=st.sampled_from(CONTENTS))
    def scan_there(self, content: bytes) -> None:
        """Numbers that are free are given again."""
        self.found += 1
        path = self.shelves.legacy.models / f"found {self.found}.ckpt"
        path.write_bytes(content)
        self.shelves.version_2.scan(path)

    # --- what must hold after every step

    @invariant()
    def verification_tells_the_truth_of_pictures(self) -> None:
        if not (self.shelves.library / "hikaze_model_manager.db").exists():
            return
        found = anyio.run(problems, self.shelves.library, backend=self.backend)
        codes = {fault.code for fault in found}
        assert not codes & NEVER
        assert bool(codes & IMAGE_FAULTS) == self.pictures_are_wrong()

    @invariant()
    def the_views_of_what_waits_agree(self) -> None:
        if not (self.shelves.library / "hikaze_model_manager.db").exists():
            return
        paths = {record["path"] for record in waiting(self.shelves.library).values()}

        async def views(service: MigrationService) -> tuple[list[str], list[str], int]:
            pending = [model.path for model in await service.pending(0, 1000)]
            status = await service.status()
            page = await service.items(None, None, 0, 1000)
            items = [item.path for item in page.items if item.state == "pending"]
            return pending, items, status.counts.pending

        pending, items, counted = self.reshelve(views)
        assert (set(pending), len(items)) == (paths, counted)
        assert set(items) <= paths

    def pictures_are_wrong(self) -> bool:
        """Whether a count is not that of the sets, a set not whole, or a file nobody's."""
        there = {path.name for path in self.shelves.images.glob("*.webp")}
        wanted = set()
        for sha, text in query(self.shelves.library, "SELECT sha256, meta_json FROM models"):
            for seq in range(json.loads(text).get("images_count") or 0):
                wanted |= {f"{sha}_{seq}_{tier}.webp" for tier in TIERS}
        waits = waiting(self.shelves.library).values()
        named = {name for record in waits for name in record["images"]}
        return there != wanted or not named <= originals(self.shelves.library)

    def there(self) -> list[str]:
        return sorted(sha for (sha,) in query(self.shelves.library, "SELECT sha256 FROM models"))

    def one(self, place: int) -> str:
        return self.there()[place % len(self.there())]

    def queue(self) -> list[tuple[int, str, list[str]]]:
        found = query(self.shelves.library, "SELECT id, path, meta_json FROM pending_import")
        return [(n, path, json.loads(text).get("images", [])) for n, path, text in sorted(found)]


def test_nothing_is_gone_in_a_library_that_two_programs_write() -> None:
    print(f"RESHELVE_SEED={SEED} draws these histories again.")  # noqa: T201
    shorter = settings(BOUNDED, max_examples=20, stateful_step_count=15)
    run_state_machine_as_test(seed(SEED)(TwoHands), settings=shorter)
