"""What benchmarks found, as one table at the end: what, measured, limit, and whether it is met."""

from __future__ import annotations

import msgspec
import pytest

HEADINGS = ("what", "measured", "limit", "met")


class Figure(msgspec.Struct, frozen=True):
    """One line of the table, as text."""

    what: str
    measured: str
    limit: str
    met: str


class Figures:
    """Takes what a benchmark found, and fails it where a limit is not met."""

    def __init__(self, found: list[Figure]) -> None:
        self._found = found

    def note(self, what: str, measured: str) -> None:
        """A figure without a limit."""
        self._found.append(Figure(what, measured, "", ""))

    def at_most(self, what: str, value: float, limit: float, shown: str = "{:.2f}") -> None:
        """A figure that must not be larger; `shown` is how it is written."""
        self._add(what, shown.format(value), f"<= {shown.format(limit)}", met=value <= limit)

    def at_least(self, what: str, value: float, limit: float, shown: str = "{:.2f}") -> None:
        """A figure that must not be smaller."""
        self._add(what, shown.format(value), f">= {shown.format(limit)}", met=value >= limit)

    def _add(self, what: str, measured: str, limit: str, *, met: bool) -> None:
        self._found.append(Figure(what, measured, limit, "yes" if met else "NO"))
        assert met, f"{what}: {measured}, {limit} is asked for"


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
