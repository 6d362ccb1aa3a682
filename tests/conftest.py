"""What every test has at hand: both backends, and examples that may take their time."""

from __future__ import annotations

import pytest
from hypothesis import settings

# How long an example takes is the machine's affair, not the code's.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    backend: str = request.param
    return backend
