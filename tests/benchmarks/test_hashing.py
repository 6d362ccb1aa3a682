"""How fast model files are hashed: next to `hashlib.file_digest`, and through the service next to
`openssl dgst` on the same cores.

The files lie in the page cache, so the digest is measured and not the disk. Rounds alternate, and
the median counts.
"""

from __future__ import annotations

import hashlib
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest

from adapters.files.models import DiskModels
from engine.service import MigrationService
from tests.benchmarks.conftest import Figures
from tests.waiting_library import Legacy, Row, WatchedModels, migrate, opened

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1_200)]

FILES = 4
AT_ONCE = 2
ROUNDS = 3
LARGE, SMALL = 1 << 30, 1 << 28
ROOM = 8 << 30
"""Free memory and disk that four large files need, with a margin."""
BLOCK = bytes(range(256)) * 4096
"""A mebibyte that no file system stores as a hole."""
LOWEST_RATIO = 0.9
LOWEST_OF_LIBRARY = 0.95
DIGEST_ROUNDS = 9


def available_memory() -> int:
    """Bytes that a program could still use, or none where the system does not tell."""
    facts = Path("/proc/meminfo")
    if not facts.exists():
        return 0
    lines = dict(line.split(":") for line in facts.read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024


def say(words: str) -> None:
    print(words)  # noqa: T201  # the table is what `-s` is given for


class Measured:
    """Bytes a second of either, and what was read the second time."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.ours: list[float] = []
        self.theirs: list[float] = []
        self.first_read = 0
        self.read_again = 0
        self.seconds_again = 0.0

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return statistics.median(self.ours) / statistics.median(self.theirs)

    def show(self) -> None:
        """The table that the benchmark is run for."""
        rows = [("reshelve promote", self.ours), ("openssl dgst -sha256", self.theirs)]
        say(f"\n{FILES} files of {self.size >> 20} MiB, {AT_ONCE} at once, page cache")
        for name, speeds in rows:
            each = "  ".join(f"{speed / 1e6:7.0f}" for speed in speeds)
            say(f"{name:<22}{statistics.median(speeds) / 1e6:7.0f} MB/s   ({each})")
        say(f"{'ratio':<22}{self.ratio:7.2f}")
        again = f"{self.read_again} bytes read in {self.seconds_again:.3f} s"
        say(f"{'the second promote':<22}{again}")


@pytest.fixture(scope="module")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Legacy]:
    """Rows whose files are one content: one becomes active, the others conflict for ever."""
    folder = tmp_path_factory.mktemp("hashing")
    roomy = min(available_memory(), shutil.disk_usage(folder).free) > ROOM
    size = LARGE if roomy else SMALL
    made = Legacy(folder, [Row(key, b"") for key in range(1, FILES + 1)])
    for path in made.models.iterdir():
        with path.open("wb") as file:
            for _ in range(size // len(BLOCK)):
                file.write(BLOCK)
    yield made
    shutil.rmtree(folder)


def openssl(paths: list[Path]) -> float:
    """Seconds that openssl takes for all files."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(digest, paths))
    return time.perf_counter() - begun


def digest(path: Path) -> None:
    subprocess.run(["openssl", "dgst", "-sha256", path], check=True, stdout=subprocess.DEVNULL)


async def promote_all(service: MigrationService) -> float:
    """Seconds that the service takes to promote all ids."""
    begun = time.perf_counter()
    await service.promote(range(1, FILES + 1), None)
    return time.perf_counter() - begun


@pytest.fixture(scope="module")
def measured(legacy: Legacy, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    paths = sorted(legacy.models.iterdir())
    size = paths[0].stat().st_size
    found, everything = Measured(size), size * FILES

    async def ours(library: Path) -> None:
        models = WatchedModels()
        async with opened(library, workers=AT_ONCE, models=models) as service:
            await migrate(service, legacy)
            found.ours.append(everything / await promote_all(service))
            found.first_read = models.bytes_read
            found.seconds_again = await promote_all(service)
            found.read_again = models.bytes_read - found.first_read

    openssl(paths)  # brings the files into the page cache, if they are not there
    for round_ in range(ROUNDS):
        anyio.run(ours, tmp_path_factory.mktemp(f"round_{round_}") / "library")
        found.theirs.append(everything / openssl(paths))
    found.show()
    return found


def test_hashing_keeps_up_with_openssl(measured: Measured, figures: Figures) -> None:
    figures.at_least("hashing: a promotion, against openssl", measured.ratio, LOWEST_RATIO)


@pytest.mark.parametrize("threads", [1, 2])
def test_hashing_keeps_up_with_the_library(tmp_path: Path, figures: Figures, threads: int) -> None:
    """In processor seconds, each thread with a file of its own."""
    paths = [tmp_path / str(number) for number in range(threads)]
    for path in paths:
        path.write_bytes(BLOCK * (SMALL // len(BLOCK)))

    def ours(path: Path) -> None:
        DiskModels().sha256(str(path), lambda _: None)

    def theirs(path: Path) -> None:
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")

    rounds = [
        (processor_seconds(theirs, paths), processor_seconds(ours, paths))
        for _ in range(DIGEST_ROUNDS)
    ]
    library, own = (statistics.median(column) for column in zip(*rounds, strict=True))
    what = f"hashing: {threads} at once, against hashlib.file_digest"
    figures.at_least(what, library / own, LOWEST_OF_LIBRARY)


def processor_seconds(read: Callable[[Path], None], paths: list[Path]) -> float:
    """What all threads together compute, whoever else uses the machine."""
    begun = time.process_time()
    with ThreadPoolExecutor(len(paths)) as pool:
        list(pool.map(read, paths))
    return time.process_time() - begun


def test_the_first_promote_reads_every_byte_once(measured: Measured) -> None:
    assert measured.first_read == measured.size * FILES


def test_the_second_promote_reads_nothing(measured: Measured) -> None:
    assert measured.read_again == 0
