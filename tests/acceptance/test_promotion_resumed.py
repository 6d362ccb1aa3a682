"""What promotions do not do twice, and how they end when callers or the service leave."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from adapters.pillow.codec import PillowCodec
from engine.errors import NothingToResume
from engine.facts.conflicts import ConflictStrategy
from engine.service import MigrationService
from tests.waiting_library import (
    Legacy,
    Row,
    WatchedModels,
    active,
    expected_previews,
    migrate,
    opened,
    pair_of_copies,
    picture,
    previews,
    sha_of,
    waiting,
)

pytestmark = pytest.mark.anyio


class HeldCodec(PillowCodec):
    """Encodes so many images, begins with the next, and never ends by itself."""

    def __init__(self, free: int = 0) -> None:
        self.entered = threading.Event()
        self._free = free

    def encode(self, data: bytes, checkpoint: Callable[[], None]) -> tuple[bytes, ...]:
        if self._free:
            self._free -= 1
            return super().encode(data, checkpoint)
        self.entered.set()
        while True:
            checkpoint()
            time.sleep(0.002)


class GatedModels(WatchedModels):
    """Reads no model file before the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.open = threading.Event()

    def before(self, path: str) -> None:
        self.reached.set()
        assert self.open.wait(30)


async def resumed(service: MigrationService) -> int:
    """Go on with what was interrupted; returns its run."""
    status = await service.resume()
    assert status.run is not None
    return status.run.id


METERED = """
import sys
from pathlib import Path
from adapters.composition import main
main()
print(Path("/proc/self/io").read_text().split()[1], file=sys.stderr)
"""


@pytest.fixture
def pair(tmp_path: Path) -> Legacy:
    return pair_of_copies(tmp_path / "legacy")


def bytes_read(*arguments: str | Path) -> int:
    """How many bytes the command has read, whatever from."""
    done = subprocess.run(
        [sys.executable, "-c", METERED, *arguments, "--quiet"],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stderr.splitlines()[-1])


# --- what is interrupted


async def test_of_two_models_of_one_content_one_wins_though_it_was_interrupted(
    pair: Legacy, tmp_path: Path
) -> None:
    pair.add(Row(4, b"other", name="four"))
    held = HeldCodec()
    async with opened(tmp_path / "library", codec=held) as service:
        await migrate(service, pair)
        interrupted = (await service.begin_promotion([3], None)).run
        assert await to_thread.run_sync(held.entered.wait, 30)
        await service.stop(0)
    async with opened(tmp_path / "library") as service:
        won = (await service.promote([4], None)).success
        with suppress(NothingToResume):
            await service.wait(await resumed(service))
        assert interrupted is not None
        won += (await service.promotion(interrupted.id)).success
    assert len(won) == 1


async def test_an_interrupted_model_leaves_no_previews_to_another_of_its_content(
    pair: Legacy, tmp_path: Path
) -> None:
    several = tuple((f"four {seq}.png", picture(seq)) for seq in range(2))
    pair.add(Row(4, b"twins", images=several), Row(5, b"twins"))
    held = HeldCodec(free=1)
    async with opened(tmp_path / "library", codec=held) as service:
        await migrate(service, pair)
        await service.begin_promotion([4], None)
        assert await to_thread.run_sync(held.entered.wait, 30)
        await service.stop(0)
    async with opened(tmp_path / "library") as service:
        await service.promote([5], None)
        with suppress(NothingToResume):
            await service.wait(await resumed(service))
    assert previews(tmp_path / "library") == expected_previews(tmp_path / "library")


async def test_a_file_that_was_replaced_after_an_interruption_is_hashed_anew(
    pair: Legacy, tmp_path: Path
) -> None:
    pair.add(Row(4, b"other"))
    held = HeldCodec()
    async with opened(tmp_path / "library", codec=held) as service:
        await migrate(service, pair)
        await service.begin_promotion([3], None)
        assert await to_thread.run_sync(held.entered.wait, 30)
        await service.stop(0)
    async with opened(tmp_path / "library") as service:
        await service.promote([4], None)
        with suppress(NothingToResume):
            await service.wait(await resumed(service))
        pair.path(Row(3, b"")).write_bytes(b"another content")
        await service.promote([3], ConflictStrategy.MERGE)
    assert sha_of(b"another content") in active(tmp_path / "library")


# --- no file is read a second time


async def test_a_conflict_that_is_sent_again_reads_no_model_file(
    pair: Legacy, tmp_path: Path
) -> None:
    models = WatchedModels()
    async with opened(tmp_path / "library", models=models) as service:
        await migrate(service, pair)
        await service.promote([2], None)
        await service.promote([2], None)
        await service.promote([2], ConflictStrategy.MERGE)
    assert models.read == {str(pair.models / "2.safetensors"): 1}


async def test_a_restart_reads_no_model_file_again(pair: Legacy, tmp_path: Path) -> None:
    async with opened(tmp_path / "library") as service:
        await migrate(service, pair)
        await service.promote([2], None)
    models = WatchedModels()
    async with opened(tmp_path / "library", models=models) as service:
        report = await service.promote([2], ConflictStrategy.OVERRIDE)
    assert (report.success, models.bytes_read) == ([2], 0)


