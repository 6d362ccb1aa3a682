"""The rules of the house, held by walking the syntax trees."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    path.relative_to(ROOT)
    for package in ("engine", "adapters")
    for path in (ROOT / package).rglob("*.py")
)
FLOOR = {"engine": 20, "adapters": 30}
"""Fewer modules than this were not found, whatever the others say."""

MAX_LINES = 400
VAGUE = {"base", "common", "core", "helper", "helpers", "manager", "misc", "util", "utils"}
BACKENDS = {"asyncio", "trio", "sqlite3", "argparse", "socket", "http", "multiprocessing"}
ENGINE_MAY_IMPORT = (sys.stdlib_module_names - BACKENDS) | {
    "anyio",
    "engine",
    "msgspec",
    "statemachine",
}
COMPOSITION = "adapters.composition"
COMMON = "adapters.regular"
"""What any adapter may use; it knows none of them."""

ROOMS = ("facts", "ports", "actors", "runs", "library")
"""The rooms of the engine, from the ground up: each may import those before it, and `TOP` of them
all. `service.py` stands on the roof."""

GROUND, ROOF = "engine.errors", "engine.service"
SHARED = {"sidecars", "headers", "beside", "untrusted_sqlite"}
"""What sources share: rooms that know no manager, however many managers' folders use them."""


def read(module: Path) -> str:
    return (ROOT / module).read_text(encoding="utf-8")


def dotted(module: Path) -> str:
    parts = module.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(module: Path) -> str:
    return ".".join(module.parent.parts)


def imports(source: str, package: str) -> Iterator[str]:
    """Every module that a source names in an import, at any depth, relative ones resolved."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: -(node.level - 1) or None] if node.level else []
            named = ".".join([*above, *([node.module] if node.module else [])])
            yield named
            yield from (f"{named}.{alias.name}" for alias in node.names)


def foreign_to_engine(source: str, package: str = "engine") -> set[str]:
    """What a module of the engine imports and may not."""
    return {
        named for named in imports(source, package) if named.split(".")[0] not in ENGINE_MAY_IMPORT
    }


def siblings(source: str, package: str) -> set[str]:
    """The other adapters that a module of an adapter imports."""
    own = package.split(".")[1]
    return {
        named
        for named in imports(source, package)
        if re.match(r"adapters\.\w", named)
        and named.split(".")[1] != own
        and not f"{named}.".startswith(f"{COMMON}.")
    }


def rooms_above(source: str, module: str) -> set[str]:
    """What a module of the engine imports from a room above its own."""
    floors = {GROUND: -1, ROOF: len(ROOMS)}
    floors |= {f"engine.{room}": floor for floor, room in enumerate(ROOMS)}

    def floor_of(named: str) -> int:
        return floors.get(".".join(named.split(".")[:2]), -1)

    package, _, _ = module.rpartition(".")
    return {named for named in imports(source, package) if floor_of(named) > floor_of(module)}


def other_sources(source: str, package: str) -> set[str]:
    """The managers that a module of a manager's source, or of what sources share, imports."""
    own = package.split(".")[2] if package.count(".") > 1 else ""
    named = {name for name in imports(source, package) if name.startswith("adapters.sources.")}
    return {name for name in named if name.split(".")[2] != own and name.split(".")[2] in MANAGERS}


def bare_exemptions(source: str) -> list[str]:
    """Comments that switch a check off without saying which."""
    return [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
        and re.search(r"type:\s*ignore(?!\[)|noqa(?!:\s*[A-Z]+\d)", token.string)
    ]


ENGINE = [module for module in MODULES if module.parts[0] == "engine"]
ADAPTERS = [module for module in MODULES if len(module.parts) > 2 and module.parts[0] == "adapters"]

SOURCES = [module for module in ADAPTERS if module.parts[1] == "sources"]
MANAGERS = {
    module.parts[2] for module in SOURCES if len(module.parts) > 3 and module.parts[2] not in SHARED
}

every_module = pytest.mark.parametrize("module", MODULES, ids=str)


@pytest.mark.parametrize("package", FLOOR)
def test_there_are_modules_to_look_at(package: str) -> None:
    assert len([module for module in MODULES if module.parts[0] == package]) >= FLOOR[package]


@pytest.mark.parametrize("module", ENGINE, ids=str)
def test_the_engine_knows_no_adapter_and_no_technology(module: Path) -> None:
    assert foreign_to_engine(read(module), package_of(module)) == set()


@pytest.mark.parametrize("module", ENGINE, ids=str)
def test_rooms_of_the_engine_are_entered_from_above_only(module: Path) -> None:
    assert rooms_above(read(module), dotted(module)) == set()


def test_each_module_of_the_engine_is_in_a_room() -> None:
    outside = {dotted(module) for module in ENGINE if len(module.parts) == 2}
    assert outside == {"engine", GROUND, ROOF}
    assert {module.parts[1] for module in ENGINE if len(module.parts) > 2} == set(ROOMS)


@pytest.mark.parametrize("module", SOURCES, ids=str)
def test_a_source_knows_no_other_source(module: Path) -> None:
    assert other_sources(read(module), package_of(module)) == set()


