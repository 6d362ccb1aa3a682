"""That the interpreter is set for threads that compute beside an event loop."""

from __future__ import annotations

import json
import subprocess
import sys

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
