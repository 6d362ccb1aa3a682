"""What benchmarks found, as one table at the end.

A target is what is asked for. A benchmark fails at its limit, which is the target itself, or what
a change must not fall behind while the target is not reached.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

import msgspec
import pytest

HOLDS: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}
HEADINGS = ("what", "measured", "target", "met", "limit")


class Figure(msgspec.Struct, frozen=True):
    """One line of the table, as text."""

    what: str
    measured: str
    target: str = ""
    met: str = ""
    limit: str = ""


class Figures:
    """Takes what a benchmark found, and fails it where a limit is not met."""

    def __init__(self, found: list[Figure]) -> None:
        self._found = found

    def note(self, what: str, measured: str) -> None:
        """A figure without a target."""
        self._found.append(Figure(what, measured))

    def at_most(
        self,
        what: str,
        value: float,
        target: float,
        shown: str = "{:.2f}",
        limit: float | None = None,
    ) -> None:
        """A figure that must not be larger; `shown` is how it is written."""
        self._hold(what, "<=", value, (target, target if limit is None else limit), shown)

    def at_least(
        self,
        what: str,
        value: float,
        target: float,
        shown: str = "{:.2f}",
        limit: float | None = None,
    ) -> None:
        """A figure that must not be smaller."""
        self._hold(what, ">=", value, (target, target if limit is None else limit), shown)

    def _hold(
        self, what: str, sign: str, value: float, bounds: tuple[float, float], shown: str
    ) -> None:
        measured, target, limit = (shown.format(number) for number in (value, *bounds))
        reached, held = (HOLDS[sign](value, bound) for bound in bounds)
        self._found.append(
            Figure(
                what,
                measured,
                f"{sign} {target}",
                "yes" if reached else "NO",
                "" if bounds[0] == bounds[1] else f"{sign} {limit}",
            )
        )
        assert held, f"{what}: {measured}, {sign} {limit} is asked for"


_FOUND = pytest.StashKey[list[Figure]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FOUND] = []


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """Where a benchmark puts what it found."""
    return Figures(request.config.stash[_FOUND])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    found = [msgspec.structs.astuple(figure) for figure in config.stash.get(_FOUND, [])]
    if not found:
        return
    lines = [HEADINGS, *found]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    terminalreporter.section("figures")
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        terminalreporter.write_line("  ".join(cells).rstrip())
