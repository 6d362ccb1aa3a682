"""Errors tell facts; remedies are told where they are shown, each in words that fit there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.cli.remedies import REMEDIES
from adapters.http.errors import REMEDIES as OVER_HTTP
from engine.errors import ReshelveError

ROOT = Path(__file__).parents[2]
COMMAND = re.compile(r"reshelve (migrate|resume|status|items|promote|scan|verify|serve)|(^|\s)--\w")
ELSEWHERE = sorted(
    path.relative_to(ROOT)
    for folder in ("engine", "adapters")
    for path in (ROOT / folder).rglob("*.py")
    if path.parts[-2] not in {"cli", "http"} and path.name != "composition.py"
)


def texts(source: str) -> Iterator[str]:
    """Texts of a program that are no documentation."""
    tree = ast.parse(source)
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in documentation:
            yield str(node.value)


def commands_in(source: str) -> list[str]:
    return [text for text in texts(source) if COMMAND.search(text)]


def test_there_are_modules_to_look_at() -> None:
    assert len(ELSEWHERE) > 80


@pytest.mark.parametrize("module", ELSEWHERE, ids=str)
def test_no_command_is_named_but_by_the_command_line_and_the_server(module: Path) -> None:
    assert commands_in((ROOT / module).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("text", ["run `reshelve resume`", "start it with --token FILE"])
def test_the_rule_finds_commands(text: str) -> None:
    assert commands_in(f"raise Wrong(f'It failed: {text}')") != []


def errors() -> list[type[ReshelveError]]:
    found = [ReshelveError]
    for error in found:
        found += error.__subclasses__()
    return found


@pytest.mark.parametrize("table", [REMEDIES, OVER_HTTP], ids=["terminal", "http"])
def test_each_remedy_is_for_an_error_that_there_is(table: dict[str, object]) -> None:
    assert table.keys() <= {error.code for error in errors()}
    assert table
