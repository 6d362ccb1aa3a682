"""A library in a folder whose name no path handling is allowed to trip over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.bench import Bench, opened

AWKWARD = "my models 😀 ?mode=ro#100%20 'q' \"é\""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / AWKWARD


@pytest.fixture
async def bench(library: Path, anyio_backend: str) -> AsyncIterator[Bench]:
    async with opened(library) as bench:
        yield bench
