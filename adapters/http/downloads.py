"""How a report travels: a JSON or CSV file, streamed page by page.

CSV is that of RFC 4180, with columns of the same names as the JSON's fields.
"""

from __future__ import annotations

import csv
import re
from collections.abc import AsyncIterator, Callable, Iterable
from io import StringIO

import msgspec
from litestar.response import Stream

from adapters.http.errors import InvalidRequest
from engine.facts.reports import RunReport
from engine.facts.status import ItemView, RunStatus


class ReportFile(msgspec.Struct, frozen=True):
    """The JSON file: the run's status, and every item of it."""

    run: RunStatus
    items: list[ItemView]


COLUMNS = (
    "id",
    "source_id",
    "source_key",
    "path",
    "state",
    "sha256",
    "warnings",
    "error_code",
    "error",
)

BYTE_ORDER_MARK = "\ufeff"
"""Tells spreadsheets that the file is UTF-8, whatever their locale."""

_SIGNS = "=+@\N{MINUS SIGN}＝＋－＠﹦﹢﹣﹫⁼⁺⁻₌₊₋-"
"""What a spreadsheet takes for the beginning of a formula, in whatever width it is written."""
_UNSEEN = "\\s\"'\\x00\u200b-\u200f\u2060\ufeff"
"""What may stand before such a sign and be passed over."""
_BEGINNING = re.compile(f"(?=[\t\r\n;]|[{_UNSEEN}]*[{_SIGNS}])")
_LATER = re.compile(f"([;\t\r\n][{_UNSEEN}]*)(?=[{_SIGNS}])")
"""A cell may begin anew there: where the comma is the decimal sign, spreadsheets part cells by
semicolons or tabs, and then heed no quotes within them."""


def report_response(report: RunReport, form: str | None) -> Stream:
    """The report as a file in a format by name, JSON by default. Raises `InvalidRequest`."""
    name = form or "json"
    if name not in _FORMATS:
        raise InvalidRequest(f"format must be {' or '.join(_FORMATS)}")
    media_type, write = _FORMATS[name]
    assert report.status.run is not None, "there is no report without a run"
    file = f"reshelve-run-{report.status.run.id}.{name}"
    fields = {"Content-Disposition": f'attachment; filename="{file}"', "Cache-Control": "no-store"}
    return Stream(write(report), media_type=media_type, headers=fields)


async def _json(report: RunReport) -> AsyncIterator[bytes]:
    yield b'{"run":' + msgspec.json.encode(report.status) + b',"items":['
    comma = b""
    async for items in report.pages:
        if items:
            yield comma + msgspec.json.encode(items)[1:-1]
            comma = b","
    yield b"]}\n"


async def _csv(report: RunReport) -> AsyncIterator[bytes]:
    yield BYTE_ORDER_MARK.encode() + table_lines([COLUMNS])
    async for items in report.pages:
        yield table_lines(_cells(item) for item in items)


def table_lines(rows: Iterable[Iterable[object]]) -> bytes:
    """RFC 4180: CRLF after each record, quotes around each cell."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerows(map(safe, row) for row in rows)
    return text.getvalue().encode()


def safe(cell: object) -> object:
    """A cell that a spreadsheet shows and does not run: apostrophes make formulas text."""
    if not isinstance(cell, str):
        return cell
    inert = _LATER.sub(r"\1'", cell)
    return f"'{inert}" if _BEGINNING.match(cell) else inert


def _cells(item: ItemView) -> tuple[object, ...]:
    warnings = " | ".join(f"{warning.code}: {warning.detail}" for warning in item.warnings)
    code, message = (item.error.code, item.error.message) if item.error else ("", "")
    return (
        *(item.id, item.source_id, item.source_key, item.path, item.state, item.sha256),
        *(warnings, code, message),
    )


_FORMATS: dict[str, tuple[str, Callable[[RunReport], AsyncIterator[bytes]]]] = {
    "json": ("application/json", _json),
    "csv": ("text/csv", _csv),
}
