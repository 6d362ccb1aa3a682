"""What verification must not find: a good library gives no problem, whatever goes on in it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from adapters.composition import Reshelve
from adapters.pillow.codec import PillowCodec
from engine.facts.status import RunState
from tests.contract import version_2
from tests.waiting_library import Legacy, Row, migrate, opened, picture, query, sha_of

pytestmark = pytest.mark.anyio


class HeldCodec(PillowCodec):
    """Makes the first previews, and is held up at the next until it may go on."""

    def __init__(self, free: int) -> None:
        super().__init__()
        self._free = free
        self.reached = threading.Event()
        self.released = threading.Event()

    def encode(self, data: bytes, checkpoint: Callable[[], None]) -> tuple[bytes, ...]:
        self._free -= 1
        if self._free < 0:
            self.reached.set()
            self.released.wait(20)
        return super().encode(data, checkpoint)


def legacy_of(folder: Path) -> Legacy:
    def images(key: int) -> tuple[tuple[str, bytes], ...]:
        return tuple((f"{key} {n}.png", picture(10 * key + n)) for n in range(3))

    rows = [
        Row(key, f"model {key}".encode(), hashed=key != 2, images=images(key), tags=("a",))
        for key in range(1, 5)
    ]
    return Legacy(folder / "legacy", [*rows, Row(5, b"waits")])


async def problems(library: Path) -> list[tuple[str, str]]:
    async with Reshelve().verification(library, None, 2) as verification:
        return [(p.code, Path(p.path).name) async for p in verification.faults()]


async def test_a_library_that_is_being_written_has_no_problem(tmp_path: Path) -> None:
    legacy, library, codec = legacy_of(tmp_path), tmp_path / "library", HeldCodec(free=2)
    async with opened(library, workers=1, codec=codec) as service:
        started = await service.start(legacy.request)
        assert started.run is not None
        with anyio.fail_after(20):
            await to_thread.run_sync(codec.reached.wait)
        found = await problems(library)
        codec.released.set()
        await service.wait(started.run.id)
        assert found == []
        assert await problems(library) == []


async def test_what_a_power_cut_leaves_has_no_problem_but_what_was_left(tmp_path: Path) -> None:
    legacy, library, codec = legacy_of(tmp_path), tmp_path / "library", HeldCodec(free=2)
    async with opened(library, workers=1, codec=codec) as service:
        started = await service.start(legacy.request)
        assert started.run is not None
        with anyio.fail_after(20):
            await to_thread.run_sync(codec.reached.wait)
        await to_thread.run_sync(shutil.copytree, library, tmp_path / "left")
        codec.released.set()
        await service.wait(started.run.id)
    assert {code for code, _ in await problems(tmp_path / "left")} == {"temporary_left"}


async def test_a_cancelled_run_is_no_problem(tmp_path: Path) -> None:
    legacy, library, codec = legacy_of(tmp_path), tmp_path / "library", HeldCodec(free=2)
    async with opened(library, workers=1, codec=codec) as service:
        started = await service.start(legacy.request)
        assert started.run is not None
        with anyio.fail_after(20):
            await to_thread.run_sync(codec.reached.wait)
        await service.cancel()
        codec.released.set()
        ended = await service.wait(started.run.id)
        assert ended.run is not None
        assert ended.run.status is RunState.CANCELLED
    assert await problems(library) == []


async def test_failures_and_a_conflict_are_no_problem(tmp_path: Path) -> None:
    rows = [
        Row(1, b"same", hashed=True),
        Row(2, b"same", file="copy.safetensors", images=(("2.png", picture(2)),)),
        Row(3, b"other", images=(("bad.png", b"no image"), ("3.png", picture(3)))),
    ]
    legacy = Legacy(tmp_path / "legacy", rows)
    async with opened(tmp_path / "library") as service:
        await migrate(service, legacy)
        report = await service.promote([2, 3, 99], None)
        assert (report.success, len(report.conflict), len(report.failed)) == ([3], 1, 1)
    assert await problems(tmp_path / "library") == []


async def test_a_library_that_version_2_made_alone_has_no_problem(tmp_path: Path) -> None:
    library = tmp_path / "library"
    version_2.make(library)
    (library / "images" / "pending").mkdir(parents=True)
    assert await problems(library) == []


async def test_a_fault_of_a_library_that_version_2_made_alone_is_found(tmp_path: Path) -> None:
    library = tmp_path / "library"
    version_2.make(library)
    query(library, "INSERT INTO model_tags VALUES (?, 3)", sha_of(b"gone"))
    assert [code for code, _ in await problems(library)] == ["tag_link_dangling"]


async def test_what_version_2_takes_away_is_no_problem(tmp_path: Path) -> None:
    """It removes a model that waits, and an active one with its previews."""
    legacy, library = legacy_of(tmp_path), tmp_path / "library"
    async with opened(library) as service:
        await migrate(service, legacy)
    gone = sha_of(b"model 1")
    query(library, "DELETE FROM model_tags WHERE model_hash = ?", gone)
    query(library, "DELETE FROM models WHERE sha256 = ?", gone)
    query(library, "DELETE FROM pending_model_tags WHERE model_id = 2")
    query(library, "DELETE FROM pending_import WHERE id = 2")
    for path in (library / "images").glob(f"{gone}_*"):
        path.unlink()
    assert await problems(library) == []
