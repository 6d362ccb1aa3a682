"""The README's table of what goes where is the table that the readers run."""

from __future__ import annotations

from pathlib import Path

from adapters.sources import table
from adapters.sources.facts import Origin

README = Path(__file__).parents[3] / "README.md"
HEAD = "| of a model | it comes from the first of these that tells it |"


def written() -> str:
    """The table as Markdown: a row for each field, the sources in the order of their word."""
    rows = [HEAD, "| --- | --- |"]
    for title, told in table.rows():
        by_rank = sorted(told, key=lambda cell: list(Origin).index(cell[0]))
        cells = "; ".join(f"**{origin.known_as}** {named}" for origin, named in by_rank)
        rows.append(f"| {title} | {cells} |")
    return "\n".join(rows)


def test_the_readme_has_the_table_that_is_run() -> None:
    assert written() in README.read_text(encoding="utf-8")


def test_every_source_is_in_the_table() -> None:
    assert {origin for _, told in table.rows() for origin, _ in told} == set(Origin)
