"""An input that kills whoever opens it is found out at the next start; all others go through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.forkserver import Ended, ForkServer, fork_servers
from tests.faults.interposer import settings
from tests.faults.scenarios import picture
from tests.waiting_library import Legacy, Row, active, query, waiting

VENOM = "venom"
KILLED = -9
SOME_FAILED = 3
MODELS = 8
POISONED = 4

STATES = """
SELECT coalesce(CAST(source_key AS INTEGER), pending_id), state, error_code FROM migration_items
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    with fork_servers(tmp_path_factory.mktemp("server"), 1) as servers:
        yield servers[0]


def legacy_with(folder: Path, file: str, image: str, hashed: bool) -> Legacy:
    """Some models with an image each; one has a file, or an image, of these names."""
    return Legacy(
        folder,
        [
            Row(
                key,
                b"content %d" % key,
                hashed=hashed,
                file=file if key == POISONED else "",
                images=((image if key == POISONED else f"{key}.png", picture(key)),),
            )
            for key in range(1, MODELS + 1)
        ],
    )


def until_it_ends(server: ForkServer, library: Path, *command: str) -> list[Ended]:
    """The same command again and again, until it is not killed any more."""
    found: list[Ended] = []
    options = ("--library", str(library), "--workers", "2", "--quiet")
    armed = settings(library, poison=VENOM)
    while len(found) < 2 * MODELS and (not found or found[-1].code == KILLED):
        found.append(server.run(*command, *options, settings=armed))
    return found


def failed(library: Path) -> list[tuple[int, str]]:
    return [(key, code) for key, state, code in query(library, STATES) if state == "failed"]


def test_an_image_that_kills_is_found_out_at_the_next_start(
    server: ForkServer, tmp_path: Path
) -> None:
    legacy = legacy_with(tmp_path / "legacy", "", f"{VENOM}.png", hashed=True)
    ended = until_it_ends(server, tmp_path / "library", "migrate", str(legacy.database))
    assert [one.code for one in ended] == [KILLED, SOME_FAILED]
    assert failed(tmp_path / "library") == [(POISONED, "killed_its_process")]
    assert len(active(tmp_path / "library")) == MODELS - 1


def test_an_original_that_kills_is_found_out_at_the_next_start(
    server: ForkServer, tmp_path: Path
) -> None:
    legacy = legacy_with(tmp_path / "legacy", "", f"{VENOM}.png", hashed=False)
    ended = until_it_ends(server, tmp_path / "library", "migrate", str(legacy.database))
    assert [one.code for one in ended] == [KILLED, SOME_FAILED]
    assert failed(tmp_path / "library") == [(POISONED, "killed_its_process")]
    assert len(waiting(tmp_path / "library")) == MODELS - 1


def test_a_model_file_that_kills_is_found_out_at_the_next_start(
    server: ForkServer, tmp_path: Path
) -> None:
    legacy = legacy_with(tmp_path / "legacy", f"{VENOM}.safetensors", "4.png", hashed=False)
    library = tmp_path / "library"
    done = server.run("migrate", legacy.database, "--library", library, "--quiet")
    assert done.code == 0, done.err
    options = ("--library", library, "--workers", "2", "--quiet")
    first = server.run("promote", "--all", *options, settings=settings(library, poison=VENOM))
    ended = [first, *until_it_ends(server, library, "resume")]
    assert [one.code for one in ended] == [KILLED, SOME_FAILED]
    assert failed(library) == [(POISONED, "killed_its_process")]
    assert len(active(library)) == MODELS - 1


def test_what_is_tried_again_is_found_out_again_without_a_crash(
    server: ForkServer, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    legacy = legacy_with(tmp_path / "legacy", "", f"{VENOM}.png", hashed=True)
    until_it_ends(server, library, "migrate", str(legacy.database))
    (again,) = until_it_ends(server, library, "migrate", str(legacy.database))
    assert again.code == SOME_FAILED
    assert failed(library) == [(POISONED, "killed_its_process")]


def test_the_evidence_names_the_file_and_the_signal(server: ForkServer, tmp_path: Path) -> None:
    library = tmp_path / "library"
    legacy = legacy_with(tmp_path / "legacy", "", f"{VENOM}.png", hashed=True)
    ended = until_it_ends(server, library, "migrate", str(legacy.database))
    assert (
        f"The image {VENOM}.png ended the process that worked on it: SIGKILL"
        in (
            query(library, "SELECT error_message FROM migration_items WHERE state = 'failed'")[0][0]
        )
    )
    assert ended[-1].code == SOME_FAILED