@pytest.mark.parametrize("module", ADAPTERS, ids=str)
def test_an_adapter_knows_no_other_adapter(module: Path) -> None:
    assert siblings(read(module), package_of(module)) == set()


def test_one_composition_root_names_the_adapters() -> None:
    beside = {dotted(module) for module in MODULES if module.parts[0] == "adapters"} - {
        dotted(module) for module in ADAPTERS
    }
    assert beside == {"adapters", COMPOSITION, COMMON}


def test_what_all_adapters_may_use_knows_none_of_them() -> None:
    module = Path(*COMMON.split(".")).with_suffix(".py")
    assert not {named for named in imports(read(module), "adapters") if "adapters" in named}


@pytest.mark.parametrize(
    "module", [module for module in MODULES if dotted(module) != COMPOSITION], ids=str
)
def test_nothing_imports_the_composition_root(module: Path) -> None:
    assert COMPOSITION not in set(imports(read(module), package_of(module)))


@every_module
def test_a_module_is_of_readable_length(module: Path) -> None:
    assert len(read(module).splitlines()) <= MAX_LINES


@every_module
def test_a_module_says_what_belongs_there(module: Path) -> None:
    assert (ast.get_docstring(ast.parse(read(module))) or "").strip()


@every_module
def test_a_module_is_named_for_its_subject(module: Path) -> None:
    assert not VAGUE & {module.stem, *module.parts[:-1]}


@every_module
def test_a_class_is_named_for_what_it_is(module: Path) -> None:
    classes = [node for node in ast.walk(ast.parse(read(module))) if isinstance(node, ast.ClassDef)]
    assert not [c.name for c in classes if re.search(r"(Manager|Helper|Utils?)$", c.name)]


@every_module
def test_a_check_is_only_switched_off_by_name(module: Path) -> None:
    assert bare_exemptions(read(module)) == []


@pytest.mark.parametrize(
    "source",
    [
        "import adapters",
        "from adapters.sqlite.store import SqliteStore",
        "import sqlite3",
        "import aiosqlite",
        "from PIL import Image",
        "import litestar.handlers",
        "def f():\n    from rich.console import Console",
        "if TYPE_CHECKING:\n    import argparse",
        "import asyncio",
    ],
)
def test_the_rule_for_the_engine_finds(source: str) -> None:
    assert foreign_to_engine(source, "engine.part")


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("from engine.ports.journal import Reader", "engine.facts.work"),
        ("from engine.runs import worker", "engine.actors.dispatcher"),
        ("from ..library import catalogue", "engine.runs.worker"),
        ("from engine.service import MigrationService", "engine.library.catalogue"),
        ("from engine.facts import work", "engine.errors"),
    ],
)
def test_the_rule_for_rooms_finds(source: str, module: str) -> None:
    assert rooms_above(source, module)


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("from engine.facts.work import Run", "engine.facts.status"),
        ("from engine.errors import ReshelveError", "engine.facts.work"),
        ("from engine.runs.worker import Worker", "engine.service"),
        ("from engine import __version__", "engine.facts.work"),
    ],
)
def test_the_rule_for_rooms_lets_pass(source: str, module: str) -> None:
    assert not rooms_above(source, module)


def test_the_rule_for_sources_finds_and_lets_pass() -> None:
    assert "hikaze1" in MANAGERS
    taken = "from adapters.sources.hikaze1 import mapping"
    assert other_sources(taken, "adapters.sources.untrusted_sqlite")
    assert not other_sources(taken, "adapters.sources.hikaze1")
    assert not other_sources("from adapters.sources import claims", "adapters.sources.hikaze1")


@pytest.mark.parametrize(
    "source",
    [
        "import anyio",
        "from engine.records import Tag",
        "from .records import Tag",
        "from collections.abc import Iterator",
        "'''import sqlite3'''",
    ],
)
def test_the_rule_for_the_engine_lets_pass(source: str) -> None:
    assert not foreign_to_engine(source)


@pytest.mark.parametrize(
    "source",
    [
        "import adapters.cli.main",
        "from adapters import cli",
        "from adapters.cli import main",
        "from ..cli import main",
        "from adapters.composition import Reshelve",
    ],
)
def test_the_rule_for_adapters_finds(source: str) -> None:
    assert siblings(source, "adapters.sqlite")


@pytest.mark.parametrize(
    "source",
    ["from adapters.sqlite import reads", "from . import reads", "from engine.files import X"],
)
def test_the_rule_for_adapters_lets_pass(source: str) -> None:
    assert not siblings(source, "adapters.sqlite")


@pytest.mark.parametrize("comment", ["# type: ignore", "# noqa", "# type:ignore  # why"])
def test_the_rule_for_exemptions_finds(comment: str) -> None:
    assert bare_exemptions(f"x = 1  {comment}\n")


@pytest.mark.parametrize("comment", ["# type: ignore[misc]", "# noqa: PTH116  why", "# ignored"])
def test_the_rule_for_exemptions_lets_pass(comment: str) -> None:
    assert not bare_exemptions(f"x = 1  {comment}\n")
