"""What computes, in threads and in processes of its own: the same outcomes, whatever happens."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import anyio
import pytest

from adapters.composition import THIS_MODULE
from adapters.compute import worker_process
from adapters.compute.processes import ChildProcesses, child_processes
from adapters.compute.threads import ThreadCompute
from adapters.files.images import DiskImages, FolderImages
from adapters.files.models import DiskModels
from adapters.pillow.codec import PillowCodec
from engine.facts.files import ImageFolder, UnusableFile
from engine.facts.previews import TIERS, UnusableImage, image_digest
from engine.facts.source import ImageRef
from engine.ports.compute import Compute, Hashed
from engine.ports.source import Images
from tests.waiting_library import picture

pytestmark = pytest.mark.anyio

NOBODY_KNOWN: frozenset[bytes] = frozenset()
A_PNG = ImageRef("a.png")
INNOCENT = sha256(b"innocent").hexdigest()
BEYOND_UTF_8 = os.fsdecode(b"caf\xe9.png")

POISONED = """
import os, signal
from pathlib import Path
from adapters.compute import child
from adapters.files.models import DiskModels
from adapters.pillow.codec import PillowCodec

child.PROCESSOR_SECONDS = 1

class Venomous(DiskModels):
    def sha256(self, path, advance):
        if "venom" in path:
            os.kill(os.getpid(), signal.SIGSEGV)
        if "sleep" in path:
            advance(1 << 30)
            signal.pause()
        return super().sha256(path, advance)

class Poisonous(PillowCodec):
    def encode(self, data, checkpoint):
        if b"abort" in data:
            os.abort()
        if b"greedy" in data:
            bytearray(child.MEMORY_BYTES)
        while b"endless" in data:
            pass
        return super().encode(data, checkpoint)

def work_for_another():
    child.serve(Venomous(), Poisonous())

def work_once():
    try:
        Path(__file__).with_name("worked").touch(exist_ok=False)
    except FileExistsError:
        raise SystemExit(7)
    work_for_another()
"""
OWNER = """
import sys, anyio
from adapters.compute.processes import child_processes
from adapters.compute.threads import ThreadCompute
from adapters.files.models import DiskModels
from adapters.pillow.codec import PillowCodec

async def main():
    threads = ThreadCompute(DiskModels(), PillowCodec(), slots=1)
    async with child_processes("poisoned_entry", threads) as processes:
        tell = lambda _: print(*processes.pids, flush=True)
        await processes.hash(sys.argv[1], tell)

