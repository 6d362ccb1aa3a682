"""The tool that draws mutants: what it changes, what it leaves alone, and what it calls noticed."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from tests.mutations.__main__ import PROJECT, drawn
from tests.mutations.mutants import mutants
from tests.mutations.trials import Bench

MODULE = Path("engine/part.py")

posix = pytest.mark.skipif(os.name == "nt", reason="it ends what the tests start by its group")


def changed(source: str) -> list[str]:
    """Every source that a source can become."""
    return [mutant.of(source) for mutant in mutants(MODULE, source)]


@pytest.mark.parametrize(
    ("source", "becomes"),
    [
        ("x = a == b", "x = a != b"),
        ("x = a < b", "x = a <= b"),
        ("x = a is None", "x = a is not None"),
        ("x = a in b", "x = a not in b"),
        ("x = a and b", "x = a or b"),
        ("x = not a", "x = a"),
        ("x = a + b", "x = a - b"),
        ("x = a if b else c", "x = a if not b else c"),
        ("x = any(a)", "x = all(a)"),
        ("x = True", "x = False"),
        ("x = 1", "x = 2"),
        ("f(x)", "pass"),
        ("x += y", "pass"),
        ("raise x", "pass"),
        ("while x:\n    break", "while x:\n    continue"),
        ("while x:\n    continue", "while x:\n    break"),
        ("def f():\n    return x", "def f():\n    return None"),
        ("def f(x=1): ...", "def f(x=2): ..."),
        ("Q = 'SELECT a FROM b WHERE c > 5'", "Q = 'SELECT a FROM b WHERE c >= 5'"),
        (
            "Q = f'SELECT {a} WHERE b AND c'",
            "Q = f'SELECT {a} WHERE b OR c'",
        ),
        ("写 = '写真' == b", "写 = '写真' != b"),
    ],
)
def test_a_mutant_of(source: str, becomes: str) -> None:
    assert becomes in changed(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""The text of a module: 1 AND 2."""',
        "x: Literal[1]",
        "def f(x: Literal[True]) -> Literal[1]: ...",
        "assert x == y",
        "x = 2000",
        "x = 'a > b AND c'",
        "log.warning('%s', x)",
        "def f():\n    return None",
    ],
)
def test_no_mutant_of(source: str) -> None:
    assert changed(source) == []


def test_every_mutant_is_another_source_that_compiles() -> None:
    for path in ("adapters/sqlite/numbers.py", "adapters/files/walking.py"):
        source = (PROJECT / path).read_text(encoding="utf-8")
        found = changed(source)
        assert found
        assert source not in found
        assert all(ast.parse(made) for made in found)


def test_a_seed_draws_the_same_mutants_again() -> None:
    assert drawn(PROJECT, ["adapters/files"], 20, 7) == drawn(PROJECT, ["adapters/files"], 20, 7)
    assert drawn(PROJECT, ["adapters/files"], 20, 7) != drawn(PROJECT, ["adapters/files"], 20, 8)


def test_mutants_are_drawn_where_they_are_asked_for() -> None:
    found = drawn(PROJECT, ["adapters/sqlite"], 50, 1)
    assert {mutant.path.parts[:2] for mutant in found} == {("adapters", "sqlite")}


# --- trials, of a project of its own


PART = "def half(x):\n    return x // 2\n\n\ndef third(x):\n    return x // 3\n"
TESTS = """
from engine.part import half

def test_half():
    assert half(5) == 2
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    project = tmp_path / "project"
    for name, text in (("engine/part.py", PART), ("tests/unit/test_part.py", TESTS)):
        (project / name).parent.mkdir(parents=True)
        (project / name).write_text(text)
    for package in ("engine", "tests", "tests/unit"):
        (project / package / "__init__.py").touch()
    return Bench(project, tmp_path / "copy", seconds=60, jobs=0)


@posix
def test_a_mutant_that_a_test_fails_under_is_noticed(bench: Bench) -> None:
    wanted = next(m for m in mutants(MODULE, PART) if m.line == 2 and m.before == "x // 2")
    assert bench.try_out(wanted).noticed == "tests/unit/test_part.py::test_half"


@posix
def test_a_mutant_that_no_test_fails_under_survives(bench: Bench) -> None:
    wanted = next(m for m in mutants(MODULE, PART) if m.line == 6)
    assert bench.try_out(wanted).noticed == ""


@posix
def test_a_trial_leaves_the_source_as_it_was(bench: Bench, tmp_path: Path) -> None:
    bench.try_out(mutants(MODULE, PART)[0])
    for folder in ("project", "copy"):
        assert (tmp_path / folder / MODULE).read_text() == PART


@posix
def test_a_test_that_fails_without_a_mutant_is_not_sound(bench: Bench, tmp_path: Path) -> None:
    broken = tmp_path / "copy" / "tests" / "unit" / "test_broken.py"
    broken.write_text("def test_broken():\n    raise RuntimeError\n")
    assert not bench.is_sound("tests/unit/test_broken.py::test_broken")
    assert bench.is_sound("tests/unit/test_part.py::test_half")
