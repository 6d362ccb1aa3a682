"""What the build makes of our imports: the same program, out of the package `reshelve`."""

from __future__ import annotations

from pathlib import Path

import pytest
from relocation import UnknownForm, relocated

from tests.architecture.test_architecture import MODULES, ROOT


@pytest.mark.parametrize(
    ("here", "installed"),
    [
        ("from engine.errors import X", "from reshelve.engine.errors import X"),
        ("from engine import errors, files", "from reshelve.engine import errors, files"),
        ("from adapters import (\n  cli,\n)", "from reshelve.adapters import (\n  cli,\n)"),
        ("import engine.errors as errors", "import reshelve.engine.errors as errors"),
        ("import os, engine.files as f", "import os, reshelve.engine.files as f"),
        ("def f():\n\tfrom  engine.a import b", "def f():\n\tfrom  reshelve.engine.a import b"),
        ("模 = 1; from engine.a import b", "模 = 1; from reshelve.engine.a import b"),
        (
            "import engine.a as a, engine.b as b",
            "import reshelve.engine.a as a, reshelve.engine.b as b",
        ),
        ("if x:\r\n  from engine.a import b\r\n", "if x:\r\n  from reshelve.engine.a import b\r\n"),
    ],
)
def test_an_import_of_ours_is_out_of_the_package(here: str, installed: str) -> None:
    assert relocated(here.encode()).decode() == installed


@pytest.mark.parametrize(
    "source",
    [
        "from anyio import run",
        "import adapters_of_others",
        "from .errors import X",
        "from . import engine",
        "'''from engine.errors import X'''",
        "# from engine.errors import X",
        "engine.errors = 1",
        "print('engine', 'see engine.errors')",
    ],
)
def test_everything_else_stays(source: str) -> None:
    assert relocated(source.encode()).decode() == source


@pytest.mark.parametrize(
    "source",
    [
        "import engine",
        "import adapters.cli",
        "import os, engine.errors",
        "from \\\n  engine import errors",
        "import_module('adapters.http.app')",
        "run('adapters.http.app:app')",
        "command = ['-m', 'adapters.composition']",
    ],
)
def test_a_form_that_would_be_another_program_is_refused(source: str) -> None:
    with pytest.raises(UnknownForm, match=r"^line \d"):
        relocated(source.encode())


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_every_module_of_ours_can_be_carried_over(module: Path) -> None:
    relocated((ROOT / module).read_bytes())