anyio.run(main)
"""
ONCE = """
from poisoned_entry import work_once as work_for_another
"""


def threads() -> ThreadCompute:
    return ThreadCompute(DiskModels(), PillowCodec(), slots=2)


@asynccontextmanager
async def computing(kind: str) -> AsyncIterator[Compute]:
    if kind == "threads":
        yield threads()
        return
    async with child_processes(THIS_MODULE, threads()) as processes:
        yield processes


@pytest.fixture(params=["threads", "processes"])
def kind(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
async def venomous(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ChildProcesses]:
    """Processes that a file named venom kills; the folder holds it, and an innocent one."""
    (tmp_path / "entry").mkdir()
    (tmp_path / "entry" / "poisoned_entry.py").write_text(POISONED)
    (tmp_path / "entry" / "entered_once.py").write_text(ONCE)
    monkeypatch.syspath_prepend(str(tmp_path / "entry"))
    for name in ("venom", "innocent", "sleep"):
        (tmp_path / name).write_bytes(name.encode())
    async with child_processes("poisoned_entry", threads()) as processes:
        yield processes


def folder_of(folder: Path) -> ImageFolder:
    return ImageFolder(str(folder), (str(folder),))


def images(folder: Path) -> Images:
    return DiskImages().in_folder(folder_of(folder))


def ignore(_: int) -> None:
    """Progress that nobody looks at."""


async def test_a_file_is_hashed_and_every_byte_is_told(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "模 型.safetensors"
    path.write_bytes(b"content" * 1_000_000)
    told = list[int]()
    async with computing(kind) as compute:
        found = await compute.hash(str(path), told.append)
    assert found.sha256 == sha256(path.read_bytes()).hexdigest()
    assert found.facts == DiskModels().facts(str(path))
    assert sum(told) == path.stat().st_size


async def test_a_file_that_is_not_there_is_the_files_fault(kind: str, tmp_path: Path) -> None:
    async with computing(kind) as compute:
        with pytest.raises(UnusableFile) as refused:
            await compute.hash(str(tmp_path / "absent"), ignore)
    assert refused.value.code == "file_missing"


async def test_an_image_becomes_the_same_bytes_wherever_it_is_encoded(
    kind: str, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(picture(1))
    async with computing(kind) as compute:
        found = await compute.encode(images(tmp_path), A_PNG, NOBODY_KNOWN)
    assert (found.digest, found.size) == (image_digest(picture(1)), len(picture(1)))
    assert found.tiers == PillowCodec().encode(picture(1), lambda: None)
    assert len(found.tiers) == len(TIERS)


async def test_small_files_are_hashed_in_one_go_each_by_itself(kind: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}" for number in range(300)]
    for path in paths:
        path.write_bytes(path.name.encode())
    paths[7].unlink()
    async with computing(kind) as compute:
        found = await compute.hash_all([str(path) for path in paths])
    hashes = [one.sha256 if isinstance(one, Hashed) else one.code for one in found]
    expected = [sha256(path.name.encode()).hexdigest() for path in paths]
    assert hashes == [*expected[:7], "file_missing", *expected[8:]]


async def test_nothing_is_hashed_where_nothing_is_asked_for(kind: str) -> None:
    async with computing(kind) as compute:
        assert await compute.hash_all([]) == []


async def test_an_image_that_is_known_or_only_read_is_not_encoded(
    kind: str, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(picture(1))
    known = frozenset({image_digest(picture(1))})
    async with computing(kind) as compute:
        found = await compute.encode(images(tmp_path), A_PNG, known)
        read = await compute.read(images(tmp_path), A_PNG)
    assert found == read
    assert found.tiers is None


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b"no image", "image_unreadable", id="no image"),
        pytest.param(picture(1)[:50], "image_unreadable", id="truncated"),
        pytest.param(None, "image_missing", id="absent"),
    ],
)
async def test_an_image_that_cannot_be_used_is_refused_and_what_was_read_of_it_is_told(
    kind: str, tmp_path: Path, content: bytes | None, code: str
) -> None:
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    async with computing(kind) as compute:
        with pytest.raises(UnusableImage) as refused:
            await compute.encode(images(tmp_path), A_PNG, NOBODY_KNOWN)
    assert (refused.value.code, refused.value.read) == (code, len(content or b""))


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
async def test_a_name_that_is_no_utf_8_is_a_name(kind: str, tmp_path: Path) -> None:
    (tmp_path / BEYOND_UTF_8).write_bytes(picture(1))
    async with computing(kind) as compute:
        found = await compute.encode(images(tmp_path), ImageRef(BEYOND_UTF_8), NOBODY_KNOWN)
        hashed = await compute.hash(str(tmp_path / BEYOND_UTF_8), ignore)
    assert found.digest == image_digest(picture(1))
    assert hashed.sha256 == sha256(picture(1)).hexdigest()


@pytest.mark.skipif(os.name == "nt", reason="dies by a signal")
async def test_what_ends_a_process_is_blamed_with_the_signal(
    venomous: ChildProcesses, tmp_path: Path
) -> None:
    told = list[int]()
    with pytest.raises(UnusableFile) as refused:
        await venomous.hash(str(tmp_path / "venom"), told.append)
    assert refused.value.code == "killed_its_process"
    assert f"The file {tmp_path / 'venom'} ended the process" in refused.value.message
    assert "SIGSEGV" in refused.value.message
    assert sum(told) == 0


@pytest.mark.skipif(os.name == "nt", reason="dies by a signal")
async def test_others_go_through_beside_and_after_what_ends_its_process(
    venomous: ChildProcesses, tmp_path: Path
) -> None:
    hashes = list[str]()

    async def innocent() -> None:
        found = await venomous.hash(str(tmp_path / "innocent"), ignore)
        hashes.append(found.sha256)

    async def guilty() -> None:
        with pytest.raises(UnusableFile):
            await venomous.hash(str(tmp_path / "venom"), ignore)

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(innocent)
            tasks.start_soon(guilty)
    assert hashes == [INNOCENT] * 3


@pytest.mark.skipif(os.name == "nt", reason="dies by a signal")
async def test_of_small_files_only_those_that_end_their_process_are_blamed(
    venomous: ChildProcesses, tmp_path: Path
) -> None:
    names = ["innocent", "venom", "innocent", "absent", "venom", "innocent"]
    found = await venomous.hash_all([str(tmp_path / name) for name in names])
    assert [one.sha256[:6] if isinstance(one, Hashed) else one.code for one in found] == [
        INNOCENT[:6],
        "killed_its_process",
        INNOCENT[:6],
        "file_missing",
        "killed_its_process",
        INNOCENT[:6],
    ]
    assert len(venomous.pids) == 1


async def test_any_number_of_innocent_files_costs_one_process(
    venomous: ChildProcesses, tmp_path: Path
) -> None:
    await venomous.hash_all([str(tmp_path / "innocent")] * 200)
    (child,) = venomous.pids
    await venomous.hash_all([str(tmp_path / "innocent")] * 200)
    assert venomous.pids == [child]


@pytest.mark.skipif(os.name == "nt", reason="limits are POSIX's")
@pytest.mark.parametrize(
    ("content", "evidence"),
    [
        (b"abort", "SIGABRT, and again, alone in a new one: SIGABRT"),
        (b"greedy", "it needs more than 4 GiB"),
        (b"endless", "SIGXCPU, and again, alone in a new one: SIGXCPU"),
    ],
)
async def test_an_image_that_ends_its_decoder_or_never_does_is_blamed(
    venomous: ChildProcesses, tmp_path: Path, content: bytes, evidence: str
) -> None:
    (tmp_path / "a.png").write_bytes(picture(1) + content)
    with pytest.raises(UnusableFile) as refused:
        await venomous.encode(images(tmp_path), A_PNG, NOBODY_KNOWN)
    assert refused.value.code == "killed_its_process"
    assert f"The image a.png ended the process that worked on it: {evidence}." in (
        refused.value.message
    )
    (tmp_path / "a.png").write_bytes(picture(1))
    encoded = await venomous.encode(images(tmp_path), A_PNG, NOBODY_KNOWN)
    assert encoded.tiers is not None


@pytest.mark.skipif(os.name == "nt", reason="sleeps as POSIX does")
async def test_what_gives_no_sign_of_life_is_ended_and_blamed(
    venomous: ChildProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await venomous.hash(str(tmp_path / "innocent"), ignore)
    monkeypatch.setattr(worker_process, "SILENCE_SECONDS", 0.5)
    with pytest.raises(UnusableFile) as refused:
        await venomous.hash(str(tmp_path / "sleep"), ignore)
    assert "it gave no sign of life for 0.5 s" in refused.value.message


@pytest.mark.skipif(os.name == "nt", reason="dies by a signal")
async def test_what_ended_a_process_does_not_come_to_this_one_where_no_other_can_be_started(
    venomous: ChildProcesses, tmp_path: Path
) -> None:
    async with child_processes("entered_once", threads()) as processes:
        with pytest.raises(UnusableFile) as refused:
            await processes.hash(str(tmp_path / "venom"), ignore)
    assert "SIGSEGV, and no other could be started (exit code 7)" in refused.value.message


async def test_images_that_only_this_process_can_open_are_read_here_and_decoded_there(
    venomous: ChildProcesses, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(picture(1))

    class Here(FolderImages):
        """As a class of a program's own module, which no other process has."""

    here = Here(folder_of(tmp_path))
    encoded = await venomous.encode(here, A_PNG, NOBODY_KNOWN)
    assert encoded.tiers == PillowCodec().encode(picture(1), lambda: None)
    assert len(venomous.pids) == 1
    with pytest.raises(UnusableImage) as refused:
        await venomous.encode(here, ImageRef("absent.png"), NOBODY_KNOWN)
    assert refused.value.code == "image_missing"


