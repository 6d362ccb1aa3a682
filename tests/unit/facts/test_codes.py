"""That every code that a person may meet has a sentence and an advice."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.facts.codes import FAILURES, WARNINGS, Meaning, ProblemKind, meaning

ROOT = Path(__file__).parents[3]
CARRIERS = {
    "Notice": ProblemKind.WARNING,
    "UnusableImage": ProblemKind.WARNING,
    "Defect": ProblemKind.FAILURE,
    "UnusableFile": ProblemKind.FAILURE,
}
OF_NO_ITEM = {"unknown_id", "busy", "root_unreadable"}
"""Of a request for promotion and of a scan, which tell of them themselves."""


def codes() -> Iterator[tuple[ProblemKind, str]]:
    """Every code that is written out where one of the carriers is made."""
    for package in ("engine", "adapters"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    kind = CARRIERS.get(node.func.id)
                    first = node.args[0] if node.args else None
                    if kind and isinstance(first, ast.Constant) and isinstance(first.value, str):
                        yield kind, first.value


FOUND = sorted(set(codes()))


def test_there_are_codes_to_look_at() -> None:
    assert len(FOUND) >= 25


@pytest.mark.parametrize(("kind", "code"), FOUND)
def test_every_code_has_a_meaning(kind: ProblemKind, code: str) -> None:
    table = {ProblemKind.WARNING: WARNINGS, ProblemKind.FAILURE: FAILURES}[kind]
    assert code in table.keys() | OF_NO_ITEM


@pytest.mark.parametrize("known", [*FAILURES.values(), *WARNINGS.values()], ids=lambda m: m.fact)
def test_a_meaning_is_a_sentence_and_its_advice_are_others(known: Meaning) -> None:
    assert known.title[0].isupper()
    assert known.title.endswith(".")
    assert not known.fact.endswith(".")
    assert known.advice[0].isupper()
    assert known.advice.endswith(".")


def test_a_code_that_is_new_stands_for_itself() -> None:
    assert meaning(ProblemKind.FAILURE, "moon_missing").title == "Moon missing."
