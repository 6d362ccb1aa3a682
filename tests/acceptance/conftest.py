"""What tests of verification and of repair damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.planting import Planted, copy_of, make_good


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library without a fault, and all that it was made of."""
    folder = tmp_path_factory.mktemp("good")
    make_good(folder)
    return folder


@pytest.fixture
def planted(good: Path, tmp_path: Path) -> Planted:
    """A copy of it, to be damaged."""
    return copy_of(good, tmp_path / "copy")