async def test_what_is_killed_once_from_outside_is_not_blamed(
    venomous: ChildProcesses, tmp_path: Path
) -> None:
    """Nor are the signals heeded that a terminal sends to all that it has started."""
    await venomous.hash(str(tmp_path / "innocent"), ignore)
    (child,) = venomous.pids
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(child, number)
    await venomous.hash(str(tmp_path / "innocent"), ignore)
    assert venomous.pids == [child]
    os.kill(child, signal.SIGKILL)
    found = await venomous.hash(str(tmp_path / "innocent"), ignore)
    assert found.sha256 == INNOCENT
    assert venomous.pids != [child]


@pytest.mark.skipif(os.name == "nt", reason="sleeps as POSIX does")
async def test_a_task_that_is_cancelled_leaves_no_process(
    venomous: ChildProcesses, tmp_path: Path
) -> None:
    begun = anyio.Event()

    async def sleep() -> None:
        await venomous.hash(str(tmp_path / "sleep"), lambda _: begun.set())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sleep)
        with anyio.fail_after(60):
            await begun.wait()
        (child,) = venomous.pids
        tasks.cancel_scope.cancel()
    assert venomous.pids == []
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for another's child")
async def test_a_process_ends_with_the_one_it_works_for_however_that_ends(
    venomous: ChildProcesses, tmp_path: Path
) -> None:
    paths = os.pathsep.join([str(tmp_path / "entry"), *sys.path])
    owner = await anyio.open_process(
        [sys.executable, "-c", OWNER, str(tmp_path / "sleep")],
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert owner.stdout is not None
    with anyio.fail_after(60):
        child = os.pidfd_open(int(await owner.stdout.receive()))
        owner.kill()
        await owner.aclose()
        await anyio.wait_readable(child)  # it has ended
    os.close(child)


async def test_where_no_process_can_be_started_the_work_is_done_here(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    async with child_processes("a_module.that_is_not_there", threads()) as processes:
        found = await processes.hash(str(tmp_path / "file"), ignore)
    assert found.sha256 == sha256(b"content").hexdigest()
