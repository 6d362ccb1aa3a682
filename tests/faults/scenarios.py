"""What is done under faults, on a few models: migrate, promote, scan, edit, and repair."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from tests.faults.forkserver import Ended, ForkServer
from tests.faults.states import State, has_journal, runs_of, state_of
from tests.waiting_library import Legacy, Row, query, sha_of

CLIENT = "tests.faults.acknowledging"
OPTIONS = ("--workers", "1", "--quiet")
FEWER_IMAGES = """
UPDATE models SET meta_json = json_set(meta_json, '$.images_count', 1) WHERE sha256 = ?
"""
SHARED, TWIN, OWN = b"shared content", b"twin content", b"own content"


class Scenario(NamedTuple):
    """One operation, what is there before it, and what it leaves when nothing goes wrong.

    `command` is how the command line is asked for it, `client` how the acknowledging client is.
    `steps` are the states after each of the operations that are acknowledged one by one, from
    none to all; where nothing is acknowledged before the end, the last is the only one. `faults`
    are what `verify` finds before it.
    """

    name: str
    command: tuple[str, ...]
    client: tuple[str, ...]
    before: Path | None
    steps: tuple[State, ...]
    faults: tuple[str, ...] = ()

    @property
    def end(self) -> State:
        """What is left when nothing goes wrong."""
        return self.steps[-1]

    def prepare(self, folder: Path) -> Path:
        """A stage for one attempt; the library lies in it, or will."""
        if self.before is None:
            folder.mkdir(parents=True)
        else:
            shutil.copytree(self.before, folder)
        return folder

    def ask(self, server: ForkServer, stage: Path, settings: Mapping[str, str]) -> Ended:
        """The operation, by the command line."""
        options = ("--library", str(stage / "library"), *OPTIONS)
        return server.run(*self.command, *options, settings=settings)

    def ask_client(
        self, server: ForkServer, stage: Path, settings: Mapping[str, str], done: int = 0
    ) -> Ended:
        """The operation, by a client that says what it was told."""
        action, *rest = self.client
        last = (str(done),) if action == "edit" else ()
        words = (action, stage / "library", *rest, *last)
        return server.run(*words, program=CLIENT, settings=settings)

    def resume(
        self, server: ForkServer, stage: Path, settings: Mapping[str, str] | None = None
    ) -> Ended:
        """Go on with what was interrupted."""
        options = ("--library", str(stage / "library"), *OPTIONS)
        return server.run("resume", *options, settings=settings)

    def has_ended(self, library: Path) -> bool:
        """Whether the library tells of the whole operation; else it is asked for again."""
        return has_journal(library) and runs_of(library) == self.end.runs


def verify(server: ForkServer, library: Path) -> list[str]:
    """What `verify` finds wrong with a library, in words."""
    done = server.run("verify", "--library", library, "--json", "--quiet")
    if done.code not in (0, 3):
        return [f"verify ended with {done.code}: {done.err}"]
    return [
        f"{p['code']}: {p['path']} {p['detail']}".replace(str(library), "")
        for p in json.loads(done.out)["problems"]
    ]


def picture(number: int) -> bytes:
    """A small picture, another one for each number."""
    chance = random.Random(number)
    stream = BytesIO()
    Image.frombytes("RGB", (24, 18), chance.randbytes(24 * 18 * 3)).save(stream, "PNG")
    return stream.getvalue()


def make_legacy(folder: Path) -> Legacy:
    """Two models of one hash, one that waits, one that waits and has a twin; and without images,
    so that they are worked many at once, two that wait and a third of the twins."""

    def images(key: int, *parts: int) -> tuple[tuple[str, bytes], ...]:
        return tuple((f"{key} {part} 写真.png", picture(10 * key + part)) for part in parts)

    return Legacy(
        folder,
        [
            Row(1, TWIN, hashed=True, type="loras", images=images(1, 0, 1), tags=("a",)),
            Row(2, OWN, type="loras", images=images(2, 0, 1), tags=("a", "b")),
            Row(3, SHARED, hashed=True, type="vae", images=images(3, 0), description="the first"),
            Row(4, SHARED, hashed=True, type="vae", images=(*images(4, 0), ("bad.png", b"bad"))),
            Row(5, TWIN, name="the twin", images=images(5, 0), tags=("c",)),
            Row(6, b"plain", type="vae", tags=("a",)),
            Row(7, TWIN, description="a third"),
            Row(8, b"plain too", type="vae"),
        ],
    )


def edits(folder: Path) -> list[dict[str, object]]:
    """Uploads to two models and removals from them: from the front, the middle and the end."""
    plan: list[dict[str, object]] = []
    twin, shared = sha_of(TWIN), sha_of(SHARED)
    for number, sha256 in enumerate((twin, shared)):
        path = folder / f"upload {number}.png"
        path.write_bytes(picture(100 + number))
        plan.append({"sha256": sha256, "upload": str(path)})
    plan += [{"sha256": twin, "remove": 0}, {"sha256": shared, "remove": 2}]
    plan.append({**plan[0], "sha256": shared})
    return [*plan, {"sha256": twin, "remove": 1}]


DAMAGE = {
    "image_missing",
    "image_unreadable",
    "images_count_wrong",
    "journal_wrong",
    "meta_wrong",
    "record_invalid",
}


def damage(library: Path) -> None:
    """Lose tiers, some with their set, counts, a name, a trigger, and what tells of tags."""
    twin, shared, images = sha_of(TWIN), sha_of(SHARED), library / "images"
    for tier in ("high", "medium", "low"):
        (images / f"{twin}_0_{tier}.webp").unlink()
    (images / f"{twin}_2_medium.webp").write_bytes(b"no picture")
    (images / f"{shared}_0_low.webp").unlink()
    query(library, FEWER_IMAGES, sha_of(OWN))
    query(library, "UPDATE models SET name = NULL WHERE sha256 = ?", shared)
    query(library, "DROP TRIGGER migration_items_guard")
    query(library, "UPDATE migration_counts SET n = n + 1 WHERE name = 'promoted'")
    query(library, "UPDATE db_meta SET value = '0' WHERE key = 'tags_id_max'")


def scenarios(server: ForkServer, folder: Path) -> dict[str, Scenario]:
    """Every operation with what it must leave, each as it ends without a fault."""
    legacy = make_legacy(folder / "legacy")
    database = str(legacy.database)
    migrate = _whole(server, folder, "migrate", ("migrate", database), ("migrate", database), None)
    migrated = folder / "after migrate"
    promote = _whole(
        server,
        folder,
        "promote",
        ("promote", "--all", "--on-conflict", "merge"),
        ("promote",),
        migrated,
    )
    for number in range(3):
        (folder / "found").mkdir(exist_ok=True)
        (folder / "found" / f"{number}.safetensors").write_bytes(f"found {number}".encode())
    found = ("scan", "--root", f"loras={folder / 'found'}")
    scan = _whole(server, folder, "scan", found, (), migrated)
    edit = _edit(server, folder, folder / "after promote")
    damaged = folder / "damaged"
    shutil.copytree(folder / "after promote", damaged)
    damage(damaged / "library")
    faults = tuple(verify(server, damaged / "library"))
    assert {fault.partition(":")[0] for fault in faults} == DAMAGE
    repair = _whole(server, folder, "repair", ("repair",), (), damaged)._replace(faults=faults)
    return {one.name: one for one in (migrate, promote, scan, edit, repair)}


def _whole(
    server: ForkServer,
    folder: Path,
    name: str,
    command: tuple[str, ...],
    client: tuple[str, ...],
    before: Path | None,
) -> Scenario:
    planned = Scenario(name, command, client, before, ())
    stage = planned.prepare(folder / f"after {name}")
    done = planned.ask(server, stage, {})
    assert done.code == 0, done
    assert verify(server, stage / "library") == []
    return planned._replace(steps=(state_of(stage / "library"),))


def _edit(server: ForkServer, folder: Path, before: Path) -> Scenario:
    plan = edits(folder)
    steps = []
    for length in range(len(plan) + 1):
        path = folder / f"plan {length}.json"
        path.write_text(json.dumps(plan[:length]))
        part = Scenario("edit", (), ("edit", str(path)), before, ())
        stage = part.prepare(folder / f"after {length} edits")
        done = part.ask_client(server, stage, {})
        assert done.code == 0, done
        assert verify(server, stage / "library") == []
        steps.append(state_of(stage / "library"))
    return part._replace(steps=tuple(steps))