async def test_what_was_hashed_before_an_interruption_is_not_read_after_it(
    pair: Legacy, tmp_path: Path
) -> None:
    held, models = HeldCodec(), WatchedModels()
    async with opened(tmp_path / "library", codec=held) as service:
        await migrate(service, pair)
        await service.begin_promotion([3], None)
        assert await to_thread.run_sync(held.entered.wait, 30)
        await service.stop(0)
    async with opened(tmp_path / "library", models=models) as service:
        run_id = await resumed(service)
        await service.wait(run_id)
        report = await service.promotion(run_id)
    assert (report.success, models.bytes_read) == ([3], 0)


async def test_a_retry_reads_only_the_file_that_was_not_hashed(
    pair: Legacy, tmp_path: Path
) -> None:
    models = WatchedModels()
    missing = pair.models / "3.safetensors"
    content = missing.read_bytes()
    missing.unlink()
    async with opened(tmp_path / "library", models=models) as service:
        await migrate(service, pair)
        await service.promote([2, 3], None)
        missing.write_bytes(content)
        models.read.clear()
        await service.promote([2, 3], None)
    assert models.read == {str(missing): 1}


async def test_a_file_that_was_replaced_is_read_again(pair: Legacy, tmp_path: Path) -> None:
    async with opened(tmp_path / "library") as service:
        await migrate(service, pair)
        await service.promote([2], None)
        replacement = pair.models / "replacement"
        replacement.write_bytes(b"gone")
        replacement.replace(pair.models / "2.safetensors")
        await service.promote([2], None)
    assert set(active(tmp_path / "library")) == {sha_of(b"same"), sha_of(b"gone")}


def test_the_command_reads_no_model_file_again(pair: Legacy, tmp_path: Path) -> None:
    """What the process reads in all is compared: a file of 64 MiB would stand out."""
    if not Path("/proc/self/io").exists():
        pytest.skip("this system does not tell how much a process has read")
    library, size = tmp_path / "library", 64 << 20
    for name in ("2.safetensors", "3.safetensors"):
        with (pair.models / name).open("wb") as file:
            file.truncate(size)
    bytes_read("migrate", pair.database, "--library", library)
    read = [bytes_read("promote", number, "--library", library) for number in ("2", "3", "3")]
    assert [amount > size for amount in read] == [True, True, False]


# --- the service


async def test_a_caller_who_is_cancelled_does_not_stop_the_promotion(
    pair: Legacy, tmp_path: Path
) -> None:
    gate = GatedModels()
    async with opened(tmp_path / "library", models=gate) as service:
        await migrate(service, pair)
        async with anyio.create_task_group() as callers:
            callers.start_soon(service.promote, [3], None)
            assert await to_thread.run_sync(gate.reached.wait, 30)
            callers.cancel_scope.cancel()
        gate.open.set()
        report = await service.promote([2], None)
    assert (len(report.conflict), sha_of(b"other") in active(tmp_path / "library")) == (1, True)


async def test_leaving_the_service_begins_no_promotion_that_still_queues(
    pair: Legacy, tmp_path: Path
) -> None:
    pair.add(*(Row(key, f"content {key}".encode()) for key in range(4, 10)))
    gate = GatedModels()
    async with opened(tmp_path / "library", models=gate) as service:
        await migrate(service, pair)
        async with anyio.create_task_group() as callers:
            for key in range(3, 10):
                callers.start_soon(service.promote, [key], None)
            assert await to_thread.run_sync(gate.reached.wait, 30)
            callers.cancel_scope.cancel()
        gate.open.set()
    assert len(waiting(tmp_path / "library")) >= 7


# --- a promotion takes its turn after promotions, and is refused while a migration runs


async def test_a_promotion_while_a_migration_runs_is_refused_at_once(
    pair: Legacy, tmp_path: Path
) -> None:
    held = HeldCodec()
    async with opened(tmp_path / "library", codec=held) as service:
        await migrate(service, pair)
        pair.add(Row(4, b"more", hashed=True, images=(("four.png", picture(4)),)))
        await service.start(pair.request)
        assert await to_thread.run_sync(held.entered.wait, 30)
        with anyio.fail_after(30):
            report = await service.promote([2, 3], None)
    assert [(refusal.id, refusal.code) for refusal in report.failed] == [
        (2, "run_active"),
        (3, "run_active"),
    ]


async def test_a_promotion_waits_for_one_that_was_resumed(pair: Legacy, tmp_path: Path) -> None:
    reports = []
    async with opened(tmp_path / "library", codec=HeldCodec()) as service:
        await migrate(service, pair)
        await service.begin_promotion([3], None)
        await service.stop(0)
    gate = GatedModels()
    pair.add(Row(4, b"four"))
    async with opened(tmp_path / "library", models=gate) as service:
        resuming = await resumed(service)
        assert await to_thread.run_sync(gate.reached.wait, 30)

        async def promote() -> None:
            reports.append(await service.promote([2], None))

        async with anyio.create_task_group() as callers:
            callers.start_soon(promote)
            await anyio.wait_all_tasks_blocked()
            gate.open.set()
        before = await service.promotion(resuming)
    assert ([len(report.conflict) for report in reports], before.success) == ([1], [3])
