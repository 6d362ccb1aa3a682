"""A table of a report holds nothing that a spreadsheet would run, whatever its locale."""

from __future__ import annotations

import csv
import unicodedata
from io import StringIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.http.downloads import safe, table_lines

TELLING = st.sampled_from([*"=+-@＝＋－＠;,\t\r\n\"' |a", "\ufeff", "\u3000", "\u2212"])
TEXTS = st.text(st.one_of(TELLING, st.characters(codec="utf-8")), max_size=12)


def parted(data: bytes, separator: str) -> list[str]:
    """The cells that a spreadsheet makes of a table, which heeds quotes at their beginning only."""
    text = StringIO(data.decode(), newline="")
    return [cell for row in csv.reader(text, delimiter=separator) for cell in row]


def runs(cell: str) -> bool:
    shown = unicodedata.normalize("NFKC", cell.strip("\ufeff\u200b\0 \t\r\n\"'\u3000")[:1])
    # An apostrophe makes a text of whatever follows it.
    return shown in {*"=+-@", "\u2212"} and "'" not in cell.partition(shown)[0]


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=3), min_size=1, max_size=3))
@example([["a", ';"=1'], ["b", "\n=1"], ["c\t@x", "d;\ufeff－1"]])
@example([["a", ';;"=1']])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_cell_is_a_formula_wherever_cells_are_parted(
    separator: str, rows: list[list[str]]
) -> None:
    cells = parted(table_lines(rows), separator)
    assert cells
    assert not [cell for cell in cells if runs(cell)]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t1", "'\t1"),
        ("\r1", "'\r1"),
        ("\n1", "'\n1"),
        (";1", "';1"),
        ("＝1", "'＝1"),
        ("－1", "'－1"),
        ("  =1", "'  =1"),
        ("a;=1", "a;'=1"),
        ("a;b\t =1", "a;b\t '=1"),
    ],
)
def test_what_would_be_a_formula_becomes_text(cell: str, shown: str) -> None:
    assert safe(cell) == shown


@pytest.mark.parametrize(
    "cell", ["", "a", "a=1", "/models/a-b + c.safetensors", "C:\\a;b.ckpt", "二 = 2", 17, -4, None]
)
def test_what_is_none_stays_as_it_is(cell: object) -> None:
    assert safe(cell) == cell


def test_every_cell_is_quoted_and_read_back_as_it_was() -> None:
    rows = [["a", 'say "b"', "c,d", "e\nf", "", 7, None]]
    data = table_lines(rows)
    assert data == b'"a","say ""b""","c,d","e\nf","","7",""\r\n'
    assert parted(data, ",") == ["a", 'say "b"', "c,d", "e\nf", "", "7", ""]
