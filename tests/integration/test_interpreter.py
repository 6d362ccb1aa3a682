"""That the interpreter is set as a program needs it, and as it was where that was for a while."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module

import pytest

from adapters.cli.interpreter import without

ATTUNED = """
import gc, json, sys
from adapters.cli.interpreter import attune
before = gc.get_freeze_count()
attune()
frozen = gc.get_freeze_count()
later = [[] for _ in range(1000)]
attune()
print(json.dumps([sys.getswitchinterval(), before, frozen, gc.get_freeze_count()]))
"""


def test_a_program_is_attuned_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ATTUNED], capture_output=True, text=True, check=True
    )
    interval, before, frozen, later = json.loads(done.stdout)
    assert interval == 0.001
    assert before == 0
    assert later == frozen > 1000


def test_a_module_counts_as_not_installed_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    with without("this"), pytest.raises(ModuleNotFoundError):
        import_module("this")
    assert "this" not in sys.modules


def test_a_module_that_is_there_stays_there() -> None:
    with without("json"):
        again = import_module("json")
    assert again is json
