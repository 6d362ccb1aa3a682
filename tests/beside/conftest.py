"""What the tests of a library in two hands have at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.beside.shelves import Shelves


@pytest.fixture
def shelves(tmp_path: Path) -> Shelves:
    return Shelves(tmp_path)
